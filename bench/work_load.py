"""How long a token request takes on one web process while executors beat and transfers run, beside the same on an idle one."""

import hashlib
import json
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from bench.work_server import ROOT, Server

BEAT_SECONDS = 1.3
BEATERS = 4
PACE = 1_000_000  # bytes a second of each transfer
PIECE = 64 * 1024
PART = 64 * 1024 * 1024
SETTLE_SECONDS = 3


@dataclass
class Loaded:
    """Milliseconds of token requests, sorted; and what went on meanwhile, per second."""

    idle: list[float]
    loaded: list[float]
    beats: float
    megabytes: float


def percentile(times: list[float], part: float) -> float:
    """Return what so large a part of the sorted `times` does not exceed."""
    return times[min(len(times) - 1, int(len(times) * part))]


class Load:
    """Jobs whose executors beat, and transfers at a pace, until it is stopped."""

    def __init__(self, server: Server, *, jobs: int, transfers: int) -> None:
        self._server, self._over = server, threading.Event()
        self.beats = self.moved = 0
        project = server.project()
        made = [server.call("/api/v1/jobs/", {"name": f"job {number}", "project": project}) for number in range(jobs)]
        acts = [threading.Thread(target=self._beat, args=(made[number::BEATERS],), daemon=True) for number in range(BEATERS)]
        file_id = self._whole_file(project)
        for number in range(transfers):
            act = self._download if number % 2 else self._upload
            acts.append(threading.Thread(target=act, args=(project, file_id), daemon=True))
        for thread in acts:
            thread.start()

    def stop(self) -> None:
        """End it; what is under way ends with the server."""
        self._over.set()

    def _beat(self, jobs: list[dict[str, str]]) -> None:
        try:
            self._beat_on(jobs)
        except (OSError, HTTPException):
            if not self._over.is_set():
                raise

    def _beat_on(self, jobs: list[dict[str, str]]) -> None:
        connection, progress = HTTPConnection("127.0.0.1", self._server.port, timeout=30), 0
        while not self._over.is_set():
            progress = (progress + 1) % 101
            for job in jobs:
                # Every fifth beat says something new, which is written down.
                body = json.dumps({"progress": progress} if progress % 5 == 0 else {})
                headers = {"Authorization": f"Bearer {job['token']}", "Content-Type": "application/json"}
                connection.request("POST", f"/api/v1/jobs/{job['id']}/heartbeat/", body, headers)
                assert connection.getresponse().read()
                self.beats += 1
                time.sleep(BEAT_SECONDS / len(jobs) * 0.8)

    def _whole_file(self, project: str) -> str:
        file_id = str(self._server.call("/file/new", {"project": project, "name": "whole.bin"})["id"])
        self._put(file_id, pace=False)
        self._server.call(f"/{file_id}/close")
        return file_id

    def _upload(self, project: str, file_id: str) -> None:
        mine = str(self._server.call("/file/new", {"project": project, "name": "endless.bin"})["id"])
        while not self._over.is_set():
            self._put(mine, pace=True)

    def _put(self, file_id: str, *, pace: bool) -> None:
        zeros = hashlib.md5(bytes(PART), usedforsecurity=False).hexdigest()
        ticket = self._server.call(f"/{file_id}/upload", {"index": 1, "size": PART, "md5": zeros})
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=60)
        connection.putrequest("PUT", urlsplit(ticket["url"]).path)
        for name, value in {"Content-Length": str(PART), **ticket["headers"]}.items():
            connection.putheader(name, value)
        connection.endheaders()
        for _ in range(PART // PIECE):
            if self._over.is_set():
                return
            connection.send(bytes(PIECE))
            self._count(pace)
        assert connection.getresponse().status == 200  # noqa: PLR2004  (a success)

    def _download(self, project: str, file_id: str) -> None:
        ticket = self._server.call(f"/{file_id}/download", {"project": project})
        while not self._over.is_set():
            connection = HTTPConnection("127.0.0.1", self._server.port, timeout=60)
            connection.request("GET", urlsplit(ticket["url"]).path, headers=ticket["headers"])
            response = connection.getresponse()
            while not self._over.is_set() and response.read(PIECE):
                self._count(pace=True)

    def _count(self, pace: bool) -> None:
        self.moved += PIECE
        if pace:
            time.sleep(PIECE / PACE)


def measure(server: Server, *, jobs: int, transfers: int, seconds: float) -> Loaded:
    """Return how long token requests took, first with nothing else, then under the load."""
    idle = _probe(server, seconds)
    load = Load(server, jobs=jobs, transfers=transfers)
    time.sleep(SETTLE_SECONDS)
    beats, moved, began = load.beats, load.moved, time.monotonic()
    loaded = _probe(server, seconds)
    took = time.monotonic() - began
    load.stop()
    return Loaded(idle, loaded, (load.beats - beats) / took, (load.moved - moved) / took / 1e6)


def _probe(server: Server, seconds: float) -> list[float]:
    # A process of its own: threads of this one would wait for each other.
    command = [sys.executable, "-m", "bench.work_probe", str(server.port), server.token, str(seconds)]
    times: list[float] = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    return times
