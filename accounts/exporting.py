"""The security log as JSON Lines: one event to a line, the oldest first, and a last line that says that this was all (S9.2)."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.http import StreamingHttpResponse
from django.utils import timezone
from rest_framework.utils.encoders import JSONEncoder

from accounts import limits, logbook
from accounts.connections import release
from accounts.logbook import Events, Filters
from accounts.models import SecurityEvent

MEDIA_TYPE = "application/x-ndjson"
ToJSON = Callable[[SecurityEvent], Mapping[str, Any]]
logger = logging.getLogger("gatehouse.export")
_encode = JSONEncoder(separators=(",", ":")).encode  # in ASCII: some readers take U+2028 for the end of a line


def answer(events: Events, filters: Filters, to_json: ToJSON, *, name: str) -> StreamingHttpResponse:
    """Return those of `events` that fit as a file whose name begins with `name`."""
    headers = {
        "Content-Disposition": f'attachment; filename="{name}-{timezone.now():%Y-%m-%d}.jsonl"',
        "Cache-Control": "no-store",
    }
    return StreamingHttpResponse(lines(events, filters, to_json), content_type=f"{MEDIA_TYPE}; charset=utf-8", headers=headers)


def lines(events: Events, filters: Filters, to_json: ToJSON) -> Iterator[bytes]:
    """Give the lines of all fitting `events` there are now, batch by batch, each its own short statement; then `{"end":true,"count":…}`.

    The status is on its way before the first event is read. What breaks afterwards can only be told by the last line, which is
    missing then.
    """
    count = 0
    try:
        for batch in _batches(events, filters):
            yield b"".join(_line(to_json(row)) for row in batch)
            count += len(batch)
    except Exception:
        logger.exception("an export of the security log broke off", extra={"rows": count})
        return
    yield _line({"end": True, "count": count})


def _batches(events: Events, filters: Filters) -> Iterator[list[SecurityEvent]]:
    newest = filters.first(events, logbook.NEWEST_FIRST, 1)
    if not newest:
        return
    rest = until_now = events.filter(at__lte=newest[0].at)  # an end, however much is added meanwhile
    while batch := filters.first(rest, logbook.OLDEST_FIRST, limits.EXPORT_BATCH_ROWS):
        release()
        yield batch
        if len(batch) < limits.EXPORT_BATCH_ROWS:
            return
        rest = logbook.after(until_now, batch[-1])


def _line(row: Mapping[str, Any]) -> bytes:
    return _encode(row).encode() + b"\n"
