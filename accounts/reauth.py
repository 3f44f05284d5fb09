"""Sensitive acts ask again: the current password in the form, checked with the counters of a login (CRD-04)."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from accounts import audit, limits, passwords, throttle
from accounts.audit import Actor
from accounts.devices import Device
from accounts.errors import StaleProof, WrongPassword
from accounts.events import ConfirmationFailed
from accounts.login import take_attempt
from accounts.models import Session, User


@dataclass(frozen=True)
class Proof:
    """Somebody proved to be this user at this epoch; worth nothing after the next credential change."""

    user_id: int
    epoch: int

    def require_fresh(self, user: User) -> None:
        """Raise StaleProof unless `user` (locked) is the one who proved it, at the epoch of then (CRD-03)."""
        if user.pk != self.user_id or user.session_epoch != self.epoch:
            raise StaleProof()


def confirm(*, user: User, password: str, device: Device | None, actor: Actor) -> Proof:
    """Return a proof that `password` is the current password of `user`.

    Raises WrongPassword (counted, in a transaction of its own, so that it survives), TooManyAttempts, PasswordDisabled, Busy.
    The proof carries the epoch of `user` as the session knew it: a form opened before a change proves nothing after it.
    """
    attempt = take_attempt(user.username, user, device, actor)
    current = User.objects.get(pk=user.pk)
    if not throttle.check(attempt, lambda: passwords.matches(password, current)):
        audit.record(ConfirmationFailed(), subject=user, actor=actor)
        raise WrongPassword()
    return Proof(user_id=user.pk, epoch=user.session_epoch)


def remember(session: Session) -> None:
    """Note that the password was just given in this session, and in no other one: for 10 minutes it need not be given again."""
    session.confirmed_at = timezone.now()
    Session.objects.filter(pk=session.pk).update(confirmed_at=session.confirmed_at)


def is_recent(session: Session) -> bool:
    """Return whether the password was given in this session within the last 10 minutes, at its login or since."""
    given = session.confirmed_at
    return given is not None and timezone.now() - given < timedelta(seconds=limits.CONFIRMED_SECONDS)
