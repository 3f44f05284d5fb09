"""What is counted against guessing and flooding: rows in the database, raised before a secret is looked at.

The rows are raised in a short transaction of their own under row locks, so that of 50 parallel guesses five are checked and the
others are told to wait (LOG-04), and so that a count survives whatever happens to the request (LOG-03).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import limits
from accounts.batches import delete_batch
from accounts.clients import network_of
from accounts.errors import Busy, PasswordDisabled, TooManyAttempts
from accounts.models import Counter

WAITED_SECONDS = 30  # who waited for a row knows an older time than whoever had it; the clock of nobody has gone back


@dataclass(frozen=True)
class Attempt:
    """A try that was counted: the rows it raised. Give it back when the secret was right."""

    guard: str  # the account's counter, or that of a known browser of the account
    cap: str  # all wrong passwords of the account in a row
    address: str
    failures: int = 0  # that `guard` had counted before

    @property
    def keys(self) -> list[str]:
        """The keys of the rows."""
        return [self.guard, self.cap, self.address]


def spend(key: str, *, limit: int, window_seconds: int, uses: int = 1) -> None:
    """Count `uses` of `key`; raise TooManyAttempts beyond `limit` in a window of `window_seconds`, and then count none of them."""
    now = timezone.now()
    with transaction.atomic():
        counter = _locked([key], now)[key]
        if counter.blocked_until is None or counter.blocked_until <= now:
            counter.count, counter.blocked_until = 0, now + timedelta(seconds=window_seconds)
        counter.count += uses
        counter.last_at = now
        if counter.count <= limit:
            counter.save(update_fields=["count", "blocked_until", "last_at"])
    if counter.count > limit:
        raise TooManyAttempts(seconds=_seconds_until(counter.blocked_until, now))


def take(*, username: str, device: str | None, address: str | None) -> Attempt:
    """Count one attempt at the password of `username` (folded; known or not) and return it.

    Raises TooManyAttempts while a wait runs and PasswordDisabled after 100 failures in a row; then nothing is counted.
    A browser that the account knows (`device`) has a counter of its own, so that strangers cannot lock its owner out (LOG-06).
    """
    attempt = _attempt(username, device, address)
    now = timezone.now()
    with transaction.atomic():
        rows = _locked(attempt.keys, now)
        refusal = _refusal(rows, attempt, now)
        if refusal is None:
            _raise_counts(rows, attempt, now)
    if refusal is not None:
        raise refusal
    return replace(attempt, failures=rows[attempt.guard].count - 1)


def give_back(attempt: Attempt) -> None:
    """Take back the count of an attempt whose password was right."""
    with transaction.atomic():
        # What the sweeper took has nothing to take back.
        rows = _lock(attempt.keys, timezone.now())
        for key, counter in rows.items():
            counter.count = max(0, counter.count - 1)
            counter.in_a_row = max(0, counter.in_a_row - 1)
            counter.blocked_until = _wait_end(counter, _free(key), counter.last_at)
        _store(rows)


def check(attempt: Attempt, is_right: Callable[[], bool]) -> bool:
    """Return whether the secret `is_right`; the attempt is given back if it is, and where it could not be looked at at all."""
    try:
        right = is_right()
    except Busy:
        give_back(attempt)
        raise
    if right:
        give_back(attempt)
    return right


def clear(attempt: Attempt) -> None:
    """Forget the account's failures after a complete login; the address's stay (LOG-07)."""
    _forget([attempt.guard, attempt.cap])


def forgive(username: str) -> int:
    """Forget the failures of an account after a reset by mail or an unlock, and return how many there were in a row.

    Known browsers keep their own counts.
    """
    return _forget([key_for("guard", username), key_for("cap", username)])


@dataclass(frozen=True)
class Lock:
    """What stands between a person and their password: a wait, or the end of the password itself."""

    failures: int  # in a row
    waits_until: datetime | None
    is_disabled: bool

    @property
    def is_on(self) -> bool:
        """Whether the right password is refused now."""
        return self.is_disabled or self.waits_until is not None


def lock_of(username: str) -> Lock:
    """Return how the account of `username` is locked for a browser that it does not know. One query, changes nothing."""
    guard, cap = key_for("guard", username), key_for("cap", username)
    now = timezone.now()
    rows = {row.key: row for row in Counter.objects.filter(key__in=[guard, cap])}
    for row in rows.values():
        _begin_by(row, now)
    until = rows[guard].blocked_until if guard in rows else None
    failures = rows[cap].in_a_row if cap in rows else 0
    waits = until if until is not None and until > now else None
    return Lock(failures=failures, waits_until=waits, is_disabled=failures >= limits.FAILURES_IN_A_ROW)


def sweep(now: datetime) -> int:
    """Delete counters that were not raised for a while (those that count in a row: 90 days); return how many."""
    quiet = Q(last_at__lt=now - timedelta(seconds=limits.DAY_SECONDS), in_a_row=0)
    forgotten = Q(last_at__lt=now - timedelta(seconds=limits.FAILURES_IN_A_ROW_KEEP_SECONDS))
    return delete_batch(Counter.objects.filter(quiet | forgotten))


def _attempt(username: str, device: str | None, address: str | None) -> Attempt:
    guard = key_for("device", f"{username}:{device}") if device else key_for("guard", username)
    return Attempt(guard=guard, cap=key_for("cap", username), address=f"address:{network_of(address)}")


def key_for(kind: str, value: str) -> str:
    """Return the key of a counter of this `kind` for `value`, which stands in the table only as a keyed digest."""
    # Typed usernames can be passwords typed into the wrong field: the table holds no readable one.
    return f"{kind}:{salted_hmac('accounts.throttle', value, algorithm='sha256').hexdigest()[:40]}"


def _locked(keys: list[str], now: datetime) -> dict[str, Counter]:
    ordered = sorted(keys)  # rows are made in the order in which they are locked
    found: dict[str, Counter] = {}
    while len(found) < len(ordered):
        # Again where the sweeper took a row between the two statements.
        Counter.objects.bulk_create([Counter(key=key, last_at=now) for key in ordered], ignore_conflicts=True)
        found = _lock(ordered, now)
    return found


def _lock(keys: list[str], now: datetime) -> dict[str, Counter]:
    # One order of locks, so that two attempts cannot wait for each other.
    found = {row.key: row for row in Counter.objects.select_for_update().filter(key__in=keys).order_by("key")}
    for row in found.values():
        if _begin_by(row, now):
            row.save(update_fields=["last_at", "blocked_until"])
    return found


def _store(rows: dict[str, Counter]) -> None:
    # They are locked, so they are there: what is written to a row that exists is an UPDATE of all of them in one statement.
    fields = ["count", "in_a_row", "last_at", "blocked_until"]
    Counter.objects.bulk_create(rows.values(), update_conflicts=True, unique_fields=["key"], update_fields=fields)


def _begin_by(counter: Counter, now: datetime) -> bool:
    """Move what the counter says of the future to `now`, and return whether there was any: the clock went back (F11).

    A wait lasts from now on for as long as it was to last, and not until the clock is there again.
    """
    ahead = counter.last_at - now
    if ahead <= timedelta(seconds=WAITED_SECONDS):
        return False
    counter.last_at = now
    if counter.blocked_until is not None:
        counter.blocked_until -= ahead
    return True


def _forget(keys: list[str]) -> int:
    # Set to nothing and not deleted: another attempt may just have made sure that the rows are there.
    with transaction.atomic(savepoint=False):
        rows = list(Counter.objects.select_for_update().filter(key__in=keys).order_by("key"))
        counted = [row.key for row in rows if row.count or row.in_a_row or row.blocked_until]
        if counted:
            Counter.objects.filter(key__in=counted).update(count=0, in_a_row=0, blocked_until=None)
    return max((max(row.count, row.in_a_row) for row in rows), default=0)


def _refusal(rows: dict[str, Counter], attempt: Attempt, now: datetime) -> TooManyAttempts | PasswordDisabled | None:
    ends = [row.blocked_until for row in rows.values() if row.blocked_until and row.blocked_until > now]
    if ends:
        return TooManyAttempts(seconds=_seconds_until(max(ends), now))
    if rows[attempt.cap].in_a_row >= limits.FAILURES_IN_A_ROW:
        return PasswordDisabled()
    return None


def _raise_counts(rows: dict[str, Counter], attempt: Attempt, now: datetime) -> None:
    window = timedelta(seconds=limits.FAILURE_WINDOW_SECONDS)
    for key, counter in rows.items():
        quiet_since = max(counter.last_at, counter.blocked_until or counter.last_at)
        if now - quiet_since >= window:
            counter.count = 0
        counter.count += 1
        counter.in_a_row += 1 if key == attempt.cap else 0
        counter.last_at = now
        counter.blocked_until = _wait_end(counter, _free(key), now)
    _store(rows)


def _free(key: str) -> int | None:
    """Return how many failures this kind of counter lets pass before it makes wait; None: it only counts in a row."""
    if key.startswith("cap:"):
        return None
    return limits.ADDRESS_FAILURES if key.startswith("address:") else limits.FREE_FAILURES


def _wait_end(counter: Counter, free: int | None, since: datetime) -> datetime | None:
    if free is None or counter.count < free:
        return None
    doublings = min(counter.count - free, 10)
    return since + timedelta(seconds=min(limits.FIRST_WAIT_SECONDS * 2**doublings, limits.LONGEST_WAIT_SECONDS))


def _seconds_until(end: datetime | None, now: datetime) -> int:
    return max(1, -int((now - end).total_seconds() // 1)) if end else 1
