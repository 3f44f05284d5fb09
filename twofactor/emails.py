"""The mails of this room. Each function writes rows into the outbox of the present transaction; none sends. No mail has a code."""

from django.conf import settings
from django.urls import reverse

from accounts import outbox
from accounts.audit import Actor
from accounts.clients import device_name
from accounts.credentials import Casualties
from accounts.models import User
from accounts.outbox import Letter
from twofactor.events import AccountSecured
from twofactor.models import ResetRequest


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


def reset_asked(reset: ResetRequest, *, key: str) -> None:
    """The notice that support wants to take it off, at once (ADM-05); `key` opens the page that objects."""
    _of_reset(reset, "Support was asked to turn your two-factor authentication off", "reset_asked", key=key)


def reset_agreed(reset: ResetRequest, *, key: str) -> None:
    """The notice of the second member of support, and until when one can object."""
    _of_reset(reset, "Support will turn your two-factor authentication off", "reset_agreed", key=key)


def reset_withdrawn(reset: ResetRequest, *, by: User | None, reason: str) -> None:
    """The notice that it stays on, for support changed its mind; without `by`, for whoever asked or agreed has no say any more."""
    _of_reset(reset, "Your two-factor authentication stays on", "reset_withdrawn", by=by, reason=reason)


def reset_objected(reset: ResetRequest, *, user: User, actor: Actor) -> None:
    """The confirmation of an objection, with what to do now."""
    _write(user, "You objected: two-factor authentication stays on", "reset_objected", actor, reset=reset)


def reset_done(reset: ResetRequest, *, ended: list[Casualties]) -> None:
    """The notice that support took it off: who asked, who agreed, why."""
    _of_reset(reset, "Support turned your two-factor authentication off", "reset_done", ended=ended)


def account_secured(user: User, *, actor: Actor, ended: list[Casualties], event: AccountSecured) -> None:
    """The notice of the one act of somebody who may be compromised, with the way to the report."""
    report_url = settings.SITE_URL + event.page
    _write(user, "Your Gatehouse account is secured", "account_secured", actor, ended=ended, event=event, report_url=report_url)


def _of_reset(reset: ResetRequest, subject: str, template: str, *, key: str = "", **context: object) -> None:
    # Of support, the mail names the person and not the address of their desk.
    user = reset.user
    link = settings.SITE_URL + reverse("twofactor:object", kwargs={"key": key}) if key else ""
    urls = {"link": link, "login_url": settings.SITE_URL + reverse("accounts:login")}
    outbox.write(Letter(to=user.email, subject=subject, template=f"twofactor/mail/{template}", user=user), reset=reset, **urls, **context)


def _write(user: User, subject: str, template: str, actor: Actor, **context: object) -> None:
    letter = Letter(to=user.email, subject=subject, template=f"twofactor/mail/{template}", user=user)
    reset_url = settings.SITE_URL + reverse("accounts:reset-password")
    outbox.write(letter, ip=actor.ip or "an unknown address", device=device_name(actor.user_agent), reset_url=reset_url, **context)
