"""Signing in (DESIGN 4): the password, then `settings.LOGIN_STAGES` in order, then one transaction that opens what was asked for.

Both doors, the page and `dx login`, go through `check_password`, the stages, and `finish`; they share counters, words and log.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils.module_loading import import_string

from accounts import audit, emails, limits, passwords, stopped, throttle
from accounts.audit import Actor
from accounts.devices import Device
from accounts.errors import PasswordDisabled, StaleProof, StepNeeded, TooManyAttempts, WrongCredentials
from accounts.events import LoginFailed, LoginPassed, LoginRefused
from accounts.failpoints import failpoint
from accounts.models import User
from accounts.signals import signed_in
from accounts.spelling import fold_username
from accounts.throttle import Attempt
from accounts.wording import spell_wait

T = TypeVar("T")


class Ticket(Protocol):
    """A right answer to a stage, not used up yet."""

    def spend(self) -> None:
        """Use it up, inside the transaction of what it lets in and under the person's lock: it counts with that or not at all.

        Raises StepRefused where another request was faster.
        """


class Stage(Protocol):
    """One step between password and session. LOGIN_STAGES names instances by dotted path."""

    name: str

    def is_needed(self, user: User) -> bool:
        """Return whether `user` has to pass this stage."""

    def check(self, user: User, answer: str, actor: Actor) -> Ticket:
        """Return the ticket that a right `answer` is; raise StepRefused (counted) or TooManyAttempts. Outside of any transaction."""

    def facts(self, user: User) -> dict[str, Any]:
        """Return what the page that asks says of the answer, for its template."""


@dataclass(frozen=True)
class Checked:
    """A login whose password was right: the user as read then, and what was counted. Valid for the epoch it was read at."""

    user: User
    attempt: Attempt
    passed: tuple[str, ...] = ("password",)
    tickets: tuple[Ticket, ...] = ()

    @cached_property
    def stage(self) -> Stage | None:
        """The first stage that this login still has to pass, or None. Asked once: what changes it later ends the epoch as well."""
        return next((stage for stage in stages() if stage.name not in self.passed and stage.is_needed(self.user)), None)

    @property
    def by_second_factor(self) -> bool:
        """Whether more than the password was asked for and given."""
        return len(self.passed) > 1


def check_password(*, username: str, password: str, device: Device | None, actor: Actor) -> Checked:
    """Return the login of `username` once the password is right.

    `device` is the browser, if it is one; an account that knows it gives it a counter of its own. Raises WrongCredentials
    (counted), TooManyAttempts and PasswordDisabled (no hash spent), Busy (not counted). Call it outside of any transaction:
    what it counts must survive (LOG-03).
    """
    folded = fold_username(username)
    user = User.objects.filter(username=folded).first()
    attempt = take_attempt(folded, user, device, actor)
    if not throttle.check(attempt, lambda: passwords.matches(password, user)) or user is None:
        audit.record(LoginFailed(), subject=user, actor=actor)
        raise WrongCredentials()
    _renew_hash(user, password)
    checked = Checked(user=user, attempt=attempt)
    if checked.stage is not None:
        stopped.note(user, actor)
    return checked


def stages() -> list[Stage]:
    """Return the configured stages, in order."""
    return [import_string(path) for path in settings.LOGIN_STAGES]


def pass_stage(checked: Checked, stage: Stage, answer: str, actor: Actor) -> Checked:
    """Return the login with `stage` passed; raises what the stage raises."""
    ticket = stage.check(checked.user, answer, actor)
    return replace(checked, passed=(*checked.passed, stage.name), tickets=(*checked.tickets, ticket))


def pass_stages(checked: Checked, answer: str | None, actor: Actor) -> Checked:
    """Return the login with all stages passed by one `answer`, as the dx protocol sends it.

    Raises StepNeeded where a stage wants an answer and there is none, StepRefused where it is wrong.
    """
    while (stage := checked.stage) is not None:
        if not answer:
            raise StepNeeded()
        checked = pass_stage(checked, stage, answer, actor)
        answer = None
    return checked


def settle(checked: Checked) -> Checked:
    """Return the login with its tickets used up, for one that goes on in another request. Raises StepRefused and StaleProof."""
    with transaction.atomic():
        _spend(checked)
    return replace(checked, tickets=())


def _spend(checked: Checked) -> User:
    user = User.objects.lock(checked.user.pk)
    if user.session_epoch != checked.user.session_epoch or not user.is_active:
        raise StaleProof()
    for ticket in checked.tickets:
        ticket.spend()
    return user


def finish(checked: Checked, *, actor: Actor, new_device: bool, opens: Callable[[User], T]) -> T:
    """Complete the login and return what `opens(user)` made (a session, a token), in one transaction under the user's lock.

    A code counts in it, too: a process that dies on the way leaves neither a session nor a spent code. Raises StaleProof where a
    credential changed since the password was checked, so that no login outlives a change (SES-09), StepNeeded where a stage was
    left out, and StepRefused where a code was used a moment before.
    """
    if checked.stage is not None:
        raise StepNeeded()
    with transaction.atomic():
        user = _spend(checked)
        throttle.clear(checked.attempt)
        if checked.by_second_factor:
            stopped.forget(user, actor)
        acting = replace(actor, user=user)
        how = LoginPassed(how=" and ".join(checked.passed), new_device=new_device, failures_before=checked.attempt.failures)
        audit.record(how, subject=user, actor=acting)
        if new_device:
            emails.new_device(user, acting)
        signed_in.send(User, user=user, actor=acting, second_factor=checked.by_second_factor)
        opened = opens(user)
        failpoint("login.opened")
    failpoint("login.committed")
    return opened


def take_attempt(username: str, user: User | None, device: Device | None, actor: Actor) -> Attempt:
    """Count an attempt at the password of `username` (folded; `user` if there is one). A refusal is recorded once per wait.

    Raises TooManyAttempts and PasswordDisabled.
    """
    known = device.id if device is not None and device.knows(user) else None
    try:
        return throttle.take(username=username, device=known, address=actor.ip)
    except (TooManyAttempts, PasswordDisabled) as refusal:
        _record_refusal(username, user, actor, refusal.retry_after)
        raise


def _record_refusal(username: str, user: User | None, actor: Actor, wait_seconds: int | None) -> None:
    # The log keeps its rows for ever: whoever hammers on a locked door is in it once per wait, not once per knock.
    told = throttle.key_for("refused", f"{username}:{actor.ip}")
    if cache.add(told, 1, timeout=wait_seconds or limits.FAILURE_WINDOW_SECONDS):
        audit.record(LoginRefused(wait=spell_wait(wait_seconds) if wait_seconds else ""), subject=user, actor=actor)


def _renew_hash(user: User, password: str) -> None:
    if not passwords.is_outdated(user.password):
        return
    # Only if nobody changed it meanwhile; the epoch stays: a re-hash is no credential change (LOG-12).
    User.objects.filter(pk=user.pk, password=user.password).update(password=passwords.encode(password))
