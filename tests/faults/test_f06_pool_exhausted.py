"""64 clients hold a slow route at a pool of four: the rest waits 5 s at most, and what ends access never waits (F06, REL-05)."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest

from tests.faults.aftermath import assert_discreet, assert_holds, failure_counts
from tests.faults.conftest import DATABASE
from tests.faults.services import Postgres
from tests.journeys.house import PASSWORD, House, until
from tests.journeys.visitor import Answer, Visitor, dx_call, dx_login, make_projects, send

pytestmark = pytest.mark.faults

Houses = Callable[..., House]
POOL = 4
CLIENTS = 64
POOL_SECONDS, LOCK_SECONDS = 5, 5
BUSY_MACHINE_SECONDS = 10
AT_ONCE_SECONDS = 15  # on a busy machine; what tells is that nobody is refused
ROUNDS = 3
OURS = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"


@contextmanager
def slow_route(postgres: Postgres) -> Iterator[None]:
    """Hold what every list of a folder needs: each waits for the lock as long as the database lets it."""
    with psycopg.connect(postgres.url(DATABASE)) as holder:
        holder.execute("LOCK TABLE projects_folder IN ACCESS EXCLUSIVE MODE")
        yield
        holder.rollback()


@dataclass
class Crowd:
    """Many clients of the slow route, each again and again."""

    ask: Callable[[], Answer]
    waits: list[float] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def presses(self) -> Iterator["Crowd"]:
        """Let them ask until the end of the block."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            asking = [pool.submit(self._ask) for _ in range(CLIENTS)]
            try:
                yield self
            finally:
                self._over.set()
        for each in asking:
            each.result()

    def _ask(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            self.answers.append(self.ask())
            self.waits.append(time.monotonic() - began)


def timed(act: Callable[[], Answer]) -> Answer:
    """Return the answer; fail if it took very long."""
    began = time.monotonic()
    answer = act()
    assert time.monotonic() - began < AT_ONCE_SECONDS, answer.text
    return answer


def test_f06_64_clients_hold_a_slow_route_and_signing_in_and_out_and_revoking_are_answered_throughout(
    houses: Houses, postgres: Postgres
) -> None:
    house = houses(DB_POOL_SIZE=str(POOL))
    text = dx_login(house.url, "amy")
    (project,) = make_projects(house.url, text, "Slow")
    leaving = [Visitor(house.url).sign_in(house.person()) for _ in range(ROUNDS)]
    names = [house.person() for _ in range(ROUNDS)]
    revoking = [Visitor(house.url).sign_in(name) for name in names]
    tokens = [visitor.make_token("to be revoked") for visitor in revoking]
    counted = failure_counts(house)
    with slow_route(postgres), Crowd(lambda: dx_call(house.url, f"{project}/listFolder", {"folder": "/"}, text)).presses() as crowd:
        until(lambda: house.rows(f"SELECT count(*) {OURS} AND wait_event_type = 'Lock'")[0][0] >= POOL // 2, what="clients that hold it")  # noqa: S608
        for n in range(ROUNDS):
            assert timed(lambda: send(f"{house.url}/healthz")).status == 200
            assert timed(lambda n=n: dx_call(house.url, "system/destroyAuthToken", signature(tokens[n]), tokens[n])).status == 200  # type: ignore[misc]
            assert timed(lambda: Visitor(house.url).get("/login/")).status == 200
            arriving = Visitor(house.url)
            fields = {"username": names[n], "password": PASSWORD}
            assert timed(lambda arriving=arriving, fields=fields: arriving.form("/login/", fields)).status == 302  # type: ignore[misc]
            assert timed(lambda: Visitor(house.url).form("/login/", {"username": "ben", "password": "wrong"})).status == 401
            assert timed(lambda n=n: leaving[n].form("/logout/", at="/security/sessions/")).status == 302  # type: ignore[misc]
        until(lambda: len(crowd.answers) > CLIENTS, seconds=60, what="more answers than there are clients")
    assert {answer.status for answer in crowd.answers} <= {200, 503}
    assert 503 in {answer.status for answer in crowd.answers}
    assert all(answer.headers["Retry-After"] == "5" for answer in crowd.answers if answer.status == 503)
    assert_discreet(crowd.answers)
    assert max(crowd.waits) < POOL_SECONDS + LOCK_SECONDS + BUSY_MACHINE_SECONDS
    guards = [now[0] - counted.get(key, (0, 0))[0] for key, now in failure_counts(house).items() if key.startswith("cap:")]
    assert max(guards) == ROUNDS  # each wrong password of ben counts, though all else stands still
    until(lambda: house.rows(f"SELECT count(*) {OURS} AND state <> 'idle'") == [(0,)], what="every connection to be idle again")  # noqa: S608
    with ThreadPoolExecutor(CLIENTS) as pool:
        after = list(pool.map(lambda _: crowd.ask().status, range(CLIENTS)))
    assert set(after) == {200}, "a connection did not come back to the pool"
    assert house.rows(f"SELECT count(*) {OURS}")[0][0] <= 2 * POOL + 1  # noqa: S608  (web process, worker, and who started them)
    assert_holds(house, counted=counted)


def signature(text: str) -> dict[str, str]:
    return {"tokenSignature": hashlib.sha256(text.encode()).hexdigest()}
