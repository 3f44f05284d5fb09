"""The reference executor of jobs (DESIGN 5): `python -m tokens.work.runner --url URL --project ID --name NAME -- COMMAND…`.

It registers a job with the token in GATEHOUSE_TOKEN, runs the command with the job's own token there instead, and asks the server
every second or so whether it may go on. What the command started is dead within 2 s of a revoke. It ends with the command's status;
with 75 where the authority ended, and says why; with 1 where no job came to be; with 2 where it was called wrongly. The command can
say how far it is: by the last whole line of the file named by GATEHOUSE_PROGRESS, such as `62 chromosome 14`.

A client, which knows nothing else of this project: it needs Python, urllib3, and this file.
"""

import argparse
import ctypes
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import urllib3

EXIT_NOT_MADE, EXIT_USAGE, EXIT_ENDED = 1, 2, 75  # 75: EX_TEMPFAIL of sysexits.h
EXIT_NOT_RUNNABLE, EXIT_NOT_FOUND, EXIT_SIGNALLED = 126, 127, 128  # as a shell says it; the number of the signal is added to 128
BEAT_SECONDS, BEAT_LEAST_SECONDS, BEAT_MOST_SECONDS = 1.3, 0.05, 3600.0  # the first where the server does not say
PAUSE_MOST_SECONDS = 1.0  # between two tries while the server does not answer
CONNECT_SECONDS, READ_SECONDS, READ_MAKING_SECONDS = 1.0, 2.0, 10.0
REGISTER_SECONDS, LEASE_SECONDS = 30.0, 60
GRACE_SECONDS = 0.3  # from SIGTERM to SIGKILL: with the time between two heartbeats less than 2 s (S5.5)
HUNT_SECONDS, HUNT_PAUSE_SECONDS = 10.0, 0.02
NOTE_MAX_CHARS, TAIL_BYTES = 200, 4096
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 1, 4, 36
# The answer to a second telling where the first was heard, but its answer lost.
_AS_TOLD = re.compile(r"AppError: |\S+ has ended already: (done$|The command ended with status )")
_PROGRESS = re.compile(r"\s*(\d{1,3})(?:\s+(.*))?", re.ASCII)
# Looked up before the fork: between fork and exec there is no place for an import.
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class NoAnswer(Exception):
    """The server was not reached, or answered nothing that can be read: the same request may pass later."""


@dataclass(eq=False)
class Refused(Exception):
    """The server's answer is no."""

    status: int
    code: str
    detail: str

    @property
    def ends_authority(self) -> bool:
        """Whether nothing more may be done in the name of who was refused."""
        return self.status in (401, 403, 404, 409)

    @property
    def sentence(self) -> str:
        """The detail; where authority ended, behind the name of the reason, as in `AuthError: …`."""
        return f"AuthError: {self.detail}" if self.ends_authority and not re.match(r"\w+: ", self.detail) else self.detail


@dataclass(frozen=True)
class Job:
    """A registered job. `asked` is the moment, on the monotonic clock, when it was asked for: the lease counts from there."""

    id: str
    token: str = field(repr=False)
    lease_seconds: float
    asked: float

    def __post_init__(self) -> None:
        """Raise ValueError for what has no place in a path or a header, and for a lease that is none."""
        if not re.fullmatch(r"[\w-]{1,64} [\w-]{1,64}", f"{self.id} {self.token}", re.ASCII) or not 1 <= self.lease_seconds <= 3600:
            raise ValueError("it answered no job")


@dataclass(frozen=True)
class End:
    """Why the run is over: the status to exit with, what to say, and whether the server is to be told."""

    status: int
    said: str = ""
    told: bool = False


Ends = SimpleQueue[End]  # its put() may be called in a handler of a signal


