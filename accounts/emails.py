"""The mails of this room. Each function writes rows into the outbox of the present transaction; none sends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from accounts import limits, outbox
from accounts.audit import Actor
from accounts.clients import device_name
from accounts.credentials import Casualties
from accounts.models import EmailChange, User
from accounts.outbox import Letter
from accounts.support import Staff


def welcome(user: User, *, actor: Actor) -> None:
    """The notice of a new account, to its address."""
    letter = Letter(to=user.email, subject="Your Gatehouse account", template="accounts/mail/welcome", user=user)
    outbox.write(letter, login_url=_url("login"), reset_url=_url("reset-password"), **_from(actor))


def reset_link(user: User | None, *, uid: str, key: str, actor: Actor) -> None:
    """The link that resets a password; with no `user` the same work for a mail to nobody (RST-01)."""
    letter = Letter(
        to=user.email if user else "", subject="Reset your Gatehouse password", template="accounts/mail/reset_link",
        user=user, good_for_seconds=limits.RESET_LINK_LIFE_SECONDS,
    )  # fmt: skip
    outbox.write(letter, link=_url("choose-password", uid=uid, key=key), **_from(actor))


def password_changed(user: User, *, actor: Actor, ended: list[Casualties], by_reset: bool = False) -> None:
    """The notice of a new password."""
    letter = Letter(to=user.email, subject="Your Gatehouse password was changed", template="accounts/mail/password_changed", user=user)
    outbox.write(letter, by_reset=by_reset, ended=ended, reset_url=_url("reset-password"), **_from(actor))


def confirm_address(change: EmailChange, *, key: str, actor: Actor) -> None:
    """The link that confirms a new address, to that address."""
    letter = Letter(
        to=change.new_email, subject="Confirm your new address for Gatehouse", template="accounts/mail/confirm_address",
        user=change.user, good_for_seconds=limits.EMAIL_LINK_LIFE_SECONDS,
    )  # fmt: skip
    outbox.write(letter, link=_url("confirm-email", key=key), change=change, **_from(actor))


def address_change_asked(change: EmailChange, *, key: str, actor: Actor) -> None:
    """The notice to the present address, with the link that cancels (S3.6)."""
    letter = Letter(
        to=change.old_email, subject="Somebody asked to change your Gatehouse address", template="accounts/mail/address_change_asked",
        user=change.user,
    )  # fmt: skip
    outbox.write(letter, link=_url("cancel-email", key=key), change=change, **_from(actor))


def address_changed(user: User, *, change: EmailChange, actor: Actor, ended: list[Casualties]) -> None:
    """The notice of a confirmed change, to the old and to the new address (CRD-05)."""
    for to in (change.old_email, change.new_email):
        letter = Letter(to=to, subject="Your Gatehouse address was changed", template="accounts/mail/address_changed", user=user)
        outbox.write(letter, change=change, ended=ended, **_from(actor))


def address_change_cancelled(change: EmailChange, *, actor: Actor) -> None:
    """The notice that the wish is dead, to the present address."""
    letter = Letter(
        to=change.old_email, subject="The change of your Gatehouse address was cancelled",
        template="accounts/mail/address_change_cancelled", user=change.user,
    )  # fmt: skip
    outbox.write(letter, change=change, reset_url=_url("reset-password"), **_from(actor))


def login_stopped(user: User, *, actor: Actor, at: datetime) -> None:
    """The notice that somebody had the right password, and got no further: no right code came, or none is set up (LOG-13)."""
    subject = "Somebody had your Gatehouse password, and did not get in"
    letter = Letter(to=user.email, subject=subject, template="accounts/mail/login_stopped", user=user)
    outbox.write(letter, stopped_at=at, reset_url=_url("reset-password"), **_from(actor))


def new_device(user: User, actor: Actor) -> None:
    """The notice of a sign-in from a browser or machine not seen before (LOG-13)."""
    letter = Letter(to=user.email, subject="New sign-in to Gatehouse", template="accounts/mail/new_device", user=user)
    outbox.write(letter, reset_url=_url("reset-password"), **_from(actor))


@dataclass(frozen=True)
class Notice:
    """What a mail about an act of support says: its subject, `what` was done (after "Hello Amy,"), and what the person can do `then`."""

    subject: str
    what: str
    then: str = ""


def by_support(user: User, staff: Staff, notice: Notice, ended: Sequence[Casualties] = ()) -> None:
    """The notice of an act of support: who of them, what, why, what ended with it, what to do if it was not expected (ADM-04)."""
    letter = Letter(to=user.email, subject=notice.subject, template="accounts/mail/by_support", user=user)
    outbox.write(letter, notice=notice, ended=ended, by=staff.user.display_name, reason=staff.reason)


def reset_by_support(user: User, *, uid: str, key: str, staff: Staff) -> None:
    """The link that resets a password, sent by support, who do not see it; who of them, and why."""
    letter = Letter(
        to=user.email, subject="Reset your Gatehouse password", template="accounts/mail/reset_by_support",
        user=user, good_for_seconds=limits.RESET_LINK_LIFE_SECONDS,
    )  # fmt: skip
    link = _url("choose-password", uid=uid, key=key)
    outbox.write(letter, link=link, by=staff.user.display_name, reason=staff.reason)


def _url(name: str, **parts: str) -> str:
    # Links come from SITE_URL alone: a Host header never reaches a mail (RST-06).
    return settings.SITE_URL + reverse(f"accounts:{name}", kwargs=parts)


def _from(actor: Actor) -> dict[str, str]:
    return {"ip": actor.ip or "an unknown address", "device": device_name(actor.user_agent)}
