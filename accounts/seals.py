"""Seals on the security log (OPS-06): each covers its event and the seal before it, so that what is changed or missing shows.

They are written beside the acts, not in them: the head of the chain would be one lock for all acts, and in acts with several events a
deadlock. Events are sealed in the order in which their commits are seen; one that commits late is sealed late. Of two workers only one
seals at a time, and the sequence is unique: whoever read the same head as another one adds nothing.
"""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, Max, Min, OuterRef, QuerySet
from django.utils import timezone

from accounts import limits
from accounts.batches import batches
from accounts.models import EventSeal, SecurityEvent

logger = logging.getLogger("gatehouse.seals")

FIRST = "0" * 64  # what the first seal has before it
_LOCK = 0x6761746568  # of PostgreSQL's advisory locks, "gateh"
_COLUMNS = (
    "id", "public_id", "at", "event", "subject_id", "actor_id", "door", "ip", "user_agent", "request_id", "about", "data",
)  # fmt: skip
_reached = {"id": 0}  # how far the walk along old events came, in this process
_told: dict[str, float] = {}  # when this process last logged the newest seal


@dataclass(frozen=True)
class Head:
    """A seal that was kept elsewhere, or the newest one."""

    sequence: int
    hash: str

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """Return the head in `<sequence>:<hash>`. Raises ValueError."""
        sequence, _, kept = text.partition(":")
        if len(kept) != len(FIRST) or set(kept) - set("0123456789abcdef"):
            raise ValueError("a seal is written as <sequence>:<64 hexadecimal digits>")
        return cls(int(sequence), kept)


def seal_due() -> int:
    """Seal up to 1,000 events that have no seal yet and return how many that were. Safe in several workers at once."""
    sealed = 0
    for unsealed in _where_to_look():
        # First without the lock: mostly there is nothing to do, and on SQLite it is everybody's.
        if unsealed.exists():
            sealed += _seal(unsealed)
    _tell()
    return sealed


def newest() -> Head | None:
    """Return the newest seal, or None before the first."""
    last = EventSeal.objects.order_by("-sequence").first()
    return Head(last.sequence, last.hash) if last else None


def without_seal(events: QuerySet[SecurityEvent]) -> QuerySet[SecurityEvent]:
    """Return those of `events` that have none."""
    return events.exclude(Exists(EventSeal.objects.filter(event_id=OuterRef("pk"))))


def _where_to_look() -> list[QuerySet[SecurityEvent]]:
    # New events, and in turns a stretch of all others: whoever committed long after getting an id is found there.
    last = EventSeal.objects.aggregate(last=Max("event_id"))["last"] or 0
    recent = max(0, last - limits.SEAL_STRETCH_IDS)
    everything = SecurityEvent.objects.all()
    older = _stretch_after(_reached["id"], everything.filter(pk__lte=recent)) or _stretch_after(0, everything.filter(pk__lte=recent))
    _reached["id"] = older.stop - 1 if older else 0
    return [without_seal(everything.filter(pk__gt=recent)), *([without_seal(_within(older, recent))] if older else [])]


def _stretch_after(reached: int, events: QuerySet[SecurityEvent]) -> range | None:
    """Return ids from that of the first of `events` after `reached` on; None where there is none. An id that leaps costs nothing."""
    first = events.filter(pk__gt=reached).aggregate(first=Min("pk"))["first"]
    return None if first is None else range(first, first + limits.SEAL_STRETCH_IDS)


def _within(ids: range, most: int | None = None) -> QuerySet[SecurityEvent]:
    """Return the events of these ids, up to the id `most`."""
    last = ids.stop - 1
    return SecurityEvent.objects.filter(pk__gte=ids.start, pk__lte=last if most is None else min(last, most))


def _seal(unsealed: QuerySet[SecurityEvent]) -> int:
    head, seals = newest(), list[EventSeal]()
    before = head or Head(0, FIRST)
    for row in unsealed.order_by("pk").values_list(*_COLUMNS)[: limits.SEAL_BATCH_ROWS]:
        before = Head(before.sequence + 1, _hash(before.hash, row))
        seals.append(EventSeal(sequence=before.sequence, event_id=row[0], hash=before.hash))
    # Only now, for the lock is everybody's on SQLite; where another worker was faster, the next round begins at its head.
    with transaction.atomic():
        if not _alone() or newest() != head:
            return 0
        EventSeal.objects.bulk_create(seals)
    return len(seals)


