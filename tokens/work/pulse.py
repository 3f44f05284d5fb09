"""What a running transfer does beside moving bytes: it counts them, and looks at its token, at least once a second (JOB-03)."""

import time

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.connections import release
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
            reopen(self._transfer, begins=False)

    def write(self) -> None:
        """Write down what moved since the last time: also of a transfer that has ended, for it went (S4.8)."""
        moved, self._unwritten = self._unwritten, 0
        try:
            Transfer.objects.filter(pk=self._transfer.pk).update(moved=F("moved") + moved, last_at=timezone.now())
            if self._part is not None:
                Part.objects.filter(pk=self._part.pk).update(touched=timezone.now())
        finally:
            release()

    def finish_range(self, *, at_end: bool) -> None:
        """Write down the rest; a download is done once its last byte went (`at_end`, in this range or before) and as many as it has."""
        self.write()
        mine = Transfer.objects.running().filter(pk=self._transfer.pk)
        try:
            if at_end:
                mine.update(reached_end=True)
            mine.filter(reached_end=True, moved__gte=F("total")).update(state=TransferState.DONE, ended_at=timezone.now())
        finally:
            release()


def reopen(transfer: Transfer, *, begins: bool) -> None:
    """Let a download that counted as done run again, where more of it is read: so that a page shows it, and a revoke records its end.

    Under the lock of its token, which a revoke takes too. What it will have moved in all is one file more. Raises a DeadToken where
    reading begins anew (`begins`) on a token that begins nothing any more.
    """
    done = Transfer.objects.filter(pk=transfer.pk, state=TransferState.DONE, kind=TransferKind.DOWNLOAD)
    try:
        if not done.exists():
            return
        with transaction.atomic():
            (authority.hold_live if begins else authority.hold_for_own)(transfer.token)
            running = {"state": TransferState.RUNNING, "ended_at": None, "reached_end": False}
            done.update(**running, total=F("moved") + (transfer.file.size or 0) if transfer.file else F("total"))
    finally:
        release()
