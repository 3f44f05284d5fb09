"""The credential-change pipeline (DESIGN 2.1): one announcer, one signal, one transaction."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from django.db import connection

from accounts.audit import Actor
from accounts.failpoints import failpoint
from accounts.models import User, WhyEnded
from accounts.signals import casualties_asked, credentials_changed

NAMES_SHOWN = 20


class Change(StrEnum):
    """What was changed, and how it is told: `label` in sentences, `notice` and `then` on the login page.

    The value is the reason in that page's address (`?why=`), and in the record of whatever the change ended.
    """

    label: str
    notice: str
    then: str

    PASSWORD = "password-changed", "the password was changed", "Your password was changed", "Sign in with the new password."
    PASSWORD_RESET = "password-reset", "the password was reset", "Your password was reset", "Sign in with the new password."
    EMAIL = "email-changed", "the e-mail address was changed", "Your e-mail address was changed", "Sign in again."
    TWO_FACTOR_ON = (
        "2fa-on", "two-factor authentication was turned on", "Two-factor authentication is on",
        "Sign in with your password and a new code: the one from the set-up is used.",
    )  # fmt: skip
    TWO_FACTOR_OFF = (
        "2fa-off", "two-factor authentication was turned off", "Two-factor authentication is off",
        "Your password alone is enough to sign in.",
    )  # fmt: skip

    TWO_FACTOR_RESET = (
        "2fa-reset", "two-factor authentication was reset by support", "Support reset your two-factor authentication",
        "Your password alone is enough to sign in. Set two-factor authentication up again.",
    )  # fmt: skip
    SECURED = (
        "account-secured", "the account was secured after a suspicion", "Your account is secured",
        "Sign in with the new password.",
    )  # fmt: skip
    DEACTIVATED = "deactivated", "the account was switched off", "This account is switched off", "Contact support."

    def __new__(cls, value: str, label: str, notice: str, then: str) -> "Change":
        """Return the member; only the value makes it equal to anything."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label, member.notice, member.then = label, notice, then
        return member


_LABELS: dict[str, str] = {**dict(WhyEnded.choices), **{change.value: change.label for change in Change}}


def label_of(why: str) -> str:
    """Return the words for a reason that a record holds: a credential change, or any other end of a session."""
    return _LABELS.get(why, why)


@dataclass(frozen=True)
class Casualties:
    """What an act ended, or would end: `noun` in the singular, `count` of them, the names of the first 20."""

    noun: str
    count: int
    names: list[str] = field(default_factory=list)
    verb: str = "Stops"

    @property
    def more(self) -> int:
        """How many are not named."""
        return self.count - len(self.names)

    @property
    def phrase(self) -> str:
        """ "Stops 3 tokens: a, b, c", as the forms say it."""
        counted = f"{self.verb} {self.count} {self.noun}{'' if self.count == 1 else 's'}"
        if not self.names:
            return counted
        return f"{counted}: {', '.join(self.names)}" + (f" and {self.more} more" if self.more else "")


Answers = list[tuple[Any, Any]]  # receiver, list[Casualties] or None


def announce(user: User, *, change: Change, actor: Actor, revoke_tokens: bool = False) -> list[Casualties]:
    """Tell every room that a credential of `user` (whose row is locked) changed; return what they ended.

    Only flows call it, inside their transaction: a receiver that raises undoes the change.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("a credential change is one transaction; call announce() inside it")
    answers: Answers = credentials_changed.send(User, user=user, change=change, actor=actor, revoke_tokens=revoke_tokens)
    failpoint("credentials.announced")
    return [casualty for _, ended in answers for casualty in ended or []]


def casualties(user: User) -> list[Casualties]:
    """Return what *Revoke Active Tokens* would end for `user` now, by asking every room. Changes nothing."""
    answers: Answers = casualties_asked.send(User, user=user)
    return [casualty for _, would_end in answers for casualty in would_end or [] if casualty.count]


def counts(ended: list[Casualties]) -> dict[str, int]:
    """Return how many of what ended, by noun, for the event of the change; what did not end is left out."""
    return {casualty.noun: casualty.count for casualty in ended if casualty.count}
