"""The bytes of a file as they go: one range of it, cut short as soon as the token that carries the download ends (JOB-03, JOB-08)."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote

from django.utils import timezone

from accounts.connections import release
from accounts.errors import GatehouseError
from tokens.work import authority, finding, grants, limits, storage
from tokens.work.errors import FileNotClosed, GrantRefused, RangeRefused, StorageLost
from tokens.work.models import File, Part, PartState, Transfer, TransferKind, TransferState
from tokens.work.pulse import Pulse, reopen

logger = logging.getLogger("gatehouse.work")
_LONGEST = timedelta(seconds=limits.DOWNLOAD_LIFE_SECONDS)
_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)


@dataclass(frozen=True)
class Opened:
    """A download that may begin: its transfer, the file, and which bytes of it, `length` from `start` on."""

    transfer: Transfer
    file: File
    start: int
    length: int
    is_partial: bool

    @property
    def headers(self) -> dict[str, str]:
        """What the answer says of the bytes: nothing in them is to be shown, run or kept (JOB-08)."""
        size = self.file.size or 0
        told = {
            "Content-Length": str(self.length),
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(self.transfer.name, safe='')}",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, no-store",
            "Accept-Ranges": "bytes",
        }
        if self.is_partial:
            told["Content-Range"] = f"bytes {self.start}-{self.start + self.length - 1}/{size}"
        return told


def open_download(*, transfer_id: str, grant: str, by_link: bool, wanted: str | None) -> Opened:
    """Return what the address of a download opens; `wanted` is the header Range, `by_link` says that the address held the grant.

    Raises GrantRefused, AuthorityEnded or AccessEnded (the download is over), RangeRefused.
    """
    grants.require_download(grant, transfer_id)
    transfer = Transfer.objects.of_id(transfer_id).filter(kind=TransferKind.DOWNLOAD).select_related("file", "token__user").first()
    if transfer is None:
        raise GrantRefused()
    if transfer.state == TransferState.FAILED:
        raise finding.ended_error(transfer)
    now, since = timezone.now(), transfer.started if by_link else transfer.last_at
    too_old = since < now - timedelta(seconds=limits.GRANT_SECONDS)
    if transfer.by_link != by_link or transfer.file is None or too_old or transfer.started < now - _LONGEST:
        raise GrantRefused()
    authority.require_goes_on(transfer)
    if not transfer.file.is_closed:
        raise FileNotClosed(file=transfer.file.public_id)
    start, length = _range_of(wanted, transfer.file.size or 0)
    reopen(transfer, begins=True)
    return Opened(transfer, transfer.file, start, length, is_partial=wanted is not None)


def stream(opened: Opened) -> Iterator[bytes]:
    """Give the bytes. Where the download may not go on they end early, and the server closes the connection (DX_PROTOCOL 6.8)."""
    pulse, whole = Pulse(opened.transfer), False
    try:
        for part, start, length in _parts_of(opened):
            for piece in storage.pieces(part, start=start, length=length):
                pulse.moved(len(piece))
                yield piece
        whole = opened.start + opened.length == opened.file.size
    except StorageLost:
        logger.exception("bytes of a file are missing", extra={"transfer": opened.transfer.public_id})
        return
    except GatehouseError:
        # The status is on its way already: to say no more is all that can be done.
        return
    finally:
        pulse.finish_range(at_end=whole)


def _parts_of(opened: Opened) -> Iterator[tuple[Part, int, int]]:
    """Give the parts that hold the wanted bytes, each with where in it they begin, and how many they are."""
    at, end = 0, opened.start + opened.length
    parts = list(opened.file.parts.filter(state=PartState.COMPLETE).select_related("file").order_by("index"))
    release()
    for part in parts:
        first, last = max(opened.start, at), min(end, at + part.size)
        if first < last:
            yield part, first - at, last - first
        at += part.size


def _range_of(wanted: str | None, size: int) -> tuple[int, int]:
    """Return start and length of the range that a header asks for (RFC 9110, 14.1.2); the whole file without one."""
    if wanted is None:
        return 0, size
    match = _RANGE.fullmatch(wanted.strip())
    first, last = match.groups() if match else ("", "")
    if first:
        start, end = int(first), min(int(last or size), size - 1)
    elif last:
        start, end = max(0, size - int(last)), size - 1
    else:
        raise RangeRefused(size=size)
    if start > end or start >= size:
        raise RangeRefused(size=size)
    return start, end - start + 1
