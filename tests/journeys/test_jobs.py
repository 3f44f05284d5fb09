"""Jobs on a real server: the reference executor runs real processes, the real dx client and a browser see and steer them.

S5.4 to S5.7: a revoke fails the job with AuthError, and what it had started is dead within 2 s, whatever it ignores.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from tests.journeys.browser import Windows
from tests.journeys.dx import DX, DxClient
from tests.journeys.house import PASSWORD, ROOT, House, until
from tests.journeys.visitor import Visitor, dx_login, make_projects, with_token
from tests.work.test_runner import alive, gone

pytestmark = [pytest.mark.browser, pytest.mark.dx, pytest.mark.once]

DEAD_SECONDS = 2.0  # S5.5
ENDS_SECONDS = 10
ENDED = 75  # EX_TEMPFAIL: the executor's status where authority ended
AUTH_ERROR = "AuthError: The job can no longer be run because a launching authentication token has been revoked or expired"
# A script, its child, and one that leaves group and session: none listens to SIGTERM, and each starts a further process.
DEAF = """
trap '' TERM HUP INT
setsid sh -c 'trap "" TERM HUP INT; echo $$ > "$0/away"; while :; do sleep 60; done' "$1" &
sh -c 'trap "" TERM HUP INT; echo $$ > "$0/child"; while :; do sleep 60; done' "$1" &
echo $$ > "$1/script"
while :; do sleep 60; done
"""


@dataclass
class Bench:
    """A person with a project, a token that launches jobs and one that watches them, and the client of the latter."""

    server: House
    name: str
    project: str
    launching: str
    watching: str
    dx: DxClient
    folder: Path
    started: list["subprocess.Popen[str]"] = field(default_factory=list)

    def run(self, name: str, *command: str) -> "subprocess.Popen[str]":
        """Start the executor, as a person does from a shell."""
        environment = {**os.environ, "GATEHOUSE_TOKEN": self.launching}
        runner = [sys.executable, "-m", "tokens.work.runner", "--url", self.server.url, "--project", self.project, "--name", name, "--"]
        pipe = subprocess.PIPE
        process = subprocess.Popen([*runner, *command], cwd=ROOT, env=environment, stdout=pipe, stderr=pipe, text=True)
        self.started.append(process)
        return process

    def deaf(self, name: str) -> tuple["subprocess.Popen[str]", list[int]]:
        """Start a job that ignores every polite signal; return its executor, and all its processes once they run."""
        process = self.run(name, "sh", "-c", DEAF, "sh", str(self.folder))
        shells = until(self._shells, what="the three shells")
        assert len({os.getsid(pid) for pid in shells}) == 2, "one has left the session"
        sleepers = until(lambda: found if len(found := children_of(shells)) >= 3 else None, what="the sleepers of all three")
        return process, sorted({*shells, *sleepers})

    def _shells(self) -> list[int] | None:
        told = [path.read_text().strip() for path in self.folder.glob("*")]
        return [int(text) for text in told] if len(told) == 3 and all(told) else None

    def job(self, name: str) -> dict[str, Any]:
        """Return the newest job of this name, as REST tells it to the watching token; wait until it is there."""
        return until(lambda: self._job(name), what=f"the job {name}")

    def _job(self, name: str) -> dict[str, Any] | None:
        rows = with_token(self.server.url, self.watching, "/api/v1/jobs/").json["results"]
        return next((row for row in rows if row["name"] == name), None)

    def revoke_launching(self) -> float:
        """Revoke the launching token in REST; return when that was answered, on the monotonic clock."""
        rows = with_token(self.server.url, self.watching, "/api/v1/tokens/").json["results"]
        (token,) = [row["id"] for row in rows if row["label"] == "launcher"]
        bearer = {"Authorization": f"Bearer {self.watching}"}
        asked = Request(f"{self.server.url}/api/v1/tokens/{token}/", method="DELETE", headers=bearer)  # noqa: S310  (the scheme is ours)
        with urlopen(asked, timeout=10) as answer:  # noqa: S310
            assert answer.status == 204
        return time.monotonic()


def children_of(parents: list[int]) -> list[int]:
    """Return the direct children of processes."""
    return [int(child) for pid in parents for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Return exit status, output and errors of an executor that is about to end."""
    output, errors = process.communicate(timeout=ENDS_SECONDS)
    return process.returncode, output, errors


