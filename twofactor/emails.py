"""The mails of this room. Each function writes rows into the outbox of the present transaction; none sends. No mail has a code."""

from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.audit import Actor
from accounts.clients import device_name
from accounts.credentials import Casualties
from accounts.models import User
from accounts.outbox import Letter


def turned_on(user: User, *, actor: Actor, ended: list[Casualties]) -> None:
    """The notice that logins need a code from now on."""
    _write(user, "Two-factor authentication is on", "turned_on", actor, ended=ended)


def turned_off(user: User, *, actor: Actor, ended: list[Casualties]) -> None:
    """The notice that the password alone is enough again."""
    _write(user, "Two-factor authentication is off", "turned_off", actor, ended=ended)


def backup_code_used(user: User, *, left: int, actor: Actor) -> None:
    """The notice that a backup code was used, and how many are left (BKP-03)."""
    _write(user, "A backup code of your Gatehouse account was used", "backup_code_used", actor, left=left)


def backup_codes_renewed(user: User, *, actor: Actor) -> None:
    """The notice that new backup codes replaced the old ones."""
    _write(user, "New backup codes for your Gatehouse account", "backup_codes_renewed", actor)


def codes_locked(user: User, *, wrong: int, actor: Actor) -> None:
    """The notice that no code is looked at for a while: somebody knows the password and tries codes."""
    _write(user, "Somebody tries codes for your Gatehouse account", "codes_locked", actor, wrong=wrong)


def _write(user: User, subject: str, template: str, actor: Actor, **context: object) -> None:
    letter = Letter(to=user.email, subject=subject, template=f"twofactor/mail/{template}", user=user)
    reset_url = settings.SITE_URL + reverse("accounts:reset-password")
    outbox.write(letter, ip=actor.ip or "an unknown address", device=device_name(actor.user_agent), reset_url=reset_url, **context)
