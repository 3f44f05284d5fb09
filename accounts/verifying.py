"""A look at whether the state of the house is whole: every room contributes what it knows must hold.

`settings.STATE_CHECKS` names functions that take the depth and give one sentence for each finding. They read in batches, each its own
statement, beside a running server, and leave what the worker tidies a grace of two minutes.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import limits, seals
from accounts.batches import delete_batch
from accounts.models import StateCheck
from accounts.seals import Head

logger = logging.getLogger("gatehouse.state")


class Depth(StrEnum):
    """How far a look goes: `daily` by indexes, as the worker does; `whole` every row that must hold, the whole chain of seals and
    whether the bytes of files are there; `bytes` reads all of those.
    """

    DAILY = "daily"
    WHOLE = "whole"
    BYTES = "bytes"

    @property
    def is_whole(self) -> bool:
        """Whether everything is looked at, whatever it costs."""
        return self is not Depth.DAILY


Check = Callable[[Depth], Iterable[str]]


@dataclass
class Tally:
    """What a look found so far: how many sentences, and the first of them."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """Take one more."""
        self.count += 1
        if len(self.first) < StateCheck.DETAIL_MOST:
            self.first.append(sentence)


def look(depth: Depth, expected: Iterable[Head] = ()) -> Iterator[str]:
    """Give a sentence for each finding of every room, and keep the result as a StateCheck. `expected`: seals that were kept elsewhere."""
    row, tally = StateCheck.objects.create(depth=depth, started_at=timezone.now()), Tally()
    for sentence in _findings(depth, list(expected)):
        tally.add(sentence)
        yield sentence
    row.ended_at, row.findings, row.detail = timezone.now(), tally.count, tally.first
    row.save(update_fields=["ended_at", "findings", "detail"])


def check_due() -> int:
    """Look, as deep as costs little, where nobody has for a day, and return how much was found; forget looks of long ago.

    What is found is in the log, as one error.
    """
    now = timezone.now()
    delete_batch(StateCheck.objects.filter(started_at__lt=now - timedelta(seconds=limits.STATE_CHECK_KEEP_SECONDS)))
    # Up to now: one of a clock that was ahead would be the last for as long (F11).
    if StateCheck.objects.filter(started_at__gt=now - timedelta(seconds=limits.STATE_CHECK_SECONDS), started_at__lte=now).exists():
        return 0
    found = Tally()
    for sentence in look(Depth.DAILY):
        found.add(sentence)
    if found.count:
        logger.error("the state is not whole", extra={"findings": found.count, "detail": found.first})
    return found.count


def long_ago(seconds: int = limits.STATE_GRACE_SECONDS) -> datetime:
    """Return the moment before which what should have been tidied counts as left behind."""
    return timezone.now() - timedelta(seconds=seconds)


def _findings(depth: Depth, expected: list[Head]) -> Iterator[str]:
    for path in settings.STATE_CHECKS:
        check: Check = import_string(path)
        yield from check(depth)
    if depth.is_whole or expected:
        yield from seals.verify(expected)
