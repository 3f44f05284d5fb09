"""Sixteen processes that write to one SQLite file, and a reader that does not let go (F07, REL-01)."""

import json
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from config.services import SQLITE_WAL_MAX_BYTES
from tests.faults.aftermath import assert_holds
from tests.faults.writers import TOKENS_OF_EACH, WRONG_OF_EACH
from tests.journeys.house import ROOT, Database, House, environment_of, house, until

pytestmark = pytest.mark.faults

PROCESSES, PEOPLE = 16, 3
WRITE_SECONDS = 5.0  # SECURITY F07
READ_SECONDS = 1.0
WORK_SECONDS = 300
EXPECTED = {"sign in": 302, "wrong password": 401, "make": 201, "use": 200, "revoke": 204}


@pytest.fixture
def sqlite_house(plan: Database, tmp_path: Path) -> Iterator[House]:
    """A server on a file of its own."""
    if not plan.url.startswith("sqlite"):
        pytest.skip("this is about SQLite")
    with house(plan, tmp_path / "house") as started:
        yield started


def file_of(server: House) -> Path:
    return Path(server.database.url.removeprefix("sqlite:///"))


def wal_bytes(server: House) -> int:
    return Path(f"{file_of(server)}-wal").stat().st_size


@contextmanager
def long_reader(path: Path) -> Iterator[None]:
    """Hold a transaction open that reads what was there at its beginning: nothing after it leaves the write-ahead log."""
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM accounts_user").fetchone()
        yield


class Readers:
    """Somebody who reads again and again, and how long each time took."""

    def __init__(self, server: House) -> None:
        self._server, self._ended = server, threading.Event()
        self.took: list[float] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Readers":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.1):
            began = time.monotonic()
            self._server.rows("SELECT count(*) FROM tokens_token")
            self.took.append(time.monotonic() - began)


def write(server: House) -> list[tuple[str, int, float]]:
    """Let the writers work; return what each act was answered, and after how long."""
    environment = environment_of(server.var, server.database)
    command = [sys.executable, "-m", "tests.faults.writers", str(PROCESSES), str(PEOPLE)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=WORK_SECONDS)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "database is locked" not in done.stderr
    return [(name, status, seconds) for name, status, seconds in json.loads(done.stdout.splitlines()[-1])]


def test_f07_sixteen_writers_and_a_long_reader_on_one_file(sqlite_house: House) -> None:
    with long_reader(file_of(sqlite_house)), Readers(sqlite_house) as readers:
        told = write(sqlite_house)
    people = PROCESSES * PEOPLE
    tokens = people * TOKENS_OF_EACH
    answers = Counter((name, status) for name, status, _ in told)
    counts = {"sign in": people, "wrong password": PROCESSES * WRONG_OF_EACH, "make": tokens, "use": tokens, "revoke": tokens}
    assert answers == {(name, EXPECTED[name]): count for name, count in counts.items()}
    took = sorted(seconds for _, _, seconds in told)
    assert took[-1 - len(took) // 100] < WRITE_SECONDS
    assert max(readers.took) < READ_SECONDS
    assert_counted(sqlite_house, counts)
    assert "database is locked" not in sqlite_house.log
    until(lambda: wal_bytes(sqlite_house) < SQLITE_WAL_MAX_BYTES, seconds=90, what="the write-ahead log to shrink")
    assert sqlite_house.rows("PRAGMA integrity_check") == [("ok",)]
    assert_holds(sqlite_house)


def assert_counted(server: House, counts: dict[str, int]) -> None:
    """Fail unless every act left exactly its rows, and every failure is counted, once."""
    events = dict(server.rows("SELECT event, count(*) FROM accounts_securityevent GROUP BY event"))
    assert events["token.created"] == counts["make"]
    assert events["token.revoked"] == counts["revoke"]
    assert events["login.passed"] == counts["sign in"]
    assert server.rows("SELECT state, count(*) FROM tokens_token GROUP BY state") == [("revoked", counts["make"])]
    ((failures,),) = server.rows("SELECT sum(count) FROM accounts_counter WHERE key LIKE 'address:%'")
    assert failures == counts["wrong password"]
    ((in_a_row,),) = server.rows("SELECT sum(in_a_row) FROM accounts_counter WHERE key LIKE 'cap:%'")
    assert not in_a_row, "who signed in afterwards has no failure left"
