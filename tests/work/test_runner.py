"""The reference executor against a server that plays the REST contract: real requests, real processes, real signals (S5.4, S5.5)."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.house import free_port, until

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
LAUNCHING, OWN = "ght_launching0123456789", "ght_ofthejob0123456789"
JOB, PROJECT = "job-Q48K0vG2k8gx6xf89y20bqBJ", "project-Q48K0vG2k8gx6xf89y20bqBJ"
REVOKED = "AuthError: The job can no longer be run because a launching authentication token has been revoked or expired"
DEAD_SECONDS = 2.0  # S5.5
BEAT_SECONDS = 0.1
# Three that do not listen to SIGTERM: the command, its grandchild in the group, and one that left group and session.
DEAF = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
    elif os.fork() != 0:
        os._exit(0)
with open(os.path.join(sys.argv[1], str(os.getpid())), "w") as file:
    file.write("ready")
while True:
    time.sleep(60)
"""

LOST, HANGS = 0, 1  # instead of a status

Answer = tuple[int, dict[str, Any]]


class Gatehouse(ThreadingHTTPServer):
    """Answers as the server does. What it is to answer to a kind of request from now on is set in `says`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Requests)
        self.says: dict[str, Answer] = {}
        self.heard: list[tuple[str, str, dict[str, Any], float]] = []
        self.keys: list[str | None] = []
        self.lease_seconds = 60
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, kind: str) -> Answer:
        usual: dict[str, Answer] = {
            "jobs": (201, {"id": JOB, "token": OWN, "lease_seconds": self.lease_seconds}),
            "heartbeat": (200, {"id": JOB, "state": "running", "next_seconds": BEAT_SECONDS}),
            "finish": (200, {"id": JOB}),
        }
        return self.says.get(kind, usual[kind])

    def bodies(self, kind: str) -> list[dict[str, Any]]:
        return [body for heard, _, body, _ in list(self.heard) if heard == kind]

    def count(self, kind: str) -> int:
        return len(self.bodies(kind))


class Requests(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Gatehouse

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = self.path.strip("/").rpartition("/")[2]
        if kind != "jobs":
            assert self.path == f"/api/v1/jobs/{JOB}/{kind}/"
        else:
            self.server.keys.append(self.headers["Idempotency-Key"])
        bearer = self.headers["Authorization"].removeprefix("Bearer ")
        self.server.heard.append((kind, bearer, body, time.monotonic()))
        status, said = self.server.answer(kind)
        if status == HANGS:
            self.server.released.wait(30)
        if status in (LOST, HANGS):  # heard, and the answer lost
            self.close_connection = True
            return
        text = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _heed_signals() -> None:
    """Undo what `&` of a shell and nohup do: they have SIGINT and SIGHUP ignored."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def gatehouse() -> Iterator[Gatehouse]:
    with Gatehouse() as server:
        threading.Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield server
        server.released.set()
        server.shutdown()


@pytest.fixture
def run(gatehouse: Gatehouse) -> Iterator[Run]:
    """Start the executor with a command; whatever is left of it goes with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*command: str, options: tuple[str, ...] = (), url: str | None = None, **more: str | None) -> "subprocess.Popen[str]":
        environment = {**os.environ, "GATEHOUSE_TOKEN": LAUNCHING, **more}
        arguments = ["--url", url or gatehouse.url, "--project", PROJECT, "--name", "variant call", *options, "--", *command]
        process = subprocess.Popen(
            [sys.executable, "-m", "tokens.work.runner", *arguments],
            cwd=ROOT, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={name: value for name, value in environment.items() if value is not None}, preexec_fn=_heed_signals,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.terminate()  # which ends the command; a kill would leave what that started
        process.communicate(timeout=30)


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Return status, output and errors of an executor that comes to its end; none of its tokens is in them."""
    output, errors = process.communicate(timeout=30)
    assert LAUNCHING not in output + errors
    assert OWN not in errors
    return process.returncode, output, errors