class Server:
    """The REST interface of a Gatehouse."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # Two: the end of the job may be told while a heartbeat is under way.
        self._pool = urllib3.PoolManager(maxsize=2, retries=False)

    def post(self, path: str, body: Mapping[str, object], *, token: str, key: str = "", wait: float = READ_SECONDS) -> dict[str, Any]:
        """Return the JSON of the answer, for which it waits so many seconds. Raises Refused, or NoAnswer for what may pass later."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        try:
            answer = self._pool.request(
                "POST", f"{self.url}/api/v1/jobs/{path}", body=json.dumps(body), redirect=False,
                headers=headers | ({"Idempotency-Key": key} if key else {}), timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=wait),
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswer(str(error)) from error
        said: dict[str, Any] = {}
        with suppress(ValueError, TypeError):
            said = dict(json.loads(answer.data))
        if answer.status >= 500 or answer.status in (408, 425, 429) or (answer.status < 300 and not said):
            raise NoAnswer(f"it answered {answer.status}")
        if answer.status >= 300:
            raise Refused(answer.status, str(said.get("code")), _plain(str(said.get("detail") or f"The server answered {answer.status}")))
        return said


class Pulse(threading.Thread):
    """The heartbeats of a job, until `stopped` is set or authority ends."""

    def __init__(self, server: Server, job: Job, progress: Path, ends: Ends) -> None:
        super().__init__(daemon=True)  # a request under way must not hold up the end
        self.heard = job.asked  # when the last heartbeat that was answered was sent, on the monotonic clock
        self._server, self._job, self.progress, self._ends = server, job, progress, ends
        self._next_seconds, self._is_away = BEAT_SECONDS, False
        self._told: dict[str, object] = {}
        self.stopped = threading.Event()

    def run(self) -> None:
        """Beat, no faster than the server asks."""
        pause: float | None = 0.0
        while pause is not None and not self.stopped.wait(pause):
            pause = self._beat()

    def _beat(self) -> float | None:
        """Return after how many seconds to ask again; None where the job is over."""
        sent, progress = time.monotonic(), _progress_in(self.progress)
        try:
            answer = self._server.post(f"{self._job.id}/heartbeat/", progress if progress != self._told else {}, token=self._job.token)
        except NoAnswer:
            return self._miss("The server does not answer")
        except Refused as refused:
            if refused.ends_authority:
                self._ends.put(End(EXIT_ENDED, refused.sentence))
                return None
            self._told = progress  # words that the server refuses, said again and again, would cost the lease
            return self._miss(refused.detail)
        self._told, self.heard = progress, sent
        asked = answer.get("next_seconds") or 0
        known = isinstance(asked, int | float) and BEAT_LEAST_SECONDS <= asked <= BEAT_MOST_SECONDS
        self._next_seconds = float(asked) if known else BEAT_SECONDS
        if self._is_away:
            self._is_away = False
            _say("The server is back")
        return max(0.0, sent + self._next_seconds - time.monotonic())

    def _miss(self, why: str) -> float:
        if not self._is_away and not self.stopped.is_set():
            self._is_away = True
            _say(f"{why}; trying again until the lease is over")
        return min(self._next_seconds, PAUSE_MOST_SECONDS)


class Family:
    """The command with all that it starts: its process group and, on Linux, what left the group, too."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        if _libc is not None:
            # Whatever loses its parent becomes a child of this process instead of init's: nothing gets out of sight.
            _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        started = subprocess.Popen(command, env=environment, start_new_session=True, preexec_fn=_die_with_parent)  # noqa: S603  (its use)
        self._process, self._gone = started, threading.Event()

    def watch(self, ends: Ends) -> None:
        """Put the command's end into `ends` as soon as it comes."""
        threading.Thread(target=self._reap, args=[ends], daemon=True).start()

    def end(self) -> None:
        """End all of it: SIGTERM, SIGKILL after 0.3 s, again until the system knows no child of this process any more."""
        self._signal(signal.SIGTERM)
        self._gone.wait(GRACE_SECONDS)
        deadline = time.monotonic() + HUNT_SECONDS
        while time.monotonic() < deadline:
            self._signal(signal.SIGKILL)
            if self._gone.wait(HUNT_PAUSE_SECONDS):
                return  # else again: a process may have been born while the others were looked for
        _say(f"Processes could not be ended: {', '.join(map(str, _descendants()))}")

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
        for pid in _descendants():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)

    def _reap(self, ends: Ends) -> None:
        """Take note of every death among the children, those adopted included, until there is no child."""
        if _libc is None:
            ends.put(self._own_end())
        with suppress(ChildProcessError):
            while _libc is not None:
                # Looked at first, not taken: the command's own status is for Popen.
                dead = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
                if dead is not None and dead.si_pid == self._process.pid:
                    ends.put(self._own_end())
                elif dead is not None:
                    os.waitpid(dead.si_pid, 0)
        self._gone.set()

    def _own_end(self) -> End:
        status = self._process.wait()
        return End(status if status >= 0 else EXIT_SIGNALLED - status, told=True)


