"""How many wrong codes an account may have, over all doors: 5 in 5 minutes, 15 in an hour, 30 in a day (OTP-04).

Each try is a row, written before the code is looked at and deleted when it was right: of many at once only the first few are looked
at. The windows slide, so that no more than 30 fit into any 24 hours; docs/security.md has the arithmetic.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.batches import delete_batch
from accounts.errors import TooManyAttempts
from accounts.models import User
from twofactor import limits
from twofactor.models import WrongCode


@dataclass(frozen=True)
class Try:
    """A code that is being looked at: its row, and how many wrong ones there are in 24 hours, with this one."""

    row_id: int
    number: int

    @property
    def is_last(self) -> bool:
        """Whether, if it is wrong, no further one is looked at for a while that may last a day."""
        return self.number == limits.WRONG_CODES_A_DAY


def take(user: User) -> Try:
    """Count a code of `user` as wrong until it proves right; raise TooManyAttempts where the budget is spent.

    Call it outside of any transaction: the count must survive whatever becomes of the request.
    """
    with transaction.atomic():
        User.objects.lock(user.pk)
        now = timezone.now()
        times = _times(user, now)
        if any(at > now for at in times):
            # The clock went back: what is in the future counts as now, once and not again at each look (F11).
            WrongCode.objects.filter(user=user, at__gt=now).update(at=now)
            times = _times(user, now)
        wait = _seconds_to_wait(times, now)
        if wait == 0:
            return Try(row_id=WrongCode.objects.create(user=user, at=now).pk, number=len(times) + 1)
    raise TooManyAttempts(seconds=wait)


def give_back(taken: Try) -> None:
    """Take back the count of a code that is right, whatever becomes of the act that it is for."""
    WrongCode.objects.filter(pk=taken.row_id).delete()


def forget(user: User) -> int:
    """Forget the wrong codes of `user`, whose row is locked; return how many there were."""
    gone, _ = WrongCode.objects.filter(user=user).delete()
    return gone


@dataclass(frozen=True)
class Spent:
    """How much of the budget is spent: wrong codes of the last 24 hours, and for how many seconds no code is looked at."""

    wrong_codes: int
    wait_seconds: int


def spent(user: User) -> Spent:
    """Return what `user` has spent of the budget. One query, changes nothing."""
    now = timezone.now()
    times = [min(at, now) for at in _times(user, now)]
    return Spent(wrong_codes=len(times), wait_seconds=_seconds_to_wait(times, now))


def sweep() -> int:
    """Forget wrong codes of more than 24 hours ago, up to 5,000; return how many."""
    return delete_batch(WrongCode.objects.filter(at__lt=timezone.now() - limits.SWEEP_AFTER))


def _times(user: User, now: datetime) -> list[datetime]:
    return sorted(WrongCode.objects.filter(user=user, at__gt=now - limits.SWEEP_AFTER).values_list("at", flat=True))


def _seconds_to_wait(times: list[datetime], now: datetime) -> int:
    """Return for how long every window that is full stays so, in seconds, rounded up; 0 where none is."""
    ends = [times[-most] + window for most, window in limits.WRONG_CODES if len(times) >= most]
    return max((-int((now - end).total_seconds() // 1) for end in ends if end > now), default=0)
