"""Whether the parts that a request needs answer, asked in a time that a load balancer waits for (OPS-09)."""

import logging
import threading
import time
from collections.abc import Callable

from django.core.cache import cache
from django.db import InterfaceError, OperationalError, connection

from config import condition

logger = logging.getLogger("gatehouse.readiness")

# What Django raises when the database is away, full, or too slow: the same request may work in some seconds (REL-04).
DATABASE_AWAY = (OperationalError, InterfaceError)
DEADLINE_SECONDS = 1.5
OK, NOT_OK, LATE = "ok", "not ok", "late"
# What no request can do without. Cache and worker are told of, and no more: they are the same for every web process, and people can sign in
# without them. A load balancer that took the web processes out for their sake would turn late mails into an outage (REL-03, F09, F13).
NEEDED = ("database",)
_CACHE_KEY = "gatehouse.readyz"


class Probe:
    """One part, asked in a thread of its own, once at a time: whoever comes meanwhile shares the answer, and a part that hangs costs one
    thread in all.
    """

    def __init__(self, name: str, ask: Callable[[], str | None]) -> None:
        self.name, self.ask = name, ask
        self._lock = threading.Lock()
        self._last: Answer | None = None

    def start(self) -> "Answer":
        """Return an answer that is still to come; where one is on its way already, that one."""
        with self._lock:
            if self._last is None or self._last.came.is_set():
                self._last = Answer()
                threading.Thread(target=self._run, args=(self._last,), name=f"readyz-{self.name}", daemon=True).start()
            return self._last

    def _run(self, answer: "Answer") -> None:
        try:
            answer.word = self.ask() or OK
        except Exception:  # whatever a part raises, it is not ready
            logger.warning("part is not ready", extra={"part": self.name}, exc_info=True)
        finally:
            answer.came.set()


class Answer:
    """What a probe found, once it has come."""

    def __init__(self) -> None:
        self.word = NOT_OK
        self.came = threading.Event()
        # From its beginning: who asks about a part that has been hanging for longer is told at once, and holds no thread for it.
        self.deadline = time.monotonic() + DEADLINE_SECONDS

    def wait(self) -> str:
        """Return what was found; "not ok" where nothing came in time."""
        self.came.wait(max(0.0, self.deadline - time.monotonic()))
        return self.word


def ask_database() -> None:
    """Return if the database answers with the schema in it; raise what it raises. Closes its connection."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
    finally:
        connection.close()


def ask_cache() -> None:
    """Return if the cache keeps a value; raise otherwise."""
    cache.set(_CACHE_KEY, "1", timeout=10)
    if cache.get(_CACHE_KEY) != "1":
        raise RuntimeError("the cache forgot a value at once")


def ask_worker() -> str | None:
    """Return "late" where a task of the worker has not ended a round in time (F13). Closes its connection."""
    try:
        return LATE if condition.late_tasks() else None
    finally:
        connection.close()


PROBES = [Probe("database", ask_database), Probe("cache", ask_cache), Probe("worker", ask_worker)]


def check() -> dict[str, str]:
    """Return for each part "ok", "not ok" (also where nothing came within the deadline of 1.5 s for all of them), or "late"."""
    answers = [(probe.name, probe.start()) for probe in PROBES]
    return {name: answer.wait() for name, answer in answers}


def is_ready(parts: dict[str, str]) -> bool:
    """Return whether requests can be answered, by what `check` returned: whether all that no request can do without is there."""
    return all(word == OK for name, word in parts.items() if name in NEEDED)