def main(arguments: list[str]) -> int:
    """Run a command as a job, and return the status to exit with."""
    (asked, command), environment = _parsed(arguments), dict(os.environ)
    token = environment.pop("GATEHOUSE_TOKEN", "").strip()
    if not token.isascii() or not token.isprintable() or not token:
        _say("GATEHOUSE_TOKEN must hold the text of the token that launches the job")
        return EXIT_USAGE
    _hide_token()
    _on_signals(signal.SIG_DFL)
    server, wanted = Server(asked.url), {"name": asked.name, "project": asked.project, "lease_seconds": asked.lease}
    try:
        job = _registered(server, wanted, token)
    except Refused as refused:
        return _not_made(refused)
    except (NoAnswer, KeyError, TypeError, ValueError) as trouble:
        _say(f"No job was begun, the server did not answer as it should for {REGISTER_SECONDS:.0f} s: {trouble}")
        return EXIT_NOT_MADE
    mine = {"GATEHOUSE_TOKEN": job.token, "GATEHOUSE_URL": server.url, "GATEHOUSE_JOB": job.id, "GATEHOUSE_PROJECT": asked.project}
    return _carry_out(server, job, command, environment | mine)


def _parsed(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        prog="python -m tokens.work.runner", allow_abbrev=False, description="Run a command as a job. The token is in GATEHOUSE_TOKEN.",
        usage="%(prog)s --url URL --project ID --name NAME [--lease SECONDS] -- COMMAND…",
    )  # fmt: skip
    parser.add_argument("--url", required=True, type=_url, help="address of the server")
    parser.add_argument("--project", required=True, help="where it belongs, project-…")
    parser.add_argument("--name", required=True, help="what the job is called")
    parser.add_argument("--lease", type=int, default=LEASE_SECONDS, metavar="SECONDS", help="how long the server may be away; 5 to 3600")
    # What follows is the command's, further dashes and all.
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    asked = parser.parse_args(arguments[:cut])
    if not arguments[cut + 1 :]:
        parser.error("a COMMAND is needed, after --")
    return asked, arguments[cut + 1 :]


def _url(text: str) -> str:
    parts = urllib3.util.parse_url(text)
    if parts.scheme not in ("http", "https") or not parts.host:
        raise ValueError(text)
    return text


def _hide_token() -> None:
    """Take the launching token out of what the kernel shows of this process: the command, of the same user, could read it there."""
    if _libc is not None:
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        _libc.getenv.restype = ctypes.c_void_p
        if where := _libc.getenv(b"GATEHOUSE_TOKEN"):
            ctypes.memset(where, ord("-"), len(ctypes.string_at(where)))


def _on_signals(handler: Callable[..., object] | signal.Handlers) -> None:
    for number in _SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # ignored by whoever called, such as nohup
            signal.signal(number, handler)


def _registered(server: Server, wanted: Mapping[str, object], token: str) -> Job:
    key, deadline = str(uuid.uuid4()), time.monotonic() + REGISTER_SECONDS
    while True:
        asked = time.monotonic()
        try:
            made = server.post("", wanted, token=token, wait=READ_MAKING_SECONDS, key=key)
            return Job(made["id"], made["token"], float(made["lease_seconds"]), asked)
        except NoAnswer:
            if time.monotonic() + PAUSE_MOST_SECONDS > deadline:
                raise
            time.sleep(PAUSE_MOST_SECONDS)


