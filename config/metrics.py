"""What Prometheus reads: what the processes here counted (accounts/meters.py), and how the whole server is (config/condition.py).

Handed out by `manage.py serve` on a port of its own (METRICS_PORT), never on the public one. The processes count into files that they share
with it; the folder is in memory where there is such a place, for a full disk must not stop a process that counts.
"""

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIServer

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection
from django.utils import timezone
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from config import condition

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"  # the library's name for it; child processes find it in their environment
_IN_MEMORY = Path("/dev/shm")  # noqa: S108  (a folder of random name is made in it, for us alone)
_OF_LIVE = re.compile(r"gauge_live\w+_(\d+)\.db")


class Exporter:
    """Hands out the metrics until it is closed."""

    def __init__(self, *, with_state: bool) -> None:
        """Make the folder that children count in. `with_state`: whether the whole server's state is told, too."""
        self.folder = Path(tempfile.mkdtemp(prefix="gatehouse-metrics-", dir=_IN_MEMORY if os.access(_IN_MEMORY, os.W_OK) else None))
        self.registry = CollectorRegistry()
        self.registry.register(_Processes(self.folder))
        if with_state:
            self.registry.register(StateCollector())
        self._server: WSGIServer | None = None
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Listen on METRICS_HOST and METRICS_PORT; raise ImproperlyConfigured where that is not possible."""
        try:
            self._server, self._thread = start_http_server(settings.METRICS_PORT, settings.METRICS_HOST, self.registry)
        except OSError as error:
            where = f"{settings.METRICS_HOST}:{settings.METRICS_PORT}"
            raise ImproperlyConfigured(f"METRICS_PORT cannot be opened at {where} ({error.strerror}); set it to another") from None

    def close(self) -> None:
        """Stop listening, and remove the folder."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
        shutil.rmtree(self.folder, ignore_errors=True)


class _Processes(Collector):
    """The sums of what the processes counted. Of one that has ended its counts stay, and what it held is forgotten."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._collector = MultiProcessCollector(None, path=str(folder))

    def collect(self) -> Iterator[Metric]:
        """Give what the files hold."""
        for name in os.listdir(self._folder):
            live = _OF_LIVE.fullmatch(name)
            if live and not Path(f"/proc/{live[1]}").exists():
                mark_process_dead(int(live[1]), path=str(self._folder))
        yield from self._collector.collect()

    def describe(self) -> list[Metric]:
        """Return nothing: what there is, is known when it is asked for."""
        return []


class StateCollector(Collector):
    """How the server is, read from the database when it is asked for."""

    def describe(self) -> list[Metric]:
        """Return nothing, so that the database is not asked at the start."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Give the state, and whether it could be read."""
        yield _gauge("gatehouse_info", "1, with the release.", {"version": settings.SPECTACULAR_SETTINGS["VERSION"]}, 1)
        try:
            families = [*_outbox(), *_work(), *_tasks(), *_check()]
        except DatabaseError:
            families = []
        finally:
            connection.close()
        yield _gauge("gatehouse_state_readable", "Whether the database answered to this scrape.", {}, float(bool(families)))
        yield from families


def _outbox() -> Iterator[Metric]:
    mails = condition.outbox()
    age = (timezone.now() - mails.oldest_due).total_seconds() if mails.oldest_due else 0
    yield _gauge("gatehouse_outbox_due", "Mails whose turn it is; counted up to 10,000.", {}, mails.due.number)
    yield _gauge("gatehouse_outbox_oldest_due_seconds", "For how long the first of them has been waiting.", {}, age)
    yield _gauge("gatehouse_outbox_retried", "Mails that failed and are tried again; up to 10,000.", {}, mails.retried.number)
    yield _gauge("gatehouse_outbox_failed", "Mails given up in the last 30 days; up to 10,000.", {}, mails.failed.number)


def _work() -> Iterator[Metric]:
    yield _gauge("gatehouse_sessions", "Browsers that are signed in; counted up to 10,000.", {}, condition.sessions().number)
    running = GaugeMetricFamily("gatehouse_work_running", "Work that runs; counted up to 10,000 of each kind.", labels=["kind"])
    running.add_metric(["job"], condition.running_jobs().number)
    running.add_metric(["transfer"], condition.running_transfers().number)
    yield running


def _tasks() -> Iterator[Metric]:
    late = GaugeMetricFamily("gatehouse_worker_task_late", "1 where a task of the worker is late.", labels=["task"])
    failures = GaugeMetricFamily("gatehouse_worker_task_failures", "Rounds of a task that failed in a row.", labels=["task"])
    ended = GaugeMetricFamily("gatehouse_worker_task_ended_timestamp_seconds", "When its last round ended.", labels=["task"])
    for state in condition.tasks():
        late.add_metric([state.task.name], float(state.is_late))
        if state.beat is not None and state.beat.ended_at is not None:
            failures.add_metric([state.task.name], state.beat.failures)
            ended.add_metric([state.task.name], state.beat.ended_at.timestamp())
    yield from (late, failures, ended)


def _check() -> Iterator[Metric]:
    check = condition.last_check()
    if check is None or check.ended_at is None:
        return
    ended = check.ended_at.timestamp()
    yield _gauge("gatehouse_state_check_ended_timestamp_seconds", "When the last look at the state ended.", {}, ended)
    yield _gauge("gatehouse_state_check_findings", "What it found; more than 0 is a reason to get up.", {}, check.findings)


def _gauge(name: str, words: str, labels: dict[str, Any], value: float) -> Metric:
    family = GaugeMetricFamily(name, words, labels=list(labels))
    family.add_metric(list(labels.values()), value)
    return family
