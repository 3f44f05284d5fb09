"""The release before serves while its tables become those of this one, and could serve again afterwards (F17).

Scaled down to what a test can afford: 100,000 sessions, 100,000 tokens, 200,000 events, 20,000 people.
"""

import io
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.faults.conftest import DATABASE
from tests.faults.parts import manage
from tests.faults.services import Postgres, needs_own_services, own_postgres
from tests.journeys.house import PASSWORD, ROOT, Database, House, environment_of, until
from tests.journeys.visitor import Visitor, dx_login, with_token

pytestmark = pytest.mark.faults

BEFORE = "42bffee"  # the last commit of the release before: transfers and jobs, before organizations and the console
PEOPLE, ROWS, EVENTS = 20_000, 100_000, 200_000
LONGEST_WAIT_SECONDS = 4.5  # 2 on a machine that does nothing else; at 5 a client would be refused
MIGRATOR = "the migration"


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The code of the release before."""
    taken = subprocess.run(["git", "archive", "--format=tar", BEFORE], cwd=ROOT, capture_output=True)
    if taken.returncode:
        pytest.skip(f"the history of the repository does not reach back to {BEFORE}")
    folder = tmp_path / "before"
    with tarfile.open(fileobj=io.BytesIO(taken.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def old_house(before: Path, tmp_path: Path) -> Iterator[House]:
    """A server of the release before, with many rows, on a PostgreSQL of its own."""
    needs_own_services()
    with own_postgres() as postgres:
        postgres.execute(f"CREATE DATABASE {DATABASE}")
        database = Database(postgres.url(DATABASE))
        assert manage(database, tmp_path, "migrate", "--verbosity=0", root=before).returncode == 0
        assert manage(database, tmp_path, "load_demo", root=before).returncode == 0
        built = House(var=tmp_path, database=database, settings={}, root=before)
        try:
            built.start()
            yield built
        finally:
            built.stop()


def _seed(database: Database) -> None:
    with psycopg.connect(database.url, autocommit=True) as server:
        _copies(server, "accounts_user", PEOPLE, id="1000000 + i", username="'u' || i", email="'u' || i || '@example.com'")
        _copies(server, "accounts_session", ROWS, session_key="md5(i::text) || md5((i + 1)::text)", user_id=f"1000001 + i % {PEOPLE}")
        _copies(server, "tokens_token", ROWS, id="1000000 + i", label="'token ' || i", user_id=f"1000001 + i % {PEOPLE}")
        _copies(server, "accounts_securityevent", EVENTS, id="1000000 + i", subject_id=f"1000001 + i % {PEOPLE}")


def _copies(server: "psycopg.Connection[tuple[object, ...]]", table: str, count: int, **changed: str) -> None:
    """Insert `count` copies of the oldest row, some columns of it `changed`; those that must be unique are."""
    columns = [str(name) for (name,) in server.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])]
    unique = {"public_id": "md5(i::text)", "digest": "md5(i::text) || md5((i + 1)::text)"} | changed
    chosen = ", ".join(unique.get(name, f'o."{name}"') for name in columns)
    quoted = ", ".join(f'"{name}"' for name in columns)
    oldest = f"(SELECT * FROM {table} ORDER BY 1 LIMIT 1) o"  # noqa: S608
    server.execute(f"INSERT INTO {table} ({quoted}) SELECT {chosen} FROM {oldest}, generate_series(1, {count}) i".encode())  # noqa: S608


class Traffic:
    """People who sign in, look around and use a token, all the time; what they were refused is kept."""

    def __init__(self, house: House, token: str) -> None:
        self.house, self.token, self.refused, self.done, self.slowest = house, token, list[str](), 0, 0.0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._go) for _ in range(4)]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _go(self) -> None:
        while not self._stop.is_set():
            began, visitor = time.monotonic(), Visitor(self.house.url)
            answers = [
                visitor.form("/login/", {"username": "amy", "password": PASSWORD}).status,
                visitor.get("/profile/").status, visitor.form("/logout/", at="/profile/").status,
                with_token(self.house.url, self.token).status,
            ]  # fmt: skip
            self.done, self.slowest = self.done + 1, max(self.slowest, time.monotonic() - began)
            if answers != [302, 200, 302, 200]:
                self.refused.append(str(answers))


class Watcher:
    """How long anybody but the migration waited for a lock, at most."""

    WAITS = (
        "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)), 0) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"  # noqa: S608
        f" WHERE NOT l.granted AND a.application_name <> '{MIGRATOR}'"
    )

    def __init__(self, database: Database) -> None:
        self.longest, self._stop = 0.0, threading.Event()
        self._thread = threading.Thread(target=self._watch, args=(database.url,))
        self._thread.start()

    def end(self) -> float:
        self._stop.set()
        self._thread.join()
        return self.longest

    def _watch(self, url: str) -> None:
        with psycopg.connect(url, autocommit=True) as server:
            while not self._stop.wait(0.05):
                [(waited,)] = server.execute(self.WAITS.encode()).fetchall()
                self.longest = max(self.longest, float(waited))


@contextmanager
def migrating(house: House) -> "Iterator[subprocess.Popen[str]]":
    """Start to migrate to this release."""
    environment = environment_of(house.var, house.database, PGAPPNAME=MIGRATOR)
    command = [sys.executable, "manage.py", "migrate"]
    out = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT, text=True) as process:
        yield process


def schema(database: Database) -> list[tuple[object, ...]]:
    """Return all columns and all indexes."""
    columns = "SELECT table_name::text, column_name::text, is_nullable::text FROM information_schema.columns WHERE table_schema = 'public'"
    return sorted(database.rows(columns) + database.rows("SELECT tablename::text, indexname::text, '' FROM pg_indexes"))


def latest(house: House) -> dict[str, str]:
    """Return the newest migration of each app."""
    return dict(house.rows("SELECT app, max(name) FROM django_migrations GROUP BY app"))


def serves(house: House, token: str) -> None:
    """Fail unless people sign in and tokens work."""
    visitor = Visitor(house.url).sign_in("amy")
    assert visitor.signed_in
    assert with_token(house.url, token).status == 200
    assert with_token(house.url, dx_login(house.url, "amy")).status == 200
    assert visitor.form("/logout/", at="/profile/").status == 302


def test_f17_the_release_before_serves_while_tables_change_a_killed_migration_runs_again_and_goes_back(
    old_house: House, tmp_path: Path
) -> None:
    database, were, looked = old_house.database, latest(old_house), schema(old_house.database)
    signed_in, token = Visitor(old_house.url).sign_in("ben"), Visitor(old_house.url).sign_in("amy").make_token("nightly")
    _seed(database)
    traffic, watcher = Traffic(old_house, token), Watcher(database)
    with migrating(old_house) as first:
        until(lambda: "accounts_event_of_kind" in str(database.rows(_BUILT)), seconds=120, what="a migration half-way")
        first.send_signal(signal.SIGKILL)
        first.communicate()
    assert database.rows("SELECT 1 FROM django_migrations WHERE name = '0007_search_indexes'") == []
    until(lambda: not database.rows(f"SELECT 1 FROM pg_stat_activity WHERE application_name = '{MIGRATOR}'"), what="its end")  # noqa: S608
    with migrating(old_house) as second:
        said, _ = second.communicate(timeout=300)
        assert second.returncode == 0, said
    longest = watcher.end()
    traffic.end()
    assert traffic.done > 4
    assert traffic.refused == []
    assert longest < LONGEST_WAIT_SECONDS
    assert database.rows("SELECT relname FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid WHERE NOT indisvalid") == []
    assert signed_in.signed_in
    serves(old_house, token)
    _this_release_serves(database, tmp_path, token, signed_in)
    _goes_back(old_house, were)
    assert schema(database) == looked
    serves(old_house, token)


_BUILT = "SELECT relname FROM pg_class WHERE relname LIKE 'accounts_event_%'"


def _this_release_serves(database: Database, var: Path, token: str, signed_in: Visitor) -> None:
    (var / "new").mkdir()
    new = House(var=var / "new", database=database, settings={})
    try:
        new.start()
        serves(new, token)
        signed_in.url = new.url
        assert signed_in.signed_in
    finally:
        new.stop()


def _goes_back(house: House, were: dict[str, str]) -> None:
    now = latest(house)
    for app in now:
        target = were.get(app, "zero")
        if target != now[app]:
            done = manage(house.database, house.var, "migrate", app, target)
            assert done.returncode == 0, done.stderr


def test_f17_a_migration_that_meets_a_long_transaction_lets_the_others_pass(postgres: Postgres, tmp_path: Path) -> None:
    """A report that reads the sessions for a while holds the migration up, and nobody else behind it."""
    database = Database(postgres.url(DATABASE))
    assert manage(database, tmp_path, "migrate", "accounts", "0004").returncode == 0
    watcher = Watcher(database)
    with psycopg.connect(database.url) as reader:
        reader.execute("SELECT count(*) FROM accounts_session")
        with migrating(House(tmp_path, database, {})) as process:
            until(lambda: _is_blocked(database), what="a migration that waits")
            ends = time.monotonic() + 4
            while time.monotonic() < ends:
                assert _can_write(database)
            reader.rollback()
            said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert "once more" in said
    assert watcher.end() < LONGEST_WAIT_SECONDS


def _is_blocked(database: Database) -> bool:
    waits = "SELECT 1 FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND application_name = '{}'"
    return bool(database.rows(waits.format(MIGRATOR)))


def _can_write(database: Database) -> bool:
    database.execute("UPDATE accounts_session SET last_activity = last_activity")
    return True
