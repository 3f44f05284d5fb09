"""PostgreSQL and Redis of a test's own: on free ports, to be stopped, killed and paused without hurting anybody."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
import redis

from tests.journeys.house import free_port, until

SERVER_USER = "postgres"  # PostgreSQL refuses to run as root
_PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def needs_own_services() -> None:
    """Skip where the programs are not installed; fail instead where REQUIRE_SERVICES says that they must be."""
    missing = [name for name in ("pg_ctl", "redis-server") if not _program(name)]
    if not missing:
        return
    if os.environ.get("REQUIRE_SERVICES"):
        pytest.fail(f"{', '.join(missing)} not found")
    pytest.skip(f"{', '.join(missing)} not found")


def _program(name: str) -> str | None:
    return next((str(folder / name) for folder in _PROGRAMS if (folder / name).exists()), shutil.which(name))


def _as_server_user(*command: str) -> list[str]:
    return ["setpriv", f"--reuid={SERVER_USER}", f"--regid={SERVER_USER}", "--init-groups", *command] if os.geteuid() == 0 else [*command]


@dataclass
class Postgres:
    """A cluster of its own in `folder`."""

    folder: Path
    port: int = field(default_factory=free_port)

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgres://{SERVER_USER}@127.0.0.1:{self.port}/{database}"

    def make(self) -> "Postgres":
        """Make the files of the cluster."""
        # Durable as in production: a test of a crash is about what is on the disk.
        self._run("initdb", "-D", str(self.folder / "data"), "-U", SERVER_USER, "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
        return self

    def start(self, **options: str) -> None:
        """Start it, with these options of postgresql.conf, and wait until it answers."""
        more = " ".join(f"-c {name}={value}" for name, value in options.items())
        said = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' {more}"
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-l", str(self.folder / "log"), "-w", "-o", said, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` as an operator does, `immediate` as a crash."""
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", mode, "stop")

    @property
    def running(self) -> bool:
        """Whether its first process is there."""
        return (self.folder / "data" / "postmaster.pid").exists()

    def pause(self) -> None:
        """Stop the clock of all its processes: connections stay, nothing answers."""
        for pid in self._pids():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        for pid in self._pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside of any transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as server:
            server.execute(statement.encode())

    def dump(self, database: str, file: Path) -> None:
        """Write a backup of a database into `file`, while it runs."""
        with file.open("wb") as out:
            subprocess.run(self._client("pg_dump", database), stdout=out, check=True, timeout=90)

    def load(self, file: Path, database: str) -> None:
        """Make a new database out of a backup."""
        self.execute(f"CREATE DATABASE {database}")
        with file.open("rb") as back:
            subprocess.run(self._client("psql", database), stdin=back, stdout=subprocess.DEVNULL, check=True, timeout=90)

    def _client(self, name: str, database: str) -> list[str]:
        program = _program(name)
        assert program is not None
        return [program, *(["-q", "-v", "ON_ERROR_STOP=1"] if name == "psql" else []), self.url(database)]

    def _pids(self) -> list[int]:
        first = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        return [first, *(int(pid) for pid in Path(f"/proc/{first}/task/{first}/children").read_text().split())]

    def _run(self, name: str, *arguments: str) -> None:
        program = _program(name)
        assert program is not None
        command = _as_server_user(program, *arguments)
        # Its output goes nowhere: a server that inherits a pipe would keep whoever reads it waiting.
        done = subprocess.run(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=90)
        log = self.folder / "log"
        assert done.returncode == 0, f"{name} ended with {done.returncode}: {log.read_text()[-2000:] if log.exists() else 'no log'}"


@contextmanager
def own_postgres(made: Postgres | None = None, **options: str) -> Iterator[Postgres]:
    """Give a running cluster of one's own, gone afterwards: an empty one, or a copy of `made`. `options` are of postgresql.conf."""
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-postgresql-"))
    if os.geteuid() == 0:
        owner = pwd.getpwnam(SERVER_USER)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    server = Postgres(folder)
    if made is None:
        server.make()
    else:
        subprocess.run(_as_server_user("cp", "-r", str(made.folder / "data"), str(folder)), cwd="/", check=True)
    try:
        server.start(**options)
        yield server
    finally:
        if server.running:
            server.resume()
            server.stop("immediate")
        shutil.rmtree(folder)


@dataclass
class RedisServer:
    """A Redis of its own that keeps nothing on disk."""

    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Its address, as CACHE_URL takes it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> "redis.Redis":
        """A connection beside the server under test."""
        return redis.Redis(port=self.port, socket_timeout=5)

    def start(self, *options: str) -> None:
        """Start it, with options of redis-server, and wait until it answers."""
        program = _program("redis-server")
        assert program is not None
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", *options]
        self.process = subprocess.Popen(command, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, what="Redis")

    def _answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.ConnectionError:
            return False

    def stop(self) -> None:
        """End it; what it kept is gone."""
        if self.process is None:
            return
        self.resume()
        self.process.kill()
        self.process.wait()
        self.process = None

    def pause(self) -> None:
        """Stop its clock: connections stay, nothing answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


@contextmanager
def own_redis(*options: str) -> Iterator[RedisServer]:
    """Give a running Redis of one's own, gone afterwards."""
    server = RedisServer()
    try:
        server.start(*options)
        yield server
    finally:
        server.stop()
