"""A backup taken under load is restored elsewhere: nothing that was dead in it lives, and `after_restore` ends the rest (F16)."""

import hashlib
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.faults.conftest import DATABASE
from tests.faults.services import Postgres
from tests.journeys.house import NEW_PASSWORD, PASSWORD, Database, House, house, house_on, until
from tests.journeys.visitor import Visitor, dx_call, dx_login, make_projects, with_token

pytestmark = pytest.mark.faults
PART = b"0123456789" * 1000


@dataclass
class World:
    """A server with people in it, and how its database is copied into a new one."""

    house: House
    copy: Callable[[], Database]
    elsewhere: Path

    def restored(self) -> House:
        """Return a server that is not started yet, on a copy of the database of now, with an empty folder of its own."""
        return House(var=self.elsewhere, database=self.copy(), settings={})


def copy_of_sqlite(live: Database, target: Path) -> Database:
    """Copy it as docs/operations.md says, while it runs."""
    with sqlite3.connect(live.url.removeprefix("sqlite:///"), timeout=20) as source:
        source.execute("VACUUM INTO ?", [str(target)])
    source.close()
    return Database(f"sqlite:///{target}")


def copy_of_postgresql(live: Postgres, dump: Path) -> Database:
    """Dump it and load the dump into another database of the same cluster."""
    live.dump(DATABASE, dump)
    live.load(dump, "restored")
    return Database(live.url("restored"))


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A running server on either database."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres")
        with house_on(Database(server.url(DATABASE)), tmp_path / "house") as built:
            yield World(built, lambda: copy_of_postgresql(server, tmp_path / "dump.sql"), elsewhere)
        return
    plan = request.getfixturevalue("plan")
    if not plan.url.startswith("sqlite"):
        pytest.skip("the suite runs on PostgreSQL")
    with house(plan, tmp_path / "house") as built:
        yield World(built, lambda: copy_of_sqlite(built.database, elsewhere / "gatehouse.sqlite3"), elsewhere)


@contextmanager
def load(server: House) -> Iterator[None]:
    """Let four people sign in and out and make tokens all the time."""
    stop = threading.Event()

    def work(name: str) -> None:
        while not stop.is_set():
            with suppress(AssertionError):
                visitor = Visitor(server.url).sign_in(name)
                visitor.make_token(f"token {os.urandom(4).hex()}")
                visitor.form("/logout/", at="/profile/")

    threads = [threading.Thread(target=work, args=(server.person(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def upload(server: House, token: str, project: str, name: str) -> str:
    """Upload a file of one part, as the dx client does, and return its id."""
    made = str(dx_call(server.url, "file/new", {"project": project, "name": name}, token).json["id"])
    said = {"index": 1, "size": len(PART), "md5": hashlib.md5(PART, usedforsecurity=False).hexdigest()}
    where = dx_call(server.url, f"{made}/upload", said, token).json
    with urlopen(Request(where["url"], data=PART, method="PUT", headers=where["headers"]), timeout=30) as answer:  # noqa: S310
        assert answer.status == 200
    assert dx_call(server.url, f"{made}/close", {}, token).status == 200
    return made


def signed_in_twice(server: House, name: str) -> tuple[Visitor, Visitor]:
    return Visitor(server.url).sign_in(name), Visitor(server.url).sign_in(name)


def at(server: House, visitor: Visitor) -> Visitor:
    visitor.url = server.url
    return visitor


@contextmanager
def running(server: House) -> Iterator[House]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize("choice", ["--keep-tokens", "--revoke-all-tokens"])
def test_f16_what_was_dead_stays_dead_and_what_died_since_is_ended_by_the_command(world: World, choice: str) -> None:
    live = world.house
    gone, here = signed_in_twice(live, "amy")
    dead, kept, revoked_later = (here.make_token(label) for label in ("dead", "kept", "later"))
    revoke(live, kept, "dead")
    assert gone.form("/logout/", at="/profile/").status == 302
    pending = Visitor(live.url)
    pending.form("/login/", {"username": "cleo", "password": PASSWORD})
    with load(live):
        until(lambda: live.rows("SELECT count(*) FROM tokens_token")[0][0] > 8, what="some load")
        restored = world.restored()
    revoke(live, kept, "later")
    assert here.change_password(NEW_PASSWORD).status == 302
    # Before the command the restored house holds what is in the backup, and nothing else.
    assert restored.manage("migrate").returncode == 0
    assert restored.manage("after_restore").returncode == 2
    said = restored.manage("after_restore", choice)
    assert said.returncode == 0, said.stderr
    assert restored.rows("SELECT count(*) FROM accounts_session") == [(0,)]
    with running(restored):
        assert [at(restored, visitor).signed_in for visitor in (gone, here, pending)] == [False] * 3
        statuses = [with_token(restored.url, text).status for text in (dead, kept, revoked_later)]
        assert statuses == ([401, 200, 200] if choice == "--keep-tokens" else [401, 401, 401])
        assert Visitor(restored.url).form("/login/", {"username": "amy", "password": NEW_PASSWORD}).status == 401
        assert Visitor(restored.url).sign_in("amy").signed_in
        token = dx_login(restored.url, "amy")
        assert dx_call(restored.url, "system/whoami", {}, token).status == 200
        until(lambda: restored.manage("verify_state").returncode == 0, seconds=60, what="a whole state")
    assert restored.rows("SELECT count(*) FROM accounts_securityevent WHERE event = 'server.restored'") == [(1,)]


def test_f16_files_that_are_older_or_newer_than_the_database_are_named(world: World) -> None:
    live = world.house
    token = dx_login(live.url, "amy")
    (project,) = make_projects(live.url, token, "Plates")
    whole = upload(live, token, project, "whole.bin")
    shutil.copytree(live.var / "files", world.elsewhere / "files")
    lost = upload(live, token, project, "lost.bin")
    restored = world.restored()
    newer = upload(live, token, project, "newer.bin")
    assert restored.manage("migrate").returncode == 0
    said = restored.manage("after_restore", "--keep-tokens").stdout.splitlines()
    wrong = [line for line in said if "storage" in line]
    assert len(wrong) == 1
    assert wrong[0].startswith(f"Part 1 of {lost} (closed; /lost.bin in {project}) has lost its bytes")
    assert restored.manage("verify_state").returncode == 1
    shutil.rmtree(world.elsewhere / "files")
    shutil.copytree(live.var / "files", world.elsewhere / "files")
    said = restored.manage("after_restore", "--keep-tokens").stdout.splitlines()
    wrong = [line for line in said if "storage" in line]
    assert len(wrong) == 1
    assert wrong[0].startswith(f"{newer}/")
    assert restored.manage("verify_state", "--files").returncode == 0
    with running(restored):
        again = dx_login(restored.url, "amy")
        for name in (whole, lost):
            where = dx_call(restored.url, f"{name}/download", {}, again).json
            with urlopen(Request(where["url"], headers=where["headers"]), timeout=30) as answer:  # noqa: S310
                assert answer.read() == PART


def revoke(server: House, bearer: str, label: str) -> None:
    """Revoke the token of this label by REST, with another one."""
    ((token,),) = server.rows(f"SELECT public_id FROM tokens_token WHERE label = '{label}'")  # noqa: S608
    asked = Request(f"{server.url}/api/v1/tokens/{token}/", method="DELETE", headers={"Authorization": f"Bearer {bearer}"})  # noqa: S310
    with urlopen(asked, timeout=30) as answer:  # noqa: S310  (the scheme is ours)
        assert answer.status in (200, 204)
