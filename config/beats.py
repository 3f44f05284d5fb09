"""The worker's own record of when it did what: kept in memory, written down now and then (F13).

A write for each round would be a write each second for nothing. What changed goes into the database twice a minute, in one statement, and
within a second or two where a task began to fail or works again.
"""

import logging
import os
import socket
import threading
import time

from django.db import DatabaseError, connection
from django.utils import timezone

from accounts.models import WorkerBeat

logger = logging.getLogger("gatehouse.worker")

WRITE_SECONDS = 30.0
GATHER_SECONDS = 1.0  # several tasks that change together make one write
_COLUMNS = [field.name for field in WorkerBeat._meta.concrete_fields if not field.primary_key]


class Beats:
    """The last round of each task of this worker."""

    def __init__(self) -> None:
        self.worker = f"{socket.gethostname()[:60]}:{os.getpid()}"
        self._rows: dict[str, WorkerBeat] = {}
        self._unwritten: set[str] = set()
        self._lock = threading.Lock()
        self._news = threading.Event()

    def begin(self, task: str) -> None:
        """Note that a round of `task` begins."""
        with self._lock:
            row = self._rows.setdefault(task, WorkerBeat(task=task, worker=self.worker))
            row.started_at = timezone.now()
            self._unwritten.add(task)

    def end(self, task: str, done: int | None) -> None:
        """Note that the round is over, and how much it did; None: it failed."""
        with self._lock:
            row = self._rows[task]
            is_news = row.ended_at is None or (done is None) != bool(row.failures)
            row.ended_at = timezone.now()
            row.seconds = max(0.0, (row.ended_at - row.started_at).total_seconds())
            row.count += done or 0
            row.failures = row.failures + 1 if done is None else 0
            self._unwritten.add(task)
        if is_news:
            self._news.set()

    def write_until(self, stop: threading.Event) -> None:
        """Write twice a minute and soon after news, until `stop` is set; then once more."""
        written = time.monotonic()
        while not stop.wait(GATHER_SECONDS):
            if self._news.is_set() or time.monotonic() - written >= WRITE_SECONDS:
                self._write_and_close()
                written = time.monotonic()
        self._write_and_close()

    def _write_and_close(self) -> None:
        try:
            self.write()
        finally:
            connection.close()

    def write(self) -> None:
        """Write what is new; what cannot be written is logged, and goes with what comes next."""
        rows = self._take()
        try:
            if rows:
                WorkerBeat.objects.bulk_create(rows, update_conflicts=True, unique_fields=["task"], update_fields=_COLUMNS)
        except DatabaseError:
            logger.warning("beats are not written", exc_info=True)
            with self._lock:
                self._unwritten.update(row.task for row in rows)

    def _take(self) -> list[WorkerBeat]:
        """Return copies of what is new: the tasks go on."""
        with self._lock:
            self._news.clear()
            new = sorted(self._unwritten)  # two workers lock rows in one order
            self._unwritten.clear()
            return [WorkerBeat(task=name, **{column: getattr(self._rows[name], column) for column in _COLUMNS}) for name in new]
