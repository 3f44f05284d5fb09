"""What a signal ends, it ends in order: requests under way get their answers, newcomers are refused, nothing is left behind (F12)."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException, IncompleteRead
from pathlib import Path

import pytest

from tests.faults.aftermath import assert_holds
from tests.faults.parts import run, worker
from tests.faults.sink import Sink, sink
from tests.faults.stored import MIB, Stored, random_bytes, read_slowly
from tests.faults.test_worker_faults import WRITE_MAILS
from tests.journeys.house import NEW_PASSWORD, Database, House, descendants, house, runs, until
from tests.journeys.visitor import Visitor, dx_login, send

pytestmark = pytest.mark.faults

SIGNALS = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
CLIENTS = 16
END_SECONDS = 45  # 30 for what is under way, and a busy machine
AT_ONCE_SECONDS = 8


@pytest.fixture
def built(plan: Database, tmp_path: Path) -> Iterator[House]:
    """A server that a test ends by itself."""
    with house(plan, tmp_path / "house") as started:
        yield started


@pytest.fixture
def post() -> Iterator[Sink]:
    """A mail server."""
    with sink() as server:
        yield server


class Crowd:
    """Clients that ask again and again, each time on a new connection, until they are refused."""

    def __init__(self, url: str) -> None:
        self.url, self.outcomes = url, Counter[str]()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> "Counter[str]":
        """Return how often each outcome was, once every client was refused."""
        for thread in self._threads:
            thread.join(END_SECONDS)
        return self.outcomes

    def _ask(self) -> None:
        outcome = ""
        while outcome != "refused":
            outcome = _outcome(self.url)
            self.outcomes[outcome] += 1


def _outcome(url: str) -> str:
    try:
        return str(send(f"{url}/login/").status)
    except OSError as error:
        return "refused" if "refused" in str(error) else f"broken: {error}"
    except HTTPException as error:
        return f"broken: {error!r}"


def ended(built: House, family: list[int], seconds: float = END_SECONDS) -> None:
    """Wait for the end; fail where it is none in order."""
    assert built.process is not None
    assert built.process.wait(seconds) == 0
    until(lambda: not any(runs(pid) for pid in family), seconds=2, what="the end of its children")
    assert "Traceback" not in built.log


def signalled(built: House, number: int) -> list[int]:
    """Send the signal to the first process, and return all that it had started."""
    assert built.process is not None
    family = descendants(built.process.pid)
    assert len(family) >= 3
    built.process.send_signal(number)
    return family


@pytest.mark.parametrize("number", SIGNALS)
def test_f12_a_signal_lets_requests_end_refuses_new_ones_and_leaves_nothing(built: House, number: int) -> None:
    token = dx_login(built.url, "amy")
    stored = Stored(built, token, random_bytes(16 * MIB)).put()
    crowd, answer = Crowd(built.url), stored.get()
    until(lambda: crowd.outcomes["200"] > CLIENTS, what="clients at work")
    with ThreadPoolExecutor(1) as pool:
        download = pool.submit(read_slowly, answer, pace=4 * MIB)
        family = signalled(built, number)
        assert download.result() == stored.content
    outcomes = crowd.end()
    ended(built, family)
    assert set(outcomes) == {"200", "refused"}, outcomes
    assert outcomes["refused"] == CLIENTS


def test_f12_an_act_under_way_is_finished_and_told(plan: Database, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    with house(plan, tmp_path / "house", FAILPOINTS=f"password_change.before_commit=pause:{gate}") as built:
        visitor = Visitor(built.url).sign_in("amy")
        with ThreadPoolExecutor(1) as pool:
            change = pool.submit(visitor.change_password, NEW_PASSWORD)
            time.sleep(1)  # nothing outside tells that it waits at the gate
            family = signalled(built, signal.SIGTERM)
            until(lambda: _outcome(built.url) == "refused", what="the end of the listening")
            assert not change.done()
            gate.unlink()
            assert change.result().status == 302
        ended(built, family)
        built.settings.clear()
        built.start()
        assert Visitor(built.url).sign_in("amy", NEW_PASSWORD).signed_in
        assert_holds(built)


def test_f12_a_transfer_that_takes_longer_is_cut_and_goes_on_after_the_start(built: House) -> None:
    stored = Stored(built, dx_login(built.url, "amy"), random_bytes(32 * MIB)).put()
    answer = stored.get()
    with ThreadPoolExecutor(1) as pool:
        half = pool.submit(_read_until_cut, answer)
        family = signalled(built, signal.SIGTERM)
        ended(built, family)
        read = half.result()
    assert 0 < len(read) < len(stored.content)
    assert stored.content.startswith(read)
    built.start()
    rest = read_slowly(stored.get(begin=len(read)), pace=1024 * MIB)
    assert read + rest == stored.content
    assert_holds(built)


def _read_until_cut(answer: object) -> bytes:
    read = bytearray()
    try:
        while piece := answer.read1(64 * 1024):  # type: ignore[attr-defined]
            read += piece
            time.sleep(len(piece) / (MIB / 4))
    except (OSError, IncompleteRead):
        pass
    return bytes(read)


def test_f12_the_second_ctrl_c_ends_at_once(built: House) -> None:
    stored = Stored(built, dx_login(built.url, "amy"), random_bytes(32 * MIB)).put()
    answer = stored.get()
    read_slowly(answer, pace=MIB, enough=lambda read: read > MIB)
    family = signalled(built, signal.SIGINT)
    until(lambda: _outcome(built.url) == "refused", what="the end of the listening")
    time.sleep(1)
    assert built.process is not None
    assert built.process.poll() is None  # it waits for the download
    built.process.send_signal(signal.SIGINT)
    built.process.wait(AT_ONCE_SECONDS)
    until(lambda: not any(runs(pid) for pid in family), seconds=2, what="the end of its children")


@pytest.mark.parametrize("number", SIGNALS)
def test_f12_a_worker_ends_its_round_and_then_itself(plan: Database, tmp_path: Path, post: Sink, number: int) -> None:
    gate, database = tmp_path / "gate", plan.copy(tmp_path)
    gate.touch()
    run(database, tmp_path, WRITE_MAILS.format(count=1))
    with worker(database, tmp_path, EMAIL_URL=post.url, FAILPOINTS=f"outbox.sent=pause:{gate}") as started:
        until(lambda: post.letters, what="a mail that is being sent")
        started.process.send_signal(number)
        time.sleep(1)
        assert started.process.poll() is None
        gate.unlink()
        assert started.process.wait(END_SECONDS) == 0
    assert database.rows("SELECT state, attempts FROM accounts_outboxmail") == [("sent", 1)]
    database.drop()


def test_f12_the_second_ctrl_c_ends_a_worker_at_once(plan: Database, tmp_path: Path, post: Sink) -> None:
    database = plan.copy(tmp_path)
    post.silent = True
    run(database, tmp_path, WRITE_MAILS.format(count=20))
    with worker(database, tmp_path, EMAIL_URL=post.url) as started:
        until(lambda: post.talks, what="a mail that is tried")
        started.process.send_signal(signal.SIGINT)
        time.sleep(1)
        assert started.process.poll() is None
        started.process.send_signal(signal.SIGINT)
        started.process.wait(AT_ONCE_SECONDS)
    database.drop()
