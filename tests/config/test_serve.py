"""`manage.py serve`: both parts start together and end together, and nothing is left behind."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.journeys.house import Database

pytestmark = pytest.mark.once

PATIENCE_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def environment(plan: Database, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A house of its own: port, database, mails."""
    kept = {name: value for name, value in os.environ.items() if name not in ("CACHE_URL", "FAILPOINTS")}
    mine = {"DEBUG": "1", "PORT": str(free_port()), "VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    database = plan.copy(tmp_path)
    yield {**kept, **mine, "DATABASE_URL": database.url}
    database.drop()


def manage(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=120
    )


@contextmanager
def served(environment: dict[str, str], *options: str) -> "Iterator[subprocess.Popen[str]]":
    process = subprocess.Popen(
        [sys.executable, "manage.py", "serve", *options],
        cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def children_of(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed] + [grandchild for child in listed for grandchild in children_of(int(child))]


def is_running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def greeting(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Demo logins" in line:
            break
    return "".join(lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_greets_and_a_signal_ends_everything(environment: dict[str, str], number: int) -> None:
    with served(environment) as process:
        greeted = greeting(process)
        assert f"http://127.0.0.1:{environment['PORT']}" in greeted
        assert "gatehouse-demo-1" in greeted
        assert "amy" in greeted
        children = children_of(process.pid)
        assert len(children) >= 3  # the web server's master and worker, and our worker
        process.send_signal(number)
        assert process.wait(PATIENCE_SECONDS) == 0
        assert not [pid for pid in children if is_running(pid)]


def test_a_part_that_dies_takes_the_other_with_it(environment: dict[str, str]) -> None:
    with served(environment) as process:
        greeting(process)
        children = children_of(process.pid)
        os.kill(children[1], signal.SIGKILL)
        assert process.wait(PATIENCE_SECONDS) != 0
        assert not [pid for pid in children if is_running(pid)]


def test_a_port_in_use_is_named(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(environment["PORT"])))
        taken.listen()
        answer = manage(environment, "serve")
    assert answer.returncode != 0
    assert "PORT" in answer.stderr
