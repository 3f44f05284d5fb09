"""What a running transfer does beside moving bytes: it counts them, and looks at its token, at least once a second (JOB-03)."""

import time

from django.db.models import F
from django.utils import timezone

from tokens.work import authority, limits
from tokens.work.models import Part, Transfer, TransferKind, TransferState

WRITE_SECONDS = 3.0  # how often the bytes are written down: a page shows them, and the last ones are written at the end


class Pulse:
    """Beats while bytes move. `part` is touched along, so that no sweeper takes its bytes for leftovers."""

    def __init__(self, transfer: Transfer, part: Part | None = None) -> None:
        self._transfer, self._part = transfer, part
        self._unwritten = 0
        self._checked = self._written = time.monotonic()

    def moved(self, count: int) -> None:
        """Count bytes that went. Raises AuthorityEnded or AccessEnded where the transfer may not go on."""
        self._unwritten += count
        now = time.monotonic()
        if now - self._checked >= limits.CHECK_SECONDS:
            self._checked = now
            authority.require_goes_on(self._transfer)
        if now - self._written >= WRITE_SECONDS:
            self._written = now
            self.write()

    def write(self) -> None:
        """Write down what moved since the last time: also of a transfer that has ended, for it went (S4.8)."""
        moved, self._unwritten = self._unwritten, 0
        try:
            Transfer.objects.filter(pk=self._transfer.pk).update(moved=F("moved") + moved, last_at=timezone.now())
            if self._part is not None:
                Part.objects.filter(pk=self._part.pk).update(touched=timezone.now())
        finally:
            authority.release()

    def finish_download(self, *, at_end: bool) -> None:
        """Write down the rest, and that a download is done once its last byte went, and as many as the file has."""
        self.write()
        if not at_end:
            return
        done = Transfer.objects.running().filter(pk=self._transfer.pk, kind=TransferKind.DOWNLOAD, moved__gte=F("total"))
        try:
            done.update(state=TransferState.DONE, ended_at=timezone.now())
        finally:
            authority.release()
