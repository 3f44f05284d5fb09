"""What the processes count for those who run the server; config/metrics.py hands it to Prometheus.

Nothing here names a person, an address, or a thing that people make: every label comes from a list in the code, so the number of series is
bounded. Where METRICS_PORT is not set, nothing is counted.
"""

import time
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

ON: bool = settings.METRICS_PORT > 0
POOL_SECONDS = 1.0  # how often a process looks into its pool of connections, at most
# Of these events the reason comes from a list in the code. Other reasons are what somebody typed.
_WITH_REASON = {"session.ended", "token.revoked"}

# Of this process. Between processes the library adds them up, by files (PROMETHEUS_MULTIPROC_DIR).
registry = CollectorRegistry()
_REQUESTS = Histogram(
    "gatehouse_request_seconds",
    "Seconds from a request to the head of its answer, by door, route and status class.",
    ["door", "route", "status"],
    registry=registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
_EVENTS = Counter("gatehouse_events", "Events of the security log.", ["event", "door", "reason"], registry=registry)
_REFUSALS = Counter(
    "gatehouse_refusals", "Refusals by error code; those that stand in a form are not among them.", ["door", "code"], registry=registry
)
_HASH_WAITS = Histogram(
    "gatehouse_password_hash_wait_seconds",
    "Seconds that a password waited for its turn to be hashed.",
    registry=registry,
    buckets=(0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 9.5),
)
_CACHE_FAILURES = Counter("gatehouse_cache_failures", "Calls that Redis failed; after each it is left alone for 5 s.", registry=registry)
_ROUNDS = Histogram(
    "gatehouse_worker_round_seconds",
    "Seconds that a round of a task took.",
    ["task", "outcome"],
    registry=registry,
    buckets=(0.01, 0.1, 1.0, 10.0, 60.0),
)
_DONE = Counter("gatehouse_worker_done", "Things that a task did.", ["task"], registry=registry)
_POOL = Gauge(
    "gatehouse_database_pool_connections",
    "Connections of the pool: in use, idle; requests that wait for one. As of the end of the last request or round.",
    ["state"],
    registry=registry,
    multiprocess_mode="livesum",
)

_cells: dict[tuple[str, str, int], Any] = {}
_pool_looked_at = [0.0]


def request(door: str, route: str, status: int, seconds: float, now: float) -> None:
    """Count a request that took `seconds` and was answered at `now` (monotonic); `route` is a pattern, never a path."""
    key = (door, route, status // 100)
    cell = _cells.get(key)
    if cell is None:
        # Finding it by its labels takes as long as counting.
        cell = _cells[key] = _REQUESTS.labels(door, route, f"{key[2]}xx")
    cell.observe(seconds)
    if now - _pool_looked_at[0] >= POOL_SECONDS:
        _look_at_pool(now)


def events(rows: Sequence[Any]) -> None:
    """Count events of the security log (accounts.models.SecurityEvent) once their transaction is committed."""
    if ON:
        tally = Tally((row.event, row.door, str(row.data.get("why", "")) if row.event in _WITH_REASON else "") for row in rows)
        transaction.on_commit(lambda: _count_events(tally), robust=True)


def _count_events(tally: Tally[tuple[str, str, str]]) -> None:
    for labels, number in tally.items():
        _EVENTS.labels(*labels).inc(number)


def refusal(door: str, code: str) -> None:
    """Count a refusal of this error code."""
    if ON:
        _REFUSALS.labels(door, code).inc()


@contextmanager
def hash_wait() -> Iterator[None]:
    """Measure how long what is inside waits."""
    began = time.monotonic()
    try:
        yield
    finally:
        if ON:
            _HASH_WAITS.observe(time.monotonic() - began)


def cache_failure() -> None:
    """Count a call that Redis failed."""
    if ON:
        _CACHE_FAILURES.inc()


def worker_round(task: str, done: int | None, seconds: float) -> None:
    """Count a round of a task: how much it did (None: it failed), and the seconds that it took."""
    if ON:
        _ROUNDS.labels(task, "failed" if done is None else "ok").observe(seconds)
        _DONE.labels(task).inc(done or 0)
        _look_at_pool(time.monotonic())


def _look_at_pool(now: float) -> None:
    """Note how many connections of the pool are in use; nothing where there is no pool."""
    _pool_looked_at[0] = now
    pool: Any = getattr(connection, "pool", None)
    if pool is None:
        return
    told = pool.get_stats()
    idle = told.get("pool_available", 0)
    _POOL.labels("in use").set(told.get("pool_size", 0) - idle)
    _POOL.labels("idle").set(idle)
    _POOL.labels("waiting").set(told.get("requests_waiting", 0))
