"""`python -m bench.soak`: twenty minutes of mixed traffic at 70 % of the knee, PostgreSQL restarted twice; then the replay."""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.soak import journal, report
from bench.soak.journal import Journal
from bench.soak.people import Person
from bench.soak.replay import Event, Replay, Window
from bench.soak.traffic import Pace, Traffic
from bench.soak.wire import Wire
from tests.faults.services import Postgres, own_postgres, own_redis
from tests.journeys.house import ROOT, Database, House, environment_of, furnish, house_on

PART_OF_KNEE = 0.7
DATABASE, SECRET = "gatehouse", b"a secret of 20 bytes"
WITH_CODE = 10
# The demo's own people have a second factor and too few codes a minute: some of the others get one.
GIVE_CODES = f"""
import django
django.setup()
from accounts.models import User
from twofactor import vault
from twofactor.models import Authenticator
for user in User.objects.filter(username__startswith="person").order_by("username")[:{WITH_CODE}]:
    Authenticator.objects.create(user=user, name="soak", secret=vault.seal({SECRET!r}, user_id=user.pk))
"""
SETTINGS = {"TRUSTED_PROXIES": "127.0.0.1", "DB_POOL_SIZE": "20", "IDLE_LIMIT_SECONDS": "86400", "LOG_LEVEL": "WARNING"}


@dataclass(frozen=True)
class Soaked:
    """What was done, and what came of it."""

    replay: Replay
    knee: float | None  # requests a second without a pause, where it was looked for
    rate: float
    seconds: float


def main() -> None:
    """Soak, replay, print; exit with 1 where a rule is broken."""
    asked = _arguments()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-soak-")))
        soaked = _soak(asked, folder)
        if asked.keep:
            asked.keep.write_bytes((folder / "journal.jsonl").read_bytes())
    text = report.written(soaked.replay, knee=soaked.knee, rate=soaked.rate, seconds=soaked.seconds)
    print(text)
    if asked.write:
        report.into_page(text)
    sys.exit(any(soaked.replay.broken.values()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--rate", type=float, help="requests a second; by default 70 %% of what the same traffic reaches without a pause")
    parser.add_argument("--knee-seconds", type=float, default=30, help="for how long that is looked for")
    parser.add_argument("--hands", type=int, default=24, help="clients at once")
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="copy the journal to this file")
    parser.add_argument("--write", action="store_true", help="put the result into docs/performance.md")
    return parser.parse_args()


def _soak(asked: argparse.Namespace, folder: Path) -> Soaked:
    with own_postgres() as postgres, own_redis() as redis, Journal(folder / "journal.jsonl") as written:
        database = Database(postgres.url(DATABASE))
        postgres.execute(f"CREATE DATABASE {DATABASE}")
        furnish(database, folder)
        _give_codes(database, folder)
        settings = {**SETTINGS, "CACHE_URL": redis.url}
        with house_on(database, folder / "house", **settings) as one, house_on(database, folder / "house", **settings) as other:
            began, pace = time.time(), Pace()
            wire = Wire([one.port, other.port], written, pace.wait)
            with _traffic(wire, asked):
                knee = None if asked.rate else _knee(pace, asked.knee_seconds)
                pace.rate = PART_OF_KNEE * knee if knee else asked.rate
                print(f"Soaking at {pace.rate:.0f} requests a second for {asked.minutes:g} minutes ...", flush=True)
                windows = _restarts(postgres, asked.minutes * 60)
        replay = Replay(journal.read(folder / "journal.jsonl"), _events(one, began), windows)
        return Soaked(replay, knee, pace.rate, asked.minutes * 60)


@contextlib.contextmanager
def _traffic(wire: Wire, asked: argparse.Namespace) -> Iterator[None]:
    persons = [Person(f"person{number:03d}", SECRET if number < WITH_CODE else None) for number in range(asked.people)]
    traffic = Traffic(wire, persons, Person("amy"), hands=asked.hands)
    try:
        yield
    finally:
        traffic.stop()


def _knee(pace: Pace, seconds: float) -> float:
    """Return how many requests a second go through when every hand sends the next one at once; the first half does not count."""
    time.sleep(seconds / 2)
    before, began = pace.passed, time.monotonic()
    time.sleep(seconds / 2)
    return (pace.passed - before) / (time.monotonic() - began)


def _restarts(postgres: Postgres, seconds: float) -> list[Window]:
    """Let time pass, and restart PostgreSQL after a third as an operator does, after two thirds by a crash."""
    windows, over = [], threading.Event()
    for mode in ("fast", "immediate"):
        over.wait(seconds / 3)
        start = time.time()
        postgres.stop(mode)
        postgres.start()
        windows.append(Window(start, time.time()))
    over.wait(seconds / 3)
    return windows


def _give_codes(database: Database, folder: Path) -> None:
    subprocess.run([sys.executable, "-c", GIVE_CODES], cwd=ROOT, env=environment_of(folder, database), check=True)


def _events(house: House, began: float) -> list[Event]:
    rows = house.rows(
        "SELECT event, door, user_agent, extract(epoch FROM at)::float FROM accounts_securityevent"  # noqa: S608  (a number of ours)
        f" WHERE at >= to_timestamp({began}) ORDER BY id"
    )
    return [Event(*row) for row in rows]


if __name__ == "__main__":
    main()
