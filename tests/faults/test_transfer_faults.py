"""A server that dies, and a disk that is full, in the middle of an upload by the real dx client: no half file, no orphan (S5.3, F03, F08).

Real processes on a database and a folder of their own. The process that holds the half part is the one that is hit.
"""

import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.faults.aftermath import assert_holds
from tests.faults.processes import web_process
from tests.journeys.dx import DX, DxClient
from tests.journeys.house import ROOT, House, until
from tests.journeys.proxy import Proxy, narrow_line
from tests.journeys.visitor import dx_call, dx_login, make_projects, send

pytestmark = [pytest.mark.dx, pytest.mark.faults]

MIB = 1024 * 1024
NAME = "amy"
SLOW, FAST = 1.0 * MIB, 400.0 * MIB  # bytes per second, of each connection
SIZE_BYTES = 20 * MIB  # two parts
FULL_BYTES = 8 * MIB  # less than one part, more than the database
COMES_BACK_SECONDS = 10
RESUMES_SECONDS = 60
GIVES_UP_SECONDS = 90  # six retries with growing pauses: 45 to 60 s (DX_PROTOCOL 1.5)
GRANT_AND_LEFTOVER = timedelta(minutes=31)
GIVEN_UP = timedelta(hours=25)


@dataclass
class Upload:
    """A large file on its way through a narrow line, and what there is of it behind the server's door."""

    house: House
    folder: Path
    line: Proxy
    client: DxClient
    process: "subprocess.Popen[bytes] | None" = None
    direct: DxClient = field(init=False)
    token: str = field(init=False)

    def __post_init__(self) -> None:
        (self.folder / "near").mkdir()
        self.direct = DxClient(self.folder / "near", self.house.port)
        self.token = dx_login(self.house.url, NAME)
        (project,) = make_projects(self.house.url, self.token, "Plates")
        self.client.use(self.token, project)
        self.direct.use(self.token, project)
        self.source.write_bytes(random.Random(7).randbytes(SIZE_BYTES))

    @property
    def source(self) -> Path:
        return self.folder / "plate.bin"

    @property
    def said(self) -> str:
        """All that the client said so far."""
        return (self.folder / "said").read_text()

    @property
    def stored(self) -> Path:
        return self.house.var / "files"

    def start(self, pace: float = SLOW) -> "Upload":
        """Begin; with a slow pace, return in the middle of it."""
        self.line.pace = pace
        self.command("upload", str(self.source), "--brief")
        if pace == SLOW:
            until(lambda: self.on_disk() > MIB, what="bytes of the upload on the disk")
        return self

    def command(self, *arguments: str) -> None:
        """Start a command of the client."""
        with (self.folder / "said").open("wb") as said:
            environment, none = self.client.environment, subprocess.DEVNULL
            self.process = subprocess.Popen([str(DX), *arguments], env=environment, stdin=none, stdout=said, stderr=said)

    def end(self, seconds: float) -> int:
        """Return the exit status of the client."""
        assert self.process is not None
        return self.process.wait(seconds)

    def kill(self) -> None:
        """End the client where it still runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def on_disk(self) -> int:
        """Return how many bytes are stored."""
        return sum(path.stat().st_size for path in self.stored.rglob("*") if path.is_file())

    def names_on_disk(self) -> set[str]:
        return {str(path.relative_to(self.stored)) for path in self.stored.rglob("*") if path.is_file()}

    def receiver(self) -> int:
        """Return the process that writes the bytes now."""
        return until(self._receiver, what="the process that holds the half part")

    def _receiver(self) -> int | None:
        for folder in Path("/proc").glob("[0-9]*/fd"):
            try:
                held = [os.readlink(link) for link in folder.iterdir()]
            except OSError:
                continue
            if any(path.startswith(f"{self.stored}/") for path in held):
                return int(folder.parent.name)
        return None

    def states(self) -> list[str]:
        """Return the states of all files, read beside the server."""
        return [state for (state,) in self.house.rows("SELECT state FROM work_file ORDER BY id")]

    def assert_whole(self) -> None:
        """Fail unless the file is closed, and comes down as it was."""
        assert self.states() == ["closed"]
        assert self.direct.ok("find", "data", "--state", "closed", "--name", "plate.bin").count("file-") == 1
        self.direct.ok("download", "plate.bin", "-f", "-o", str(self.folder / "back.bin"))
        assert digest(self.folder / "back.bin") == digest(self.source)

    def assert_no_half(self) -> None:
        """Fail if anything is closed."""
        assert "closed" not in self.states()
        assert self.direct.ok("find", "data", "--state", "closed") == ""
        assert "because it is not closed" in self.direct("download", "plate.bin", "-o", str(self.folder / "half.bin")).stderr

    def let_time_pass(self, ago: timedelta) -> None:
        """Move what the sweeper looks at back, beside the server: only time could do so otherwise."""
        then = (datetime.now(UTC) - ago).isoformat(sep=" ")
        self.house.database.execute(f"UPDATE work_part SET touched = '{then}', announced = '{then}'")  # noqa: S608
        self.house.database.execute(f"UPDATE work_transfer SET last_at = '{then}' WHERE state = 'running'")  # noqa: S608

    def sweep(self) -> None:
        """Run one round of every task of the worker."""
        mine = {"DEBUG": "1", "DJANGO_SETTINGS_MODULE": "config.settings", "VAR_DIR": str(self.house.var)}
        environment = {**os.environ, **mine, "DATABASE_URL": self.house.database.url}
        command = [sys.executable, "manage.py", "worker", "--once"]
        ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
        assert ran.returncode == 0, ran.stderr

    def assert_no_orphan(self) -> None:
        """Fail if bytes are stored that no part names, or that a part names which does not count."""
        named = self.house.rows(
            "SELECT file.public_id, part.key FROM work_part part JOIN work_file file ON file.id = part.file_id"
            " WHERE part.state = 'complete' AND file.state = 'closed'"
        )
        assert self.names_on_disk() == {f"{file}/{key}" for file, key in named}
        assert self.house.rows("SELECT count(*) FROM work_part WHERE state <> 'complete'") == [(0,)]


def digest(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


@pytest.fixture
def uploads(tmp_path: Path) -> Iterator[Callable[[House], Upload]]:
    """Gives a client behind a narrow line before a server; ended with the test."""
    with ExitStack() as stack:

        def get(server: House) -> Upload:
            line = stack.enter_context(narrow_line(server.port, pace=FAST))
            (tmp_path / "far").mkdir()
            upload = Upload(server, tmp_path, line, DxClient(tmp_path / "far", line.port))
            stack.callback(upload.kill)
            return upload

        yield get


def test_f03_a_killed_web_process_costs_an_upload_a_retry_and_leaves_no_orphan(
    sound_house: House, uploads: Callable[[House], Upload]
) -> None:
    upload = uploads(sound_house).start()
    upload.assert_no_half()
    os.kill(upload.receiver(), signal.SIGKILL)
    until(sound_house.answers, seconds=COMES_BACK_SECONDS, what="a new web process")
    upload.line.pace = FAST
    assert upload.end(RESUMES_SECONDS) == 0, upload.said
    upload.assert_whole()
    upload.let_time_pass(GRANT_AND_LEFTOVER)
    upload.sweep()
    upload.assert_no_orphan()
    upload.assert_whole()
    assert_holds(upload.house)


def test_f03_killed_together_client_and_web_process_leave_bytes_that_the_sweeper_takes(
    sound_house: House, uploads: Callable[[House], Upload]
) -> None:
    upload = uploads(sound_house).start()
    receiver = upload.receiver()
    os.kill(receiver, signal.SIGKILL)
    upload.kill()
    until(sound_house.answers, seconds=COMES_BACK_SECONDS, what="a new web process")
    assert upload.on_disk() > 0, "half a part lies there"
    upload.assert_no_half()
    upload.let_time_pass(GIVEN_UP)
    upload.sweep()
    upload.assert_no_orphan()
    assert upload.names_on_disk() == set()
    assert upload.direct.ok("find", "data") == ""
    (told,) = sound_house.rows("SELECT state, failure_reason, end_why FROM work_transfer")
    assert told == ("failed", "Abandoned", "idle")
    assert_holds(upload.house)


@pytest.mark.parametrize("point", ["work.part-complete", "work.closing", "work.closed"])
def test_f03_killed_at_a_step_of_an_upload_the_file_is_not_whole_and_with_the_next_try_it_is(
    dying_house: Callable[[str], House], uploads: Callable[[House], Upload], point: str
) -> None:
    server = dying_house(point)
    upload = uploads(server)
    upload.client = upload.direct  # its connections are to be refused while nothing listens
    upload.start(FAST)
    until(lambda: "before retry 1" in upload.said, what="the death of the web process")
    assert upload.states() == ["open"]
    server.stop()
    assert upload.states() == ["open"]
    server.settings.clear()
    server.start()
    assert upload.end(RESUMES_SECONDS) == 0, upload.said
    upload.assert_whole()
    upload.let_time_pass(GRANT_AND_LEFTOVER)
    upload.sweep()
    upload.assert_no_orphan()
    assert_holds(upload.house)


def test_f03_killed_between_the_last_part_and_close_the_upload_goes_on_where_it_was(sound_house: House, tmp_path: Path) -> None:
    text, data = dx_login(sound_house.url, NAME), random.Random(8).randbytes(MIB)
    (project,) = make_projects(sound_house.url, text, "Plates")
    file_id = dx_call(sound_house.url, "file/new", {"project": project, "name": "plate.bin"}, text).json["id"]
    part = {"index": 1, "size": len(data), "md5": hashlib.md5(data, usedforsecurity=False).hexdigest()}
    ticket = dx_call(sound_house.url, f"{file_id}/upload", part, text).json
    put = Request(ticket["url"], data=data, headers=ticket["headers"], method="PUT")  # noqa: S310  (the scheme is ours)
    with urlopen(put, timeout=30) as answer:  # noqa: S310  (as above)
        assert answer.status == 200
    os.kill(web_process(sound_house), signal.SIGKILL)
    until(sound_house.answers, seconds=COMES_BACK_SECONDS, what="a new web process")
    assert sound_house.rows("SELECT state FROM work_file") == [("open",)]
    client = DxClient(tmp_path, sound_house.port)
    client.use(text, project)
    assert "because it is not closed" in client("download", "plate.bin", "-o", str(tmp_path / "half.bin")).stderr
    assert dx_call(sound_house.url, f"{file_id}/close", {}, text).status == 200
    client.ok("download", "plate.bin", "-f", "-o", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == data
    assert_holds(sound_house)


def test_f03_a_killed_web_process_costs_a_download_a_retry(sound_house: House, uploads: Callable[[House], Upload]) -> None:
    upload = uploads(sound_house).start(FAST)
    assert upload.end(RESUMES_SECONDS) == 0, upload.said
    upload.line.pace = SLOW
    back = upload.folder / "slow.bin"
    upload.command("download", "plate.bin", "-o", str(back))
    os.kill(upload.receiver(), signal.SIGKILL)
    until(sound_house.answers, seconds=COMES_BACK_SECONDS, what="a new web process")
    upload.line.pace = FAST
    assert upload.end(RESUMES_SECONDS) == 0, upload.said
    assert "before retry 1" in upload.said
    assert digest(back) == digest(upload.source)


def test_f01_killed_in_a_revoke_neither_token_nor_upload_has_ended(
    dying_house: Callable[[str], House], uploads: Callable[[House], Upload]
) -> None:
    server = dying_house("work.ended")
    upload = uploads(server).start()
    bearer = {"Authorization": f"Bearer {upload.token}", "Content-Type": "application/json"}
    with pytest.raises((OSError, HTTPException)):
        send(f"{server.url}/api/v1/tokens/revoke/", data=b'{"all": true}', headers=bearer)
    until(server.answers, seconds=COMES_BACK_SECONDS, what="a new web process")
    assert server.rows("SELECT state FROM tokens_token") == [("active",)]
    assert server.rows("SELECT state, failure_reason FROM work_transfer") == [("running", "")]
    upload.line.pace = FAST
    assert upload.end(RESUMES_SECONDS) == 0, upload.said
    upload.assert_whole()
    assert_holds(upload.house)


def fill_disk(process: int) -> None:
    """Let a process write no file beyond a size: as on a full disk it is told so by the system (EFBIG for ENOSPC)."""
    resource.prlimit(process, resource.RLIMIT_FSIZE, (FULL_BYTES, resource.RLIM_INFINITY))


def free_disk(process: int) -> None:
    resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def test_f08_a_disk_that_is_full_for_a_while_costs_an_upload_a_retry(sound_house: House, uploads: Callable[[House], Upload]) -> None:
    upload = uploads(sound_house).start()
    receiver = upload.receiver()
    fill_disk(receiver)
    upload.line.pace = FAST
    until(lambda: "before retry 1" in upload.said, what="the refusal of a part")
    assert "code 507" in upload.said
    assert "no room for these bytes" in upload.said
    upload.assert_no_half()
    free_disk(receiver)
    assert upload.end(RESUMES_SECONDS) == 0, upload.said
    upload.assert_whole()
    upload.let_time_pass(GRANT_AND_LEFTOVER)
    upload.sweep()
    upload.assert_no_orphan()
    assert_holds(upload.house)


def test_f08_a_disk_that_stays_full_ends_the_client_with_an_error_and_later_all_works(
    sound_house: House, uploads: Callable[[House], Upload]
) -> None:
    upload = uploads(sound_house).start()
    receiver = upload.receiver()
    fill_disk(receiver)
    upload.line.pace = FAST
    assert upload.end(GIVES_UP_SECONDS) == 3, upload.said
    assert "code 507" in upload.said
    upload.assert_no_half()
    assert not any(path.stat().st_size >= FULL_BYTES for path in upload.stored.rglob("*"))
    assert "Traceback" not in sound_house.log
    free_disk(receiver)
    assert upload.direct.ok("upload", str(upload.source), "--path", "later.bin", "--brief", "--wait").startswith("file-")
    upload.direct.ok("download", "later.bin", "-o", str(upload.folder / "later.bin"))
    assert digest(upload.folder / "later.bin") == digest(upload.source)
    upload.let_time_pass(GIVEN_UP)
    upload.sweep()
    upload.assert_no_orphan()
    assert upload.direct.ok("ls") == "later.bin"
