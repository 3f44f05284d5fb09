"""A real server of the bench's own: the processes of `manage.py serve`, on a database that goes with it; and how to call it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60
PASSWORD = "gatehouse-demo-1"  # noqa: S105  (published in README.md)
LOGIN = {"username": "amy", "password": PASSWORD}


@dataclass
class Server:
    """Where it is, and the demo person amy's token at it."""

    var: Path
    port: int
    process: "subprocess.Popen[bytes]"
    token: str = ""

    def call(self, path: str, body: Any = None, *, token: str = "", method: str = "POST") -> Any:
        """Send one call of JSON on a connection of its own; return the answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Content-Type": "application/json"}
        if bearer := token or self.token:
            headers["Authorization"] = f"Bearer {bearer}"
        connection.request(method, path, None if method == "GET" else json.dumps(body or {}), headers)
        response = connection.getresponse()
        answer = json.loads(response.read())
        connection.close()
        assert response.status < 300, answer  # noqa: PLR2004  (a success)
        return answer

    def project(self) -> str:
        """Return a project of amy's."""
        return str(self.call("/api/v1/projects/?phi=false", method="GET")["results"][0]["id"])

    def memory_mib(self) -> float:
        """Return the memory of the web process: the child of a child that has most."""
        return max(_memory_kib(pid) for pid in _descendants(self.process.pid)) / 1024


@contextmanager
def running(var: Path, **settings: str) -> Iterator[Server]:
    """Start a server with demo data, log amy in, and end it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    mine = {"DEBUG": "1", "VAR_DIR": str(var), "PORT": str(port), "SITE_URL": f"http://127.0.0.1:{port}", **settings}
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "bench.settings_product", **mine}
    for command in ("migrate", "load_demo"):
        subprocess.run([sys.executable, "manage.py", command], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    with (var / "server.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    server = Server(var, port, process)
    try:
        _wait_for(server)
        server.token = server.call("/system/newAuthToken", LOGIN)["access_token"]
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait_for(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            server.call("/healthz", method="GET")
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _descendants(pid: int) -> list[int]:
    children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return children + [grandchild for child in children for grandchild in _descendants(child)]


def _memory_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
