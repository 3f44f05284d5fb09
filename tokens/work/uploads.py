"""The bytes of a part as they come: counted, summed up, held to what was announced, and cut when their token ends (JOB-03, JOB-07)."""

import hashlib
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Protocol

from django.utils import timezone

from accounts.audit import Actor
from tokens.work import authority, finding, grants, limits, storage
from tokens.work.errors import FileNotOpen, GrantRefused, PartRefused
from tokens.work.flows.uploading import complete_part
from tokens.work.models import FileState, Part, PartState, Transfer, TransferState
from tokens.work.pulse import Pulse


class Source(Protocol):
    """Where bytes come from: a request."""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at their end; it waits until so many have come."""


class IncomingPart:
    """The bytes of one part, as a storage class reads them. Raises PartRefused at the end where they are not what was announced.

    It asks for few at once: a read waits until all of it is there, and the token is looked at between two reads. How few follows how
    fast they come.
    """

    closed = False

    def __init__(self, source: Source, part: Part, pulse: Pulse) -> None:
        self._source, self._part, self._pulse = source, part, pulse
        self._sum = hashlib.md5(usedforsecurity=False)  # what the protocol checks with; it protects nothing
        self._left = part.size
        self._ask = limits.READ_LEAST_BYTES

    @property
    def size(self) -> int:
        """How many bytes were announced."""
        return self._part.size

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Give all bytes, piece by piece."""
        while piece := self._piece(limits.PIECE_BYTES):
            yield piece

    def read(self, size: int = -1) -> bytes:
        """Return the next `size` bytes, fewer only at their end (a store takes a short read for that), all for a negative size."""
        wanted = self._left if size < 0 else size
        pieces = []
        while wanted > 0 and (piece := self._piece(min(wanted, limits.PIECE_BYTES))):
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def require_whole(self) -> None:
        """Return where all bytes came and are those that were announced; raise PartRefused otherwise."""
        if self._left:
            raise PartRefused(reason=f"The connection ended {self._left} bytes before the end of the part. Send it again")
        if self._sum.hexdigest() != self._part.md5:
            raise PartRefused(reason="The bytes that came are not those that were announced: their MD5 differs. Send the part again")

    def _piece(self, most: int) -> bytes:
        """Return the next bytes, `most` at most, fewer where they come slowly; none once all have come and were found right."""
        if self._left == 0:
            self.require_whole()
            return b""
        until, wanted = time.monotonic() + limits.READ_SECONDS, min(self._left, most)
        came = [self._some(wanted)]
        wanted -= len(came[0])
        while came[-1] and wanted and time.monotonic() < until:
            came.append(self._some(wanted))
            wanted -= len(came[-1])
        piece = b"".join(came)
        self._left -= len(piece)
        if not piece:
            self.require_whole()
        self._sum.update(piece)
        self._pulse.moved(len(piece))
        return piece

    def _some(self, most: int) -> bytes:
        asked, began = min(self._ask, most), time.monotonic()
        some = self._source.read(asked)
        took = time.monotonic() - began
        if took > limits.READ_SECONDS:
            self._ask = max(limits.READ_LEAST_BYTES, int(len(some) * limits.READ_SECONDS / took))
        else:
            self._ask = min(limits.READ_MOST_BYTES, self._ask * 2)
        return some

    def seek(self, offset: int, whence: int = 0) -> int:
        """Stay at the beginning: some storage classes go there before they read. Raises ValueError for any other place."""
        if offset != 0 or self._left != self._part.size:
            raise ValueError("the bytes of a request come once")
        return 0

    def close(self) -> None:
        """Do nothing: the request is not ours to close."""

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that what has come does not come again."""
        return False


def receive(source: Source, *, transfer_id: str, grant: str, length: int, actor: Actor) -> None:
    """Store the bytes of one part, and let them count.

    Raises GrantRefused, PartRefused (other bytes than announced), FileNotOpen, StorageFull, and AuthorityEnded or AccessEnded as soon as
    the upload may not go on: then nothing of the part is kept.
    """
    transfer, part = _granted(transfer_id, grant)
    if length != part.size:
        raise PartRefused(reason=f"{part.size} bytes were announced for this part, and {length} are to come. Ask for a new address")
    authority.require_goes_on(transfer)
    storage.require_room(part.size)
    _claim(part)
    pulse = Pulse(transfer, part)
    incoming = IncomingPart(source, part, pulse)
    try:
        storage.write(part, incoming)
    finally:
        pulse.write()
    try:
        incoming.require_whole()  # whatever the storage has read of it
        complete_part(part=part, transfer=transfer, actor=actor)
    except Exception:
        storage.drop(part)
        raise


def _granted(transfer_id: str, grant: str) -> tuple[Transfer, Part]:
    key = grants.read_part(grant, transfer_id).part_key
    part = Part.objects.select_related("file").filter(key=key).first()
    transfer = Transfer.objects.of_id(transfer_id).select_related("token__user", "project").first()
    if part is None or transfer is None or transfer.file_id != part.file_id:
        raise _gone(transfer)
    if transfer.state == TransferState.FAILED:
        raise finding.ended_error(transfer)
    if part.file.state != FileState.OPEN:
        raise FileNotOpen(file=part.file.public_id)
    if part.announced < timezone.now() - timedelta(seconds=limits.GRANT_SECONDS):
        raise GrantRefused()
    return transfer, part


def _claim(part: Part) -> None:
    """Take the one turn that a grant has: two senders with one grant would write, and drop, the same bytes."""
    claimed = Part.objects.filter(pk=part.pk, state=PartState.PENDING).update(state=PartState.ARRIVING, touched=timezone.now())
    if claimed != 1:
        raise GrantRefused()


def _gone(transfer: Transfer | None) -> Exception:
    # The sweeper took the file of an upload that was cut: its client is still told why.
    if transfer is not None and transfer.state == TransferState.FAILED:
        return finding.ended_error(transfer)
    return GrantRefused()
