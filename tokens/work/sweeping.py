"""Bytes that nothing names any more: attempts that came to nothing, uploads that were cut, files that no project holds.

Each row goes after its bytes, so that a sweeper that dies half-way finds the rest again. Safe in several workers at once.
"""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from tokens.work import limits, storage
from tokens.work.models import File, FileInProject, FileState, Part, PartState


def sweep() -> int:
    """Throw away the bytes of up to 500 parts that are of no use, and the files that have none left; return how many rows went."""
    _forget_nonces()
    return _leftovers() + _files()


def _forget_nonces() -> None:
    """Forget which request made a file, a day after it."""
    old = timezone.now() - timedelta(seconds=limits.NONCE_SECONDS)
    File.objects.filter(nonce_digest__isnull=False, created__lt=old).update(nonce_digest=None)


def _leftovers() -> int:
    """Attempts that another one replaced, and those whose 15 minutes are over without their bytes having come whole.

    A part that bytes still come for is touched every few seconds.
    """
    old = timezone.now() - timedelta(seconds=limits.GRANT_SECONDS + limits.LEFTOVER_SECONDS)
    parts = Part.objects.exclude(state=PartState.COMPLETE).filter(touched__lt=old).select_related("file")
    return sum(_drop(part) for part in parts.order_by("pk")[: limits.SWEEP_ROWS])


def _files() -> int:
    nowhere = ~Exists(FileInProject.objects.filter(file=OuterRef("pk")))
    files = File.objects.filter(state=FileState.DROPPED) | File.objects.filter(nowhere)
    return sum(_drop_file(file) for file in files.order_by("pk")[: limits.SWEEP_ROWS])


def _drop_file(file: File) -> int:
    if not _give_up(file):
        return 0
    parts = list(file.parts.select_related("file")[: limits.SWEEP_ROWS])
    dropped = sum(_drop(part) for part in parts)
    if dropped < len(parts) or file.parts.exists():
        return dropped
    storage.tidy(file.public_id)
    return dropped + File.objects.filter(pk=file.pk, state=FileState.DROPPED).delete()[0]


def _give_up(file: File) -> bool:
    """Mark `file` so that nothing takes it up again, and return whether that could be: it may have been cloned a moment ago."""
    with transaction.atomic():
        locked = File.objects.select_for_update(skip_locked=True).filter(pk=file.pk).first()
        if locked is None:
            return False
        if locked.state != FileState.DROPPED and locked.places.exists():
            return False
        File.objects.filter(pk=file.pk).update(state=FileState.DROPPED, size=None)
        return True


def _drop(part: Part) -> int:
    if not storage.drop(part):
        return 0
    return Part.objects.filter(pk=part.pk).delete()[0]
