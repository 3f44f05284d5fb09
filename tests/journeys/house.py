"""A whole server for tests: the processes of `manage.py serve`, a database of their own, mails in files; all gone with the test."""

import fcntl
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import psycopg

from accounts.limits import CONFIRMED_SECONDS

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30
STOP_SECONDS = 40
POLL_SECONDS = 0.05
PASSWORD = "gatehouse-demo-1"
NEW_PASSWORD = "a new and longer passphrase"
SPARE_PEOPLE = 300
POOL_CONNECTIONS = "5"  # several houses share one PostgreSQL with the tests
# One process makes what every house begins with: tables, demo data, and people whom only one test knows.
BUILD = f"""
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from config import demo
demo.load()
from accounts.models import User
known = User.objects.get(username="amy").password
User.objects.bulk_create(
    User(username=f"person{{n:03d}}", email=f"person{{n:03d}}@example.com", first_name="Person", last_name=f"No {{n}}", password=known)
    for n in range({SPARE_PEOPLE})
)
"""

T = TypeVar("T")
_numbers = count()


def until(question: Callable[[], T | None], *, seconds: float = PATIENCE_SECONDS, what: str = "it") -> T:
    """Return the first true answer of `question`; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}, in vain"
        time.sleep(POLL_SECONDS)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Database:
    """A database: a SQLite file, or one of PostgreSQL's where DATABASE_URL names a server."""

    url: str

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, read beside the server and not through it."""
        if self.url.startswith("sqlite"):
            reader = sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20)
            try:
                return reader.execute(query).fetchall()
            finally:
                reader.close()
        with psycopg.connect(self.url) as server:
            return server.execute(query.encode()).fetchall()

    def execute(self, statement: str) -> None:
        """Change rows, beside the server and not through it: for what only time could do otherwise."""
        if self.url.startswith("sqlite"):
            writer = sqlite3.connect(self.url.removeprefix("sqlite:///"), timeout=20)
            try:
                with writer:
                    writer.execute(statement)
            finally:
                writer.close()
            return
        with psycopg.connect(self.url) as server:
            server.execute(statement.encode())

    def tables(self) -> list[str]:
        """Return the names of all tables that hold rows."""
        on_file = "SELECT name FROM sqlite_master WHERE type = 'table'"
        on_server = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        return [name for (name,) in self.rows(on_file if self.url.startswith("sqlite") else on_server)]

    def copy(self, folder: Path) -> "Database":
        """Return a new database with the same content."""
        if self.url.startswith("sqlite"):
            path = folder / "gatehouse.sqlite3"
            shutil.copy(self.url.removeprefix("sqlite:///"), path)
            return Database(f"sqlite:///{path}")
        return _new_postgresql(template=urlsplit(self.url).path[1:])

    def drop(self) -> None:
        """Remove it. The file of SQLite goes with its folder."""
        if not self.url.startswith("sqlite"):
            _as_owner(f'DROP DATABASE IF EXISTS "{urlsplit(self.url).path[1:]}" WITH (FORCE)')


def _as_owner(statement: str) -> None:
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path="/postgres").geturl()
    # Other tests of this machine may hold every connection for a moment.
    server = until(lambda: _connected(url), what="a connection to PostgreSQL")
    with server:
        server.execute(statement.encode())


def _connected(url: str) -> "psycopg.Connection[tuple[Any, ...]] | None":
    try:
        return psycopg.connect(url, autocommit=True)
    except psycopg.OperationalError:
        return None


def _new_postgresql(template: str = "template0") -> Database:
    name = f"gatehouse_house_{os.getpid()}_{next(_numbers)}"
    _as_owner(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return Database(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl())


def environment_of(var: Path, database: Database, **more: str) -> dict[str, str]:
    """Return the environment of a process of a server on `database`, with `more` variables."""
    dropped = ("DATABASE_URL", "FAILPOINTS", "IDLE_LIMIT_SECONDS", "SITE_URL", "PORT", "DX_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    mine = {"DEBUG": "1", "DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(var), "DATABASE_URL": database.url}
    return {**kept, **mine, "DB_POOL_SIZE": POOL_CONNECTIONS, **more}


@contextmanager
def blueprint(folder: Path) -> Iterator[Database]:
    """Give the database that every house starts with a copy of. Of all who share `folder` the first makes it, the last drops it."""
    address, mine = folder / "blueprint", folder / f"uses-blueprint-{os.getpid()}"
    with _alone(folder):
        if not address.exists():
            address.write_text(_built(folder).url)
        database = Database(address.read_text())
        mine.touch()
    try:
        yield database
    finally:
        with _alone(folder):
            mine.unlink()
            if not any(folder.glob("uses-blueprint-*")):
                address.unlink()
                database.drop()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _built(folder: Path) -> Database:
    on_file = Database(f"sqlite:///{folder / f'blueprint-{os.getpid()}.sqlite3'}")
    database = _new_postgresql() if os.environ.get("DATABASE_URL") else on_file
    try:
        furnish(database, folder)
    except BaseException:
        database.drop()
        raise
    return database


def furnish(database: Database, folder: Path) -> None:
    """Make in an empty database what every house begins with."""
    built = subprocess.run(
        [sys.executable, "-c", BUILD], cwd=ROOT, env=environment_of(folder, database), capture_output=True, text=True, timeout=120
    )
    assert built.returncode == 0, built.stderr


@dataclass
class House:
    """A running server. `url` has no slash at its end."""

    var: Path
    database: Database
    settings: dict[str, str]
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    spare: Iterator[int] = field(default_factory=lambda: iter(range(SPARE_PEOPLE)))
    command: tuple[str, ...] = ("manage.py", "serve")
    root: Path = ROOT

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """All that the processes said so far."""
        return (self.var / "server.log").read_text()

    def start(self) -> None:
        """Start it and wait until it answers."""
        environment = environment_of(self.var, self.database, PORT=str(self.port), SITE_URL=self.url, **self.settings)
        with (self.var / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.command], cwd=self.root, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        until(self.answers, what=f"the server; it said {self.log}")

    def manage(self, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of manage.py on its database and files, as an operator beside it, and return how it ended and what it said."""
        environment = environment_of(self.var, self.database, **{"PORT": str(self.port), "SITE_URL": self.url, **self.settings, **settings})
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    def restart(self, **settings: str) -> None:
        """End it, and start it again with these environment variables instead of those it had of the same names; empty ones are unset."""
        self.stop()
        self.settings = {name: value for name, value in {**self.settings, **settings}.items() if value}
        self.start()

    def answers(self) -> bool:
        """Return whether it answers now."""
        assert self.process is not None
        assert self.process.poll() is None, self.log
        try:
            with urlopen(f"{self.url}/healthz", timeout=5) as answer:  # noqa: S310  (the scheme is ours)
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def stop(self) -> None:
        """End it with all that it started; fail if something of it lives on."""
        if self.process is None:
            return
        family = descendants(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            orphans = [pid for pid in family if runs(pid)]
            for pid in orphans:
                os.kill(pid, signal.SIGKILL)
        assert not orphans, f"{len(orphans)} processes of the server outlived it"

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self.database.rows(query)

    def moment(self, when: datetime) -> str:
        """Return a moment as the database keeps it, for statements beside the server: SQLite compares what is written, letter by letter."""
        kept = when.astimezone(UTC)
        return (kept.replace(tzinfo=None) if self.database.url.startswith("sqlite") else kept).isoformat(sep=" ")

    def age_passwords(self, username: str) -> None:
        """Let the person's password have been given more than ten minutes ago, in every browser where they are signed in."""
        given = self.moment(datetime.now(UTC) - timedelta(seconds=CONFIRMED_SECONDS + 1))
        person = f"SELECT id FROM accounts_user WHERE username = '{username}'"  # noqa: S608
        self.database.execute(f"UPDATE accounts_session SET confirmed_at = '{given}' WHERE user_id = ({person})")  # noqa: S608

    def count(self, table: str, username: str) -> int:
        """Return how many rows of `table` belong to a person."""
        owned = f"SELECT count(*) FROM {table} t JOIN accounts_user u ON u.id = t.user_id WHERE u.username = '{username}'"  # noqa: S608
        return int(self.rows(owned)[0][0])

    def person(self) -> str:
        """Return the username of somebody whom no other test knows; the password is `PASSWORD`."""
        return f"person{next(self.spare):03d}"

    def mails(self, to: str) -> list[EmailMessage]:
        """Return the mails that the worker sent to an address so far, the oldest first."""
        files = sorted((self.var / "mail").glob("*.log"), key=lambda path: path.stat().st_mtime_ns)
        letters = [part for path in files for part in path.read_bytes().split(b"\n" + b"-" * 79 + b"\n") if part.strip()]
        parsed = [message_from_bytes(letter, policy=default) for letter in letters]
        return [mail for mail in parsed if isinstance(mail, EmailMessage) and mail["To"] == to]

    def mail(self, to: str, subject: str) -> str:
        """Return the plain text of the newest mail of this subject, once it is there."""
        found = until(lambda: [mail for mail in self.mails(to) if subject in mail["Subject"]], what=f"a mail {subject!r} to {to}")
        body = found[-1].get_body(("plain",))
        assert body is not None
        return str(body.get_content())


def descendants(pid: int) -> list[int]:
    """Return the processes that a process has started, and what those have started."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return children + [grandchild for child in children for grandchild in descendants(child)]


def runs(pid: int) -> bool:
    """Return whether a process is there, and not only remembered by its parent."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


@contextmanager
def house(plan: Database, folder: Path, **settings: str) -> Iterator[House]:
    """Start a server on a copy of the blueprint `plan`, with these environment variables; end it and drop its database."""
    folder.mkdir(parents=True, exist_ok=True)
    database = plan.copy(folder)
    try:
        with house_on(database, folder, **settings) as built:
            yield built
    finally:
        database.drop()


@contextmanager
def house_on(database: Database, folder: Path, **settings: str) -> Iterator[House]:
    """Start a server on this very database, with these environment variables; end it and leave the database."""
    folder.mkdir(parents=True, exist_ok=True)
    built = House(var=folder, database=database, settings=settings)
    try:
        built.start()
        yield built
    finally:
        built.stop()
