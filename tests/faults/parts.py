"""The parts of the server by themselves, as production runs them: a web server without worker, a worker without web server."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.journeys.house import PATIENCE_SECONDS, ROOT, Database, House, environment_of, until

COMMAND_SECONDS = 120
# What `manage.py serve` would start: its settings say how.
WEB_ALONE = """
import django, os
django.setup()
from config.management.commands.serve import web_command
command = web_command()
os.execv(command[0], command)
"""


@contextmanager
def web_alone(database: Database, folder: Path, **settings: str) -> Iterator[House]:
    """Start a web server on this database, and nothing else; end it."""
    folder.mkdir(parents=True, exist_ok=True)
    built = House(var=folder, database=database, settings=settings, command=("-c", WEB_ALONE))
    try:
        built.start()
        yield built
    finally:
        built.stop()


def manage(
    database: Database, var: Path, *arguments: str, root: Path = ROOT, settings: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run one command of manage.py to its end and return what it said."""
    environment = environment_of(var, database, **(settings or {}))
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS)


def run(database: Database, var: Path, code: str, **settings: str) -> str:
    """Run Python inside of the product's code, on this database, and return what it prints."""
    done = manage(database, var, "shell", "--no-imports", "-c", code, settings=settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass
class Worker:
    """A running `manage.py worker`."""

    process: "subprocess.Popen[bytes]"
    said: Path

    @property
    def log(self) -> str:
        """All that it said so far."""
        return self.said.read_text()

    def halt(self) -> None:
        """Stop its clock."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_SECONDS + 10)


@contextmanager
def worker(database: Database, var: Path, name: str = "worker", **settings: str) -> Iterator[Worker]:
    """Start a worker on this database; kill it if it still runs in the end."""
    said = var / f"{name}.log"
    with said.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT, env=environment_of(var, database, **settings), stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    started = Worker(process, said)
    try:
        until(lambda: "worker started" in started.log, what=f"a worker; it said {started.log}")
        yield started
    finally:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()
