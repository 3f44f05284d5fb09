"""Sensitive acts ask again: the current password, and a code where logins need one, with the counters of a login (CRD-04)."""

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit, limits, login, passwords, throttle
from accounts.audit import Actor
from accounts.devices import Device
from accounts.errors import StaleProof, StepNeeded, WrongPassword
from accounts.events import ConfirmationFailed
from accounts.login import Stage, Ticket, take_attempt
from accounts.models import Session, User


@dataclass(frozen=True)
class Proof:
    """Somebody proved to be this user at this epoch; worth nothing after the next credential change."""

    user_id: int
    epoch: int
    tickets: tuple[Ticket, ...] = ()

    def redeem(self, user: User) -> None:
        """Use it for an act on `user`, whose row is locked; the code in it counts with the act or not at all (OTP-02).

        Raises StaleProof unless it is `user` who proved it, at the epoch of then (CRD-03), and StepRefused where another request
        used the code first.
        """
        if user.pk != self.user_id or user.session_epoch != self.epoch:
            raise StaleProof()
        for ticket in self.tickets:
            ticket.spend()


def needs_code(user: User) -> bool:
    """Return whether `confirm` asks `user` for more than the password."""
    return bool(_needed_stages(user))


def confirm(*, user: User, password: str, answer: str | None, device: Device | None, actor: Actor) -> Proof:
    """Return a proof that `password` is the current password of `user`, and `answer` right where a login would need one.

    Raises WrongPassword (counted, in a transaction of its own, so that it survives), TooManyAttempts, PasswordDisabled, Busy;
    after the right password StepNeeded without an answer and StepRefused (counted) for a wrong one.
    The proof carries the epoch of `user` as the session knew it: a form opened before a change proves nothing after it.
    """
    attempt = take_attempt(user.username, user, device, actor)
    current = User.objects.get(pk=user.pk)
    if not throttle.check(attempt, lambda: passwords.matches(password, current)):
        audit.record(ConfirmationFailed(), subject=user, actor=actor)
        raise WrongPassword()
    return Proof(user_id=user.pk, epoch=user.session_epoch, tickets=_tickets(current, answer, actor))


def _needed_stages(user: User) -> list[Stage]:
    return [stage for stage in login.stages() if stage.is_needed(user)]


def _tickets(user: User, answer: str | None, actor: Actor) -> tuple[Ticket, ...]:
    needed = _needed_stages(user)
    if needed and not answer:
        raise StepNeeded()
    return tuple(stage.check(user, answer or "", actor) for stage in needed)


def remember(session: Session, proof: Proof) -> None:
    """Use `proof` to note that it was just given in this session, and in no other: for 10 minutes nothing is asked again.

    Raises as `Proof.redeem` does.
    """
    with transaction.atomic():
        proof.redeem(User.objects.lock(proof.user_id))
        session.confirmed_at = timezone.now()
        Session.objects.filter(pk=session.pk).update(confirmed_at=session.confirmed_at)


def is_recent(session: Session) -> bool:
    """Return whether the password was given in this session within the last 10 minutes, at its login or since."""
    given = session.confirmed_at
    return given is not None and timezone.now() - given < timedelta(seconds=limits.CONFIRMED_SECONDS)
