"""People with two-factor authentication on, and the codes that their phones show."""

import factory
from django.contrib.auth.models import Group
from django.utils import timezone

from accounts.models import User
from accounts.support import GROUP, Staff, acting
from tests.factories import UserFactory, actor
from twofactor import backup_codes, totp, vault
from twofactor.models import Authenticator, BackupCode

SECRET = b"twenty bytes, a key!"
NAME = "Aegis"
WHY = "Phone drowned, checked by a call"


class AuthenticatorFactory(factory.django.DjangoModelFactory[Authenticator]):
    """The key `SECRET` in the app of `user`, of which no code counted yet."""

    class Meta:
        model = Authenticator

    name = NAME
    secret = factory.LazyAttribute(lambda device: vault.seal(SECRET, user_id=device.user.pk))
    last_used_at = factory.LazyFunction(timezone.now)


def turned_on(user: User) -> list[str]:
    """Turn it on for `user`, without the pages; return the backup codes."""
    AuthenticatorFactory(user=user)
    codes = backup_codes.new_codes()
    BackupCode.objects.replace(user, codes)
    return codes


def supporter(name: str, reason: str = WHY) -> Staff:
    """Return somebody of support who acts."""
    user = User.objects.filter(username=name).first() or UserFactory(username=name, is_staff=True)
    user.groups.add(Group.objects.get_or_create(name=GROUP)[0])
    return acting(reason=reason, actor=actor(user, door="admin"))


def code(steps: int = 0, secret: bytes = SECRET) -> str:
    """Return the code that the phone shows now, or so many steps of 30 s later."""
    return totp.code_at(secret, totp.step_now() + steps)


def wrong_code(secret: bytes = SECRET) -> str:
    """Return six digits that are the code of no step from 20 minutes ago to 20 minutes ahead."""
    near = {code(steps, secret) for steps in range(-40, 41)}
    return next(digits for digits in (f"{number:06d}" for number in range(100)) if digits not in near)