def _not_made(refused: Refused) -> int:
    if refused.status == 401:
        _say(refused.sentence)
        return EXIT_ENDED
    lost = refused.code == "already_made"
    _say("The job was made, but the answer with its token was lost. It ends with its lease; run this again" if lost else refused.detail)
    return EXIT_NOT_MADE


def _carry_out(server: Server, job: Job, command: list[str], environment: dict[str, str]) -> int:
    ends: Ends = SimpleQueue()
    _on_signals(lambda number, _: ends.put(End(EXIT_SIGNALLED + number, told=True)))
    with tempfile.TemporaryDirectory(prefix="gatehouse-", ignore_cleanup_errors=True) as folder:
        pulse = Pulse(server, job, Path(folder) / "progress", ends)
        try:
            family = Family(command, {**environment, "GATEHOUSE_PROGRESS": str(pulse.progress)})
        except (OSError, ValueError) as error:
            end = End(EXIT_NOT_FOUND if isinstance(error, FileNotFoundError) else EXIT_NOT_RUNNABLE, f"{command[0]}: {error}", told=True)
        else:
            try:
                family.watch(ends)
                pulse.start()
                end = _first(ends, pulse, job)
            finally:
                pulse.stopped.set()
                family.end()
    if end.said:
        _say(end.said)
    # Nothing is left that had to be ended: a second signal may end this process as any other.
    _on_signals(signal.SIG_DFL)
    return _finish(server, job, end.status, deadline=pulse.heard + job.lease_seconds) if end.told else end.status


def _first(ends: Ends, pulse: Pulse, job: Job) -> End:
    """Return the first end that comes. The lease is watched here: a heartbeat may hang where no time-out reaches, as in a look-up."""
    while (left := pulse.heard + job.lease_seconds - time.monotonic()) > 0:
        with suppress(Empty):
            return ends.get(timeout=left)
    away = f"the server was away for longer than the lease of {job.lease_seconds:.0f} seconds; the job was stopped"
    return End(EXIT_ENDED, f"LeaseOver: {away}")


def _finish(server: Server, job: Job, status: int, *, deadline: float) -> int:
    """Tell the server how the command ended, and return the status to exit with."""
    while True:
        try:
            server.post(f"{job.id}/finish/", {"exit_code": status}, token=job.token)
            return status
        except Refused as refused:
            if _AS_TOLD.match(refused.detail):
                return status
            _say(refused.sentence)
            return EXIT_ENDED if refused.ends_authority else status
        except NoAnswer:
            if time.monotonic() + PAUSE_MOST_SECONDS > deadline:
                _say(f"The server does not answer; it was not told that the command ended with status {status}")
                return status
            time.sleep(PAUSE_MOST_SECONDS)


def _progress_in(path: Path) -> dict[str, object]:
    """Return what the last whole line says; nothing where it says nothing."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            whole = file.read(TAIL_BYTES).rpartition(b"\n")[0]
    except OSError:
        return {}
    found = _PROGRESS.fullmatch(_plain(whole.rpartition(b"\n")[2].decode(errors="replace")))
    if found is None or int(found[1]) > 100:
        return {}
    return {"progress": int(found[1]), "note": (found[2] or "")[:NOTE_MAX_CHARS].strip()}


def _descendants() -> list[int]:
    """Return the process ids of all that descend from this process; none where the system does not say."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError, ValueError):
            parent = int(stat.read_bytes().rpartition(b")")[2].split()[1])  # before it, the name may hold anything
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = [os.getpid()]
    for pid in found:  # it grows as it goes
        found.extend(children.get(pid, []))
    return found[1:]


def _plain(text: str) -> str:
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())


def _say(text: str) -> None:
    with suppress(OSError, ValueError):  # nobody may be there to read it
        print(text, file=sys.stderr, flush=True)


def _die_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