@pytest.fixture
def bench(server: House, dx: DxClient, tmp_path: Path) -> Iterator[Bench]:
    """A person with a token labelled `launcher`; every executor that is left over is ended."""
    name = server.person()
    launching, watching = Visitor(server.url).sign_in(name, PASSWORD).make_token("launcher"), dx_login(server.url, name)
    (project,) = make_projects(server.url, watching, "Calls")
    dx.use(watching, project)
    folder = tmp_path / "pids"
    folder.mkdir()
    built = Bench(server, name, project, launching, watching, dx, folder)
    log_before = len(server.log)
    yield built
    for process in built.started:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=ENDS_SECONDS)
    assert "Traceback" not in server.log[log_before:]


def test_a_revoke_kills_every_process_of_a_job_within_two_seconds_and_fails_it_with_auth_error(bench: Bench) -> None:
    process, pids = bench.deaf("deaf-1")
    job = bench.job("deaf-1")
    waiting = subprocess.Popen([DX, "wait", job["id"]], env=bench.dx.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "deaf-1 (running)" in bench.dx.ok("find", "jobs")
    assert len(alive(pids)) == len(pids) >= 6

    revoked = bench.revoke_launching()

    dead = gone(pids) - revoked
    assert dead < DEAD_SECONDS
    status, output, errors = ended(process)
    assert (status, output) == (ENDED, "")
    assert AUTH_ERROR in errors
    told, said = waiting.communicate(timeout=ENDS_SECONDS)
    assert waiting.returncode == 3
    assert f"Job has failed because of {AUTH_ERROR}" in said
    described = bench.dx.ok("describe", job["id"])
    assert [line.split(maxsplit=1)[1] for line in described.splitlines() if line.startswith("State ")] == ["failed"]
    assert "AuthError" in described
    assert "deaf-1 (failed)" in bench.dx.ok("find", "jobs")
    assert "deaf-1" in bench.dx.ok("find", "jobs", "--state", "failed")
    assert bench.dx.ok("find", "jobs", "--state", "running") == ""
    row = bench.job("deaf-1")
    assert (row["state"], row["failure_reason"]) == ("failed", "AuthError")
    assert (row["ended_by"], row["ended_from"]) == (f"user-{bench.name}", "127.0.0.1")
    assert row["end_act"] == "revoked-by-its-owner"
    again = bench.run("too-late", "true")
    status, _, errors = ended(again)
    assert status == ENDED
    assert errors.startswith("AuthError: The token was revoked")


def test_dx_terminate_ends_the_executor_and_all_that_it_started(bench: Bench) -> None:
    process, pids = bench.deaf("deaf-2")
    job = bench.job("deaf-2")
    assert bench.dx.ok("terminate", job["id"]) == ""
    terminated = time.monotonic()
    assert gone(pids) - terminated < DEAD_SECONDS
    status, _, errors = ended(process)
    assert status == ENDED
    assert f"The job was ended by user-{bench.name}" in errors
    row = bench.job("deaf-2")
    assert (row["state"], row["ended_by"], row["end_act"]) == ("terminated", f"user-{bench.name}", "ended-by-hand")
    assert "deaf-2 (terminated)" in bench.dx.ok("find", "jobs")
    assert "terminated" in bench.dx.refused("wait", job["id"])
    assert bench.dx.whoami() == bench.name
    assert with_token(bench.server.url, bench.launching).status == 200, "the launching token lives on"


def test_a_job_that_ends_well_is_done_and_one_that_does_not_says_with_which_status(bench: Bench) -> None:
    assert ended(bench.run("fine", "sh", "-c", "echo it ran")) == (0, "it ran\n", "")
    job = bench.job("fine")
    assert (job["state"], job["exit_code"], job["launched_by"]) == ("done", 0, f"user-{bench.name}")
    waited = bench.dx.ok("wait", job["id"])
    assert waited.endswith("Done")
    assert "done" in bench.dx.ok("describe", job["id"])

    status, _, _ = ended(bench.run("broken", "sh", "-c", "exit 3"))
    assert status == 3
    job = bench.job("broken")
    assert (job["state"], job["failure_reason"], job["exit_code"]) == ("failed", "AppError", 3)
    assert "AppError" in bench.dx.refused("wait", job["id"])


def test_a_job_reaches_the_server_with_a_token_of_its_own_that_dies_with_it(bench: Bench) -> None:
    script = f"""
import os, urllib.request
assert os.environ["GATEHOUSE_TOKEN"] != "{bench.launching}"
asked = urllib.request.Request(os.environ["GATEHOUSE_URL"] + "/api/v1/jobs/" + os.environ["GATEHOUSE_JOB"] + "/")
asked.add_header("Authorization", "Bearer " + os.environ["GATEHOUSE_TOKEN"])
print(urllib.request.urlopen(asked).status, os.environ["GATEHOUSE_TOKEN"])
"""
    status, output, errors = ended(bench.run("asks", sys.executable, "-c", script))
    assert (status, errors) == (0, "")
    answered, own = output.split()
    assert answered == "200"
    assert with_token(bench.server.url, own).status == 401
    assert own not in bench.server.log


def test_the_home_page_shows_a_job_with_its_progress_and_a_person_ends_it_from_there(bench: Bench, windows: Windows) -> None:
    window = windows()
    home = window.sign_in(bench.name)
    script = 'echo "62 chromosome 14" > "$GATEHOUSE_PROGRESS"; exec sleep 60'
    process = bench.run("variant-call-0412", "sh", "-c", script)
    home.get_by_role("progressbar", name="variant-call-0412: 62 percent").wait_for()
    row = home.get_by_role("listitem").filter(has_text="variant-call-0412").inner_text()
    for words in ("Job in Calls", "launcher", "62 %", "chromosome 14"):
        assert words in row
    home.get_by_role("link", name="End variant-call-0412").click()
    dialog = home.get_by_role("dialog", name="End this job?")
    assert "variant-call-0412" in dialog.inner_text()
    dialog.get_by_role("button", name="Yes, end it").click()
    home.get_by_text("Ended.", exact=True).wait_for()
    status, _, errors = ended(process)
    assert status == ENDED
    assert f"The job was ended by user-{bench.name}" in errors
    window.open("/")
    told = window.follow("See why variant-call-0412 failed").locator("main").inner_text()
    for words in ("terminated", "ended by hand", f"user-{bench.name}", "from 127.0.0.1", "launcher"):
        assert words in told, told


def test_the_revoke_dialog_names_the_job_that_fails_and_its_page_says_which_act_it_was(bench: Bench, windows: Windows) -> None:
    window = windows()
    window.sign_in(bench.name)
    process, pids = bench.deaf("nightly-align")
    page = window.open("/profile/tokens/")
    page.get_by_label("Select launcher").check()
    page.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog", name="Revoke Tokens Confirmation")
    assert "nightly-align" in dialog.inner_text()
    dialog.get_by_role("button", name="Yes, revoke it").click()
    page.wait_for_url(f"{bench.server.url}/profile/tokens/")
    answered = time.monotonic()
    assert gone(pids) - answered < DEAD_SECONDS
    assert ended(process)[0] == ENDED
    window.open("/")
    told = window.follow("See why nightly-align failed").locator("main").inner_text()
    for words in ("failed", "AuthError", f"user-{bench.name}", "from 127.0.0.1", "launcher", "revoked by its owner"):
        assert words in told, told