def python(script: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", script, *arguments]


def deaf(run: Run, folder: Path, **options: Any) -> tuple["subprocess.Popen[str]", list[int]]:
    """Return an executor with three deaf processes, and their ids; each has said that it lives."""
    folder = folder / "alive"
    folder.mkdir()
    process = run(*python(DEAF, str(folder)), **options)
    pids = until(lambda: [int(path.name) for path in folder.iterdir()] if len(list(folder.iterdir())) == 3 else None, what="all three")
    assert len({os.getsid(pid) for pid in pids}) == 2, "one has left"
    return process, pids


def alive(pids: list[int]) -> list[int]:
    """Return those that are there, and not as zombies."""
    stats = {pid: Path(f"/proc/{pid}/stat") for pid in pids}
    found = []
    for pid, stat in stats.items():
        try:
            state = stat.read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state not in "ZX":
            found.append(pid)
    return found


def gone(pids: list[int]) -> float:
    """Return when the last of them was gone."""
    until(lambda: not alive(pids), seconds=10, what="their end")
    return time.monotonic()


@pytest.mark.parametrize("status", [0, 3, 255])
def test_the_status_of_the_command_is_passed_on_and_told(run: Run, gatehouse: Gatehouse, status: int) -> None:
    process = run("sh", "-c", f"echo it ran; exit {status}")
    assert ended(process) == (status, "it ran\n", "")
    assert gatehouse.bodies("finish") == [{"exit_code": status}]
    assert gatehouse.bodies("jobs") == [{"name": "variant call", "project": PROJECT, "lease_seconds": 60}]


def test_a_command_that_died_of_a_signal_ends_as_a_shell_says_it(run: Run, gatehouse: Gatehouse) -> None:
    assert ended(run("sh", "-c", "kill -KILL $$"))[0] == 128 + signal.SIGKILL
    assert gatehouse.bodies("finish") == [{"exit_code": 137}]


@pytest.mark.parametrize(("mode", "status"), [(None, 127), (0o600, 126)], ids=["not there", "not executable"])
def test_a_command_that_cannot_run_is_told(run: Run, gatehouse: Gatehouse, tmp_path: Path, mode: int | None, status: int) -> None:
    command = tmp_path / "command"
    if mode is not None:
        command.touch(mode)
    code, _, errors = ended(run(str(command)))
    assert (code, gatehouse.bodies("finish")) == (status, [{"exit_code": status}])
    assert str(command) in errors


def test_the_options_of_the_command_are_its_own(run: Run, gatehouse: Gatehouse) -> None:
    process = run("echo", "--name", "x", "--", "--lease", "y", options=("--lease", "7"))
    assert ended(process)[:2] == (0, "--name x -- --lease y\n")
    assert gatehouse.bodies("jobs")[0]["lease_seconds"] == 7


def test_the_command_holds_the_token_of_the_job_and_nowhere_the_launching_one(run: Run, gatehouse: Gatehouse) -> None:
    script = "import os; print(dict(os.environ), open(f'/proc/{os.getppid()}/environ').read(), open('/proc/self/cmdline').read())"
    process = run(*python(script), GATEHOUSE_URL="http://elsewhere")
    status, output, _ = ended(process)
    assert status == 0
    for value in (OWN, gatehouse.url, JOB, PROJECT):
        assert f": '{value}'" in output
    assert {(kind, bearer) for kind, bearer, _, _ in gatehouse.heard} == {("jobs", LAUNCHING), ("heartbeat", OWN), ("finish", OWN)}


@pytest.mark.parametrize("token", [None, "", "ght_two\nlines"])
def test_without_a_token_nothing_is_asked(run: Run, gatehouse: Gatehouse, token: str | None) -> None:
    status, _, errors = ended(run("echo", "x", GATEHOUSE_TOKEN=token))
    assert (status, gatehouse.heard) == (2, [])
    assert "GATEHOUSE_TOKEN" in errors
    assert "ght_two" not in errors


def test_heartbeats_keep_coming_no_faster_than_asked_and_each_renews_the_lease(run: Run, gatehouse: Gatehouse, tmp_path: Path) -> None:
    gatehouse.lease_seconds = 1
    process = run("sh", "-c", f"until [ -e {tmp_path}/enough ]; do sleep 0.02; done")
    until(lambda: gatehouse.count("heartbeat") >= 20, seconds=10)
    times = [at for kind, _, _, at in gatehouse.heard if kind == "heartbeat"]
    # What lies between twenty beats: a single one may have been late, and the next then early.
    assert times[19] - times[0] > 19 * BEAT_SECONDS * 0.9
    (tmp_path / "enough").touch()
    assert ended(process) == (0, "", "")


def test_what_a_revoked_job_started_is_dead_within_two_seconds(run: Run, gatehouse: Gatehouse, tmp_path: Path) -> None:
    gatehouse.says["heartbeat"] = (200, {"id": JOB, "next_seconds": 1.3})  # as the server asks
    process, pids = deaf(run, tmp_path)
    assert alive(pids) == pids

    revoked = time.monotonic()
    gatehouse.says["heartbeat"] = (401, {"status": 401, "code": "auth_error", "detail": REVOKED})

    assert gone(pids) - revoked < DEAD_SECONDS
    status, _, errors = ended(process)
    assert (status, errors) == (75, f"{REVOKED}\n")
    assert gatehouse.count("finish") == 0


@pytest.mark.parametrize(
    ("status", "code", "detail", "said"),
    [
        (401, "auth_error", "Terminated: The job was ended by user-amy", "Terminated: The job was ended by user-amy"),
        (403, "access_ended", "You are no member any more", "AuthError: You are no member any more"),
        (404, "job_not_found", "There is no such job", "AuthError: There is no such job"),
        (409, "work_over", f"{JOB} has ended already: done", f"AuthError: {JOB} has ended already: done"),
    ],
)
def test_any_end_of_authority_stops_the_command(run: Run, gatehouse: Gatehouse, status: int, code: str, detail: str, said: str) -> None:
    process = run("sleep", "60")
    until(lambda: gatehouse.count("heartbeat") >= 2, seconds=10)
    gatehouse.says["heartbeat"] = (status, {"status": status, "code": code, "detail": detail})
    assert ended(process) == (75, "", f"{said}\n")


def test_a_command_that_listens_may_tidy_up(run: Run, gatehouse: Gatehouse, tmp_path: Path) -> None:
    process = run("sh", "-c", f"trap 'echo tidy; exit' TERM; touch {tmp_path}/ready; while true; do sleep 0.02; done")
    until(lambda: (tmp_path / "ready").exists(), seconds=10)
    gatehouse.says["heartbeat"] = (401, {"detail": REVOKED})
    assert ended(process)[:2] == (75, "tidy\n")


@pytest.mark.parametrize("answer", [(503, {}), (429, {"detail": "Later"}), (LOST, {}), (200, {}), (302, {})])
def test_a_short_outage_is_survived_and_told_once(run: Run, gatehouse: Gatehouse, tmp_path: Path, answer: Answer) -> None:
    process = run("sh", "-c", f"until [ -e {tmp_path}/enough ]; do sleep 0.02; done")
    until(lambda: gatehouse.count("heartbeat"), seconds=10)
    gatehouse.says["heartbeat"] = answer
    beats = gatehouse.count("heartbeat")
    until(lambda: gatehouse.count("heartbeat") > beats + 4, seconds=10)
    del gatehouse.says["heartbeat"]
    beats = gatehouse.count("heartbeat")
    until(lambda: gatehouse.count("heartbeat") > beats + 2, seconds=10)
    (tmp_path / "enough").touch()

    status, _, errors = ended(process)
    assert status == 0
    away, back = errors.splitlines()
    assert away.endswith("; trying again until the lease is over")
    assert back == "The server is back"


def test_a_heartbeat_that_gets_no_answer_is_given_up(run: Run, gatehouse: Gatehouse) -> None:
    process = run("sleep", "60")
    until(lambda: gatehouse.count("heartbeat"), seconds=10)
    gatehouse.says["heartbeat"] = (HANGS, {})
    beats = gatehouse.count("heartbeat")
    until(lambda: gatehouse.count("heartbeat") > beats + 1, seconds=10)
    gatehouse.says["heartbeat"] = (401, {"detail": REVOKED})
    status, _, errors = ended(process)
    assert (status, errors.splitlines()[-1]) == (75, REVOKED)


@pytest.mark.parametrize("away", ["refuses connections", "hangs"])
def test_away_for_longer_than_the_lease_the_command_is_stopped(run: Run, gatehouse: Gatehouse, tmp_path: Path, away: str) -> None:
    gatehouse.lease_seconds = 5
    process, pids = deaf(run, tmp_path, options=("--lease", "5"))
    gatehouse.shutdown()  # new connections wait in the queue, and the open ones get no answer of use
    gatehouse.says["heartbeat"] = (503, {})
    if away == "refuses connections":
        gatehouse.server_close()
    quiet = time.monotonic()

    died = gone(pids)
    assert 3.5 < died - quiet < 7
    status, _, errors = ended(process)
    assert status == 75
    over = "LeaseOver: the server was away for longer than the lease of 5 seconds; the job was stopped"
    assert errors.splitlines() == ["The server does not answer; trying again until the lease is over", over]


def test_what_the_command_leaves_behind_ends_with_it(run: Run, gatehouse: Gatehouse, tmp_path: Path) -> None:
    process, pids = deaf(run, tmp_path)
    command = next(pid for pid in pids if os.getsid(pid) == pid)
    killed = time.monotonic()
    os.kill(command, signal.SIGKILL)
    assert gone(pids) - killed < DEAD_SECONDS
    assert ended(process)[0] == 137
    assert gatehouse.bodies("finish") == [{"exit_code": 137}]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_executor_ends_the_command_and_is_told(
    run: Run, gatehouse: Gatehouse, tmp_path: Path, number: signal.Signals
) -> None:
    process, pids = deaf(run, tmp_path)
    process.send_signal(number)
    status, _, errors = ended(process)
    assert (status, errors, alive(pids)) == (128 + number, "", [])
    assert gatehouse.bodies("finish") == [{"exit_code": 128 + number}]


def test_a_killed_executor_takes_the_command_along(run: Run, gatehouse: Gatehouse, tmp_path: Path) -> None:
    process = run("sh", "-c", f"echo $$ > {tmp_path}/pid; mv {tmp_path}/pid {tmp_path}/ready; exec sleep 60")
    until(lambda: (tmp_path / "ready").exists(), seconds=10)
    process.kill()
    gone([int((tmp_path / "ready").read_text())])


def test_the_end_is_told_again_until_it_is_heard(run: Run, gatehouse: Gatehouse) -> None:
    gatehouse.says["finish"] = (503, {})
    process = run("sh", "-c", "exit 3")
    until(lambda: gatehouse.count("finish") >= 2, seconds=10)
    del gatehouse.says["finish"]
    assert ended(process)[0] == 3
    assert gatehouse.bodies("finish")[-1] == {"exit_code": 3}


def test_the_end_is_not_told_for_longer_than_the_lease(run: Run, gatehouse: Gatehouse) -> None:
    gatehouse.lease_seconds = 2
    gatehouse.says["finish"] = (503, {})
    status, _, errors = ended(run("sh", "-c", "exit 3"))
    assert status == 3
    assert "it was not told that the command ended with status 3" in errors


@pytest.mark.parametrize("status", [401, 409])
def test_authority_that_ended_with_the_command_is_said(run: Run, gatehouse: Gatehouse, status: int) -> None:
    gatehouse.says["finish"] = (status, {"status": status, "detail": REVOKED})
    assert ended(run("true")) == (75, "", f"{REVOKED}\n")


@pytest.mark.parametrize(
    ("status", "detail"), [(401, "AppError: The command ended with status 3"), (409, f"{JOB} has ended already: done")]
)
def test_an_end_that_was_heard_and_its_answer_lost_is_no_refusal(run: Run, gatehouse: Gatehouse, status: int, detail: str) -> None:
    gatehouse.says["finish"] = (LOST, {})
    process = run("sh", "-c", "exit 3")
    until(lambda: gatehouse.count("finish"), seconds=10)
    gatehouse.says["finish"] = (status, {"status": status, "detail": detail})
    assert ended(process) == (3, "", "")


@pytest.mark.parametrize(
    ("status", "code", "detail", "said", "exits"),
    [
        (422, "job_value_refused", "A job needs a name", "A job needs a name", 1),
        (404, "project_not_found", "There is no such project", "There is no such project", 1),
        (409, "already_made", "This request made token-x", "The job was made, but the answer with its token was lost", 1),
        (401, "token_revoked", "The token was revoked", "AuthError: The token was revoked", 75),
    ],
)
def test_a_job_that_is_refused_runs_nothing(
    run: Run, gatehouse: Gatehouse, status: int, code: str, detail: str, said: str, exits: int
) -> None:
    gatehouse.says["jobs"] = (status, {"status": status, "code": code, "detail": detail})
    ended_with, output, errors = ended(run("echo", "it ran"))
    assert (ended_with, output) == (exits, "")
    assert errors.startswith(said)
    assert [kind for kind, *_ in gatehouse.heard] == ["jobs"]


def test_a_job_is_asked_for_again_with_the_same_key(run: Run, gatehouse: Gatehouse) -> None:
    gatehouse.says["jobs"] = (503, {})
    process = run("true")
    until(lambda: gatehouse.count("jobs") >= 2, seconds=10)
    del gatehouse.says["jobs"]
    assert ended(process)[0] == 0
    assert len(gatehouse.keys) == 3
    assert len(set(gatehouse.keys)) == 1
    assert None not in gatehouse.keys


def test_a_server_that_is_not_there_may_still_come(run: Run, gatehouse: Gatehouse) -> None:
    port = free_port()
    process = run("true", url=f"http://127.0.0.1:{port}/")
    with Gatehouse(port) as late:
        threading.Thread(target=late.serve_forever, args=[0.02], daemon=True).start()
        assert ended(process)[0] == 0
        late.shutdown()


@pytest.mark.parametrize("url", ["ftp://example.com", "nonsense", "http://", "http://example.com:x"])
def test_an_address_that_is_none_is_refused_at_once(run: Run, url: str) -> None:
    status, _, errors = ended(run("true", url=url))
    assert status == 2
    assert "--url" in errors


def test_progress_goes_with_the_next_heartbeat_once(run: Run, gatehouse: Gatehouse, tmp_path: Path) -> None:
    script = 'echo "10 one" > $GATEHOUSE_PROGRESS; printf "62 chromosome 14\\n9" >> $GATEHOUSE_PROGRESS'
    process = run("sh", "-c", f"{script}; until [ -e {tmp_path}/enough ]; do sleep 0.02; done; echo $GATEHOUSE_PROGRESS")
    told = {"progress": 62, "note": "chromosome 14"}
    until(lambda: told in gatehouse.bodies("heartbeat"), seconds=10)
    beats = gatehouse.count("heartbeat")
    until(lambda: gatehouse.count("heartbeat") > beats + 3, seconds=10)
    (tmp_path / "enough").touch()
    status, output, _ = ended(process)
    assert gatehouse.bodies("heartbeat").count(told) == 1
    assert status == 0
    assert not Path(output.strip()).parent.exists()


def test_progress_that_the_server_refuses_does_not_cost_the_lease(run: Run, gatehouse: Gatehouse) -> None:
    gatehouse.says["heartbeat"] = (422, {"detail": "No such words"})
    process = run("sh", "-c", 'echo "62 words" > $GATEHOUSE_PROGRESS; sleep 60')
    until(lambda: {"progress": 62, "note": "words"} in gatehouse.bodies("heartbeat"), seconds=10)
    beats = gatehouse.count("heartbeat")
    until(lambda: gatehouse.count("heartbeat") > beats + 1, seconds=10)
    assert gatehouse.bodies("heartbeat")[-1] == {}
    assert process.poll() is None
