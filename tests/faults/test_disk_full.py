"""Database, files, mails and logs on a disk that has no block left: nothing is half, nobody slips in, and afterwards all works (F08)."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.faults.aftermath import assert_discreet, assert_holds, failure_counts
from tests.journeys.house import NEW_PASSWORD, PASSWORD, Database, House, house_on
from tests.journeys.visitor import Answer, Visitor, dx_call, dx_login, make_projects, send, with_token

pytestmark = pytest.mark.faults

ROOMY = "2g"  # of which only what is written takes memory
BLOCK_KIB = 4
# Left out: what the worker does with mails, when somebody was here last, and counters.
TABLES = {
    "accounts_user": "*", "accounts_session": "session_key", "accounts_securityevent": "*", "accounts_outboxmail": "id",
    "tokens_token": "id, state", "work_file": "*", "work_part": "*",
}  # fmt: skip


@dataclass
class Disk:
    """A file system in memory."""

    folder: Path

    def mount(self) -> None:
        """Mount it; skip the test where nobody may."""
        self.folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", str(self.folder)], capture_output=True, text=True, check=False
        )
        if mounted.returncode != 0:
            pytest.skip(f"a file system cannot be mounted here: {mounted.stderr.strip()}")

    def fill(self) -> None:
        """Leave no block free."""
        usage = shutil.disk_usage(self.folder)
        self._resize(f"{usage.used // 1024 // BLOCK_KIB * BLOCK_KIB}k")
        assert shutil.disk_usage(self.folder).free == 0

    def free(self) -> None:
        """Make room again."""
        self._resize(ROOMY)

    def unmount(self) -> None:
        """Take it away."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def _resize(self, size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk of this test's own."""
    if os.environ.get("DATABASE_URL"):
        pytest.skip("the disk of a PostgreSQL server is not this one")
    made = Disk(tmp_path / "disk")
    made.mount()
    try:
        yield made
    finally:
        made.unmount()


@pytest.fixture
def server(disk: Disk, plan: Database) -> Iterator[House]:
    """A server that has everything on it."""
    with house_on(plan.copy(disk.folder), disk.folder) as started:
        yield started


def picture(server: House) -> dict[str, list[tuple[object, ...]]]:
    return {table: server.rows(f"SELECT {columns} FROM {table} ORDER BY 1") for table, columns in TABLES.items()}  # noqa: S608


def test_f08_on_a_full_disk_nothing_is_half_nobody_slips_in_and_afterwards_all_works(disk: Disk, server: House) -> None:
    visitor, leaving = Visitor(server.url).sign_in("amy"), Visitor(server.url).sign_in("amy")
    text = visitor.make_token("nightly")
    login = dx_login(server.url, "amy")
    (project,) = make_projects(server.url, login, "Plates")
    before, counted = picture(server), failure_counts(server)
    disk.fill()
    bearer = {"Authorization": f"Bearer {login}", "Content-Type": "application/json"}
    revoke_all = lambda: send(f"{server.url}/api/v1/tokens/revoke/", data=b'{"all": true}', headers=bearer)  # noqa: E731
    acts: dict[str, Callable[[], Answer]] = {
        "sign in": lambda: Visitor(server.url).form("/login/", {"username": "ben", "password": PASSWORD}),
        "sign in with a wrong password": lambda: Visitor(server.url).form("/login/", {"username": "ben", "password": "it is not this"}),
        "dx login": lambda: dx_call(server.url, "system/newAuthToken", {"username": "ben", "password": PASSWORD}),
        "password change": lambda: visitor.change_password(NEW_PASSWORD, revoke=True),
        "new token": lambda: visitor.form("/profile/tokens/new/", {"label": "deploy", "expires": "30"}),
        "project": lambda: dx_call(server.url, "project/new", {"name": "More"}, login),
        "file": lambda: dx_call(server.url, "file/new", {"project": project, "name": "plate.bin"}, login),
        "sign out": lambda: leaving.form("/logout/", at="/security/"),
        "revoke": revoke_all,
    }
    answers = {name: act() for name, act in acts.items()}
    disk.free()
    assert {name: answer.status for name, answer in answers.items()} == dict.fromkeys(acts, 503)
    assert all(answer.headers["Retry-After"] for answer in answers.values())
    assert_discreet(answers.values())
    assert picture(server) == before
    assert leaving.signed_in, "it was told that it did not work"
    assert with_token(server.url, text).status == 200
    with closing(sqlite3.connect(server.database.url.removeprefix("sqlite:///"))) as checked:
        assert checked.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert leaving.form("/logout/", at="/security/").status == 302
    assert visitor.change_password(NEW_PASSWORD, revoke=True).status == 302
    assert Visitor(server.url).sign_in("amy", NEW_PASSWORD).signed_in
    assert_holds(server, counted=counted)