def _alone() -> bool:
    """Return whether no other worker seals now; on SQLite whoever writes is alone."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        return bool(cursor.fetchone()[0])


def _hash(before: str, row: tuple[object, ...]) -> str:
    return hashlib.sha256(before.encode() + _canonical(row)).hexdigest()


def _canonical(row: tuple[object, ...]) -> bytes:
    """Return the one way to write an event: JSON in ASCII, keys in order, times in UTC to the microsecond."""
    named = dict(zip(_COLUMNS, row, strict=True))
    at = named["at"]
    # Whoever changed a row by hand may have left something that is no moment.
    named["at"] = at.astimezone(UTC).isoformat(timespec="microseconds") if isinstance(at, datetime) else repr(at)
    return json.dumps(named, sort_keys=True, separators=(",", ":")).encode()


def _tell() -> None:
    """Log the newest seal once an hour: kept elsewhere with the logs, it shows later whether the end of the log was cut off."""
    now = time.monotonic()
    if now - _told.get("at", -limits.HOUR_SECONDS) < limits.HOUR_SECONDS:
        return
    head = newest()
    if head is not None:
        _told["at"] = now
        logger.info("newest seal", extra={"sequence": head.sequence, "hash": head.hash})


def verify(expected: list[Head]) -> Iterator[str]:
    """Go along the whole chain and give a sentence for each event or seal that is changed or missing; then for those of `expected`
    that are not in it. In batches, each its own statement.
    """
    before, wanted = Head(0, FIRST), {head.sequence: head for head in expected}
    for batch in batches(EventSeal.objects.all(), by="sequence", most=limits.SEAL_BATCH_ROWS):
        events = {row[0]: row for row in _events([seal.event_id for seal in batch])}
        for seal in batch:
            yield from _gap(before, seal)
            intact = seal.sequence == before.sequence + 1
            yield from _wrong(seal, events.get(seal.event_id), before.hash if intact else None)
            before = Head(seal.sequence, seal.hash)
            yield from _unexpected(wanted.pop(seal.sequence, before), before)
    for head in wanted.values():
        yield f"Seal {head.sequence}, which was kept elsewhere, is not there: the end of the security log is missing."


def _events(ids: list[int]) -> list[tuple[object, ...]]:
    rows = SecurityEvent.objects.values_list(*_COLUMNS)
    try:
        return list(rows.filter(pk__in=ids))
    except ValueError:  # one of them holds what cannot be read: the others can
        return [_event(pk) for pk in SecurityEvent.objects.filter(pk__in=ids).values_list("pk", flat=True)]


def _event(pk: int) -> tuple[object, ...]:
    try:
        return tuple(SecurityEvent.objects.values_list(*_COLUMNS).get(pk=pk))
    except ValueError:
        return (pk, *("unreadable" for _ in _COLUMNS[1:]))


def _gap(before: Head, seal: EventSeal) -> Iterator[str]:
    missing = seal.sequence - before.sequence - 1
    if missing == 1:
        yield f"Seal {seal.sequence - 1} is missing."
    elif missing:
        yield f"Seals {before.sequence + 1} to {seal.sequence - 1} are missing."


def _wrong(seal: EventSeal, row: tuple[object, ...] | None, before: str | None) -> Iterator[str]:
    if row is None:
        yield f"Security event {seal.event_id}, of seal {seal.sequence}, is missing."
    # Where the seal before is missing this one cannot be judged: its hash is taken as it is, and the next one by it.
    elif before is not None and not hmac.compare_digest(_hash(before, row), seal.hash):
        yield f"Security event {row[1]} ({row[3]}, row {row[0]}), or seal {seal.sequence} on it, was changed after it was sealed."


def _unexpected(wanted: Head, found: Head) -> Iterator[str]:
    if wanted != found:
        yield f"Seal {found.sequence} is not the one that was kept elsewhere: events up to it were changed, and sealed again."


def unsealed() -> Iterator[str]:
    """Give one sentence where events have been without a seal for too long. Nothing shows whether such an event was changed."""
    late = timezone.now() - timedelta(seconds=limits.SEAL_LATE_SECONDS)
    found, oldest, reached = 0, "", 0
    while ids := _stretch_after(reached, SecurityEvent.objects.all()):
        rows = list(without_seal(_within(ids).filter(at__lt=late)).order_by("pk").values_list("public_id", flat=True))
        oldest, found, reached = oldest or (rows[0] if rows else ""), found + len(rows), ids.stop - 1
    if found:
        minutes = limits.SEAL_LATE_SECONDS // 60
        yield f"{found} security events have had no seal for more than {minutes} minutes; the first of them is {oldest}."
