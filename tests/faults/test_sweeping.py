"""Much that is over is swept in little pieces while people work; a sweeper may die, and there may be two (F19).

Scaled down to what a test can afford. docs/performance.md has the figures of a million.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.faults.aftermath import assert_holds
from tests.faults.parts import run, web_alone
from tests.faults.test_worker_faults import database as database  # noqa: PLC0414  (a fixture)
from tests.journeys.house import ROOT, Database, House, environment_of, until
from tests.journeys.visitor import Visitor

pytestmark = pytest.mark.faults

STALE, LIVE, CHEAP, TOKENS = 10_000, 1_000, 100_000, 2_000
CLIENTS = 4
# Of a machine that does nothing else: 0.2 and 0.5 s, and 1 s for whoever waits (docs/performance.md). Here others are busy.
LONGEST_BATCH_SECONDS, LONGEST_ANSWER_SECONDS = 5.0, 8.0
MEMORY_KIB = 24 * 1024
SWEEPER = """
import json, resource, sys, time, django
django.setup()
from accounts import sessions, sweeping
from tokens.flows import ending
acts = {"sessions": sessions.sweep, "leftovers": sweeping.sweep, "tokens": ending._expire_batch}
taken = {name: [] for name in acts}
least, done = 0, True
while done:
    done = False
    for name, act in acts.items():
        began = time.perf_counter()
        if act():
            taken[name].append(time.perf_counter() - began)
            done = True
    least = least or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - least
print(json.dumps({"taken": taken, "grown_kib": grown}))
"""
SEED_TOKENS = f"""
from copy import copy
from accounts.digests import digest
from accounts.models import User
from tests.tokens.factories import TokenFactory
from tokens.models import Token
amy = User.objects.get(username="amy")
one = TokenFactory(user=amy, label="one", past=True)
def another(n):
    row = copy(one)
    row.pk, row.public_id, row.label, row.digest = None, f"token-{{n:024d}}", f"token {{n}}", digest(str(n))
    return row
Token.objects.bulk_create(another(n) for n in range({TOKENS - 1}))
"""


def seed(house: House) -> None:
    """Make rows that are over, and sessions that live."""
    on_file = house.database.url.startswith("sqlite")
    now = datetime.now(UTC)
    old, late, ahead = (house.moment(now - timedelta(days=200))), house.moment(now), house.moment(now + timedelta(hours=5))
    key = "printf('%064d', i)" if on_file else "lpad(i::text, 64, '0')"
    [(amy,)] = house.rows("SELECT id FROM accounts_user WHERE username = 'amy'")

    def insert(table: str, columns: str, values: str, first: int, last: int) -> None:
        series = f"WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})"  # noqa: S608
        house.database.execute(f"INSERT INTO {table} ({columns}) {series} SELECT {values} FROM n")  # noqa: S608

    session = "session_key, session_data, expire_date, public_id, user_id, epoch, created, last_activity, idle_limit_seconds, user_agent"
    epoch = house.rows("SELECT session_epoch FROM accounts_user WHERE username = 'amy'")[0][0]
    row = f"{key}, '', '{ahead}', 's' || i, {amy}, {epoch}, '{late}'"
    insert("accounts_session", session, f"{row}, '{old}', 900, ''", 1, STALE)
    insert("accounts_session", session, f"{row}, '{late}', 86400, ''", STALE + 1, STALE + LIVE)
    insert("accounts_endedsession", "session_key, why, idle_limit_seconds, ended", f"'e' || i, 'idle', 900, '{old}'", 1, CHEAP)
    insert("accounts_counter", '"key", "count", in_a_row, last_at', f"'guard:' || i, 1, 0, '{old}'", 1, CHEAP)
    insert(
        "accounts_outboxmail", 'message_id, "to", subject, text, html, state, created, attempts, next_try, done_at',
        f"'m' || i, 'amy@example.com', 'Hello', '', '', 'sent', '{old}', 1, '{old}', '{old}'", 1, CHEAP,
    )  # fmt: skip
    run(house.database, house.var, SEED_TOKENS)


def left(house: House) -> dict[str, int]:
    """Return how many rows are over and still there."""
    questions = {
        "sessions": "SELECT count(*) FROM accounts_session WHERE idle_limit_seconds = 900 AND user_agent = ''",
        "reasons": "SELECT count(*) FROM accounts_endedsession WHERE session_key LIKE 'e%'",
        "counters": "SELECT count(*) FROM accounts_counter WHERE key LIKE 'guard:_%' AND length(key) < 20",
        "mails": "SELECT count(*) FROM accounts_outboxmail WHERE subject = 'Hello'",
        "tokens": "SELECT count(*) FROM tokens_token WHERE state = 'active' AND label LIKE 'token %'",
    }
    return {name: int(house.rows(question)[0][0]) for name, question in questions.items()}


class Clients:
    """People who look at a page and sign in, all the time; how long each answer took."""

    def __init__(self, house: House) -> None:
        self.house, self.taken, self.refused, self._stop = house, list[float](), list[int](), threading.Event()
        self._threads = [threading.Thread(target=self._go, args=(house.person(),)) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()

    def end(self) -> list[float]:
        """Return how long each answer took, sorted."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        return sorted(self.taken)

    def _go(self, name: str) -> None:
        visitor = Visitor(self.house.url).sign_in(name)
        while not self._stop.is_set():
            began = time.monotonic()
            status = visitor.get("/profile/").status
            self.taken.append(time.monotonic() - began)
            if status != 200:
                self.refused.append(status)
            time.sleep(0.05)


@contextmanager
def sweeping(house: House) -> "Iterator[subprocess.Popen[str]]":
    """Start to sweep until nothing is left."""
    environment = environment_of(house.var, house.database)
    command, out = [sys.executable, "-c", SWEEPER], subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT, text=True) as process:
        yield process
        process.kill()


def test_f19_much_is_swept_in_pieces_beside_people_by_sweepers_that_die_and_by_two(database: Database, tmp_path: Path) -> None:
    with web_alone(database, tmp_path / "house") as house:
        seed(house)
        before, clients = left(house), Clients(house)
        assert before == {"sessions": STALE, "reasons": CHEAP, "counters": CHEAP, "mails": CHEAP, "tokens": TOKENS - 1}
        with sweeping(house) as first:
            until(lambda: left(house)["sessions"] < STALE, seconds=60, what="the first pieces")
            first.kill()
        assert 0 < left(house)["sessions"] < STALE
        with sweeping(house) as one, sweeping(house) as two:
            reports = [_report(each) for each in (one, two)]
        taken = clients.end()
        assert left(house) == dict.fromkeys(before, 0)
        assert house.rows("SELECT count(*) FROM accounts_session WHERE idle_limit_seconds = 86400") == [(LIVE,)]
        told = "SELECT count(*), count(DISTINCT CAST(data AS text)) FROM accounts_securityevent WHERE event = '{}'"
        assert house.rows(told.format("session.ended")) == [(STALE, STALE)]
        assert house.rows(told.format("token.expired")) == [(TOKENS, TOKENS)]
        assert_holds(house, seconds=30)
    assert clients.refused == []
    assert taken[int(len(taken) * 0.99)] < LONGEST_ANSWER_SECONDS
    for report in reports:
        assert max(second for pieces in report["taken"].values() for second in pieces) < LONGEST_BATCH_SECONDS
        assert report["grown_kib"] < MEMORY_KIB


def _report(process: "subprocess.Popen[str]") -> Any:
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return json.loads(said.splitlines()[-1])
