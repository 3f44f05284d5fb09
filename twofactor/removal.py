"""How a second factor goes: turned off by its person, reset by support, thrown away after a suspicion."""

from django.utils import timezone

from accounts.models import User
from twofactor import gate
from twofactor.models import Authenticator, BackupCode, EnrolmentDue, WrongCode


def take_off(user: User, *, must_enrol: bool) -> bool:
    """Forget the app's key, the backup codes and the wrong codes of `user`, whose row is locked; return whether it was on.

    `must_enrol`: from now on they can do nothing before setting it up, whatever organizations say, also within a grace period.
    """
    was_on = bool(Authenticator.objects.filter(user=user).delete()[0])
    BackupCode.objects.of(user).delete()
    WrongCode.objects.filter(user=user).delete()
    if must_enrol:
        EnrolmentDue.objects.update_or_create(user=user, defaults={"since": timezone.now()})
    gate.settle(User.objects.filter(pk=user.pk))
    return was_on
