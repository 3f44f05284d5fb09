"""Bytes of parts in Django's storage: a local folder, or any store that has a storage class (settings.STORAGES).

A part is one object. It is written as it comes and read in pieces; no part is ever whole in memory.
"""

import contextlib
import errno
import hashlib
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Sum

from accounts.models import User
from tokens.work import limits
from tokens.work.errors import QuotaSpent, StorageFull, StorageLost
from tokens.work.models import Part, PartState

logger = logging.getLogger("gatehouse.work")
GIB = 1024**3
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Incoming(Protocol):
    """Bytes that come, as storage classes want to read them."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """Give the bytes piece by piece."""

    def read(self, size: int = -1) -> bytes:
        """Return some of the bytes; none at their end."""


def require_room(size: int) -> None:
    """Return where so many bytes leave some of the disk free; raise StorageFull otherwise. Only a local storage can tell."""
    location = getattr(default_storage, "location", "")
    if location and Path(location).is_dir() and shutil.disk_usage(location).free - size < limits.FREE_LEAST_BYTES:
        raise StorageFull()


def require_quota(payer: User, size: int) -> None:
    """Return where `payer` may have so many bytes more in the projects that are billed to them; raise QuotaSpent otherwise.

    Announced parts count, so that what is on its way cannot pass it together.
    """
    if not settings.STORAGE_QUOTA_GIB:
        return
    parts = Part.objects.exclude(state=PartState.REPLACED).filter(file__places__project__billed_to=payer)
    held = parts.aggregate(held=Sum("size"))["held"] or 0
    if held + size > settings.STORAGE_QUOTA_GIB * GIB:
        raise QuotaSpent(gib=settings.STORAGE_QUOTA_GIB)


def write(part: Part, incoming: Incoming) -> None:
    """Store what comes as the bytes of `part`; whatever goes wrong, nothing of it stays. Raises StorageFull, and what reading raises."""
    try:
        stored = default_storage.save(part.stored_as, incoming)  # type: ignore[arg-type]  # it has what a storage asks of a file
    except OSError as error:
        drop(part)
        if error.errno in _NO_ROOM:
            raise StorageFull() from error
        raise
    except BaseException:
        drop(part)
        raise
    if stored != part.stored_as:
        # Something of that name was there, though the key is new: it is not ours to name.
        default_storage.delete(stored)
        raise StorageLost()


def drop(part: Part) -> bool:
    """Throw the bytes of `part` away, if there are any; return whether that worked. The sweeper tries again."""
    try:
        default_storage.delete(part.stored_as)
    except Exception:  # any store, any error of its own
        logger.exception("bytes could not be deleted", extra={"part": part.key})
        return False
    return True


def tidy(file_id: str) -> None:
    """Remove the folder of a file that has no bytes any more, where the storage has folders."""
    with contextlib.suppress(OSError, NotImplementedError):
        default_storage.delete(file_id)


def pieces(part: Part, *, start: int, length: int) -> Iterator[bytes]:
    """Give `length` bytes of `part` from `start` on, piece by piece. Raises StorageLost where they are not all there."""
    with _opened(part) as stored:
        stored.seek(start)
        while length > 0:
            piece: bytes = stored.read(min(limits.CHUNK_BYTES, length))
            if not piece:
                raise StorageLost()
            length -= len(piece)
            yield piece


def held(part: Part) -> int | None:
    """Return how many bytes of `part` are there; None where nothing is. Raises what the store raises when it cannot be asked."""
    try:
        return int(default_storage.size(part.stored_as))
    except FileNotFoundError:
        return None


def folders() -> Iterator[tuple[str, list[str]]]:
    """Give the folders in which bytes are stored, one for each file, with the names in them; what lies beside them is in the folder ""."""
    try:
        inner, loose = default_storage.listdir("")
    except FileNotFoundError:
        return
    yield "", sorted(loose)
    for folder in sorted(inner):
        with contextlib.suppress(FileNotFoundError):  # swept meanwhile
            yield folder, sorted(default_storage.listdir(folder)[1])


def is_there(name: str) -> bool:
    """Return whether something is stored under this name."""
    return default_storage.exists(name)


def md5(part: Part) -> str:
    """Return the MD5 of the bytes of `part` as they are now, in hexadecimal. Raises StorageLost."""
    taken = hashlib.md5(usedforsecurity=False)
    for piece in pieces(part, start=0, length=part.size):
        taken.update(piece)
    return taken.hexdigest()


def _opened(part: Part) -> Any:
    try:
        return default_storage.open(part.stored_as, "rb")
    except OSError as error:
        raise StorageLost() from error
