"""The real server under load, by wrk, at more and more connections until it gives no more; its memory, and how fast it starts."""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bench import page
from bench.databases import scratch_database
from bench.memory import Memory, memory_of
from bench.tables import Aim, aims, table
from tests.journeys.house import ROOT, Database, House, environment_of, free_port, furnish, house_on
from tests.journeys.visitor import Visitor

LOAD, MEMORY = "Load", "Memory and start"
KINDS = {"token": "`GET /api/v1/me/` with a token", "page": "`GET /profile/` in a session", "login": "`POST /login/`"}
CONNECTIONS = {"token": (1, 2, 4, 8, 16, 32, 64), "page": (1, 2, 4, 8, 16, 32, 64), "login": (1, 2, 4, 8, 16)}
# Twice as many as a process has threads, for two processes share them.
WARMING, WARM_CONNECTIONS, WARM_SECONDS = ("token", "page"), 128, 3
WEB_PROCESSES, AT_KNEE, STARTS = 2, 0.95, 3
WORKER_MIB, GROWTH_MIB = 80, 10
POLL_SECONDS = 0.01
SCRIPT = str(ROOT / "bench" / "load.lua")


@dataclass(frozen=True)
class Level:
    """What so many connections reached; `p50` and `p99` in ms."""

    connections: int
    per_second: float
    p50: float
    p99: float
    failed: int


@dataclass(frozen=True)
class Server:
    """What was measured of one server."""

    levels: dict[str, list[Level]]
    memory: list[list[Memory]]  # at first, with every thread at work, then after the load of each kind
    starts: list[float]


def sections(servers: dict[str, str], asked: argparse.Namespace) -> dict[str, str]:
    """Return the sections by title. `servers`: PostgreSQL's address by the name of the database, "" for SQLite."""
    found = {database: _measured(address, asked.seconds) for database, address in servers.items()}
    return {LOAD: _about_load(found, asked.seconds), MEMORY: _about_memory(found, asked.seconds)}


def _measured(address: str, seconds: int) -> Server:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatehouse-load-")))
        url = stack.enter_context(scratch_database(address)) if address else f"sqlite:///{folder / 'load.sqlite3'}"
        database = Database(url)
        furnish(database, folder)
        starts = [_start(database, folder) for _ in range(STARTS)]
        settings = {
            "WEB_WORKERS": str(WEB_PROCESSES), "DB_POOL_SIZE": "20", "TRUSTED_PROXIES": "127.0.0.1",
            "DJANGO_SETTINGS_MODULE": "bench.settings_product", "LOG_LEVEL": "INFO",
        }  # fmt: skip
        house = stack.enter_context(house_on(database, folder / "house", **settings))
        secrets = _secrets(house)
        levels, memory = {}, [memory_of(house)]
        if shutil.which("wrk"):
            _warm(house, secrets)
            memory.append(memory_of(house))
        for kind in KINDS if shutil.which("wrk") else ():
            levels[kind] = list(_levels(house, kind, secrets, seconds))
            memory.append(memory_of(house))
        return Server(levels, memory, starts)


def _secrets(house: House) -> dict[str, str]:
    amy = Visitor(house.url).sign_in("amy")
    cookie = next(cookie.value or "" for cookie in amy.jar if cookie.name == "sessionid")
    secrets = {"GATEHOUSE_TOKEN": amy.make_token("load"), "GATEHOUSE_COOKIE": cookie}
    for _ in range(50):  # so that what each process makes at its first requests is there
        assert amy.get("/profile/").status == 200  # noqa: PLR2004  (a success)
    return secrets


def _warm(house: House, secrets: dict[str, str]) -> None:
    """Set every thread to work once, and give it a connection to the database with what that keeps."""
    for kind in WARMING:
        _level(house, kind, secrets, WARM_CONNECTIONS, WARM_SECONDS)


def _levels(house: House, kind: str, secrets: dict[str, str], seconds: int) -> Iterator[Level]:
    for connections in CONNECTIONS[kind]:
        yield _level(house, kind, secrets, connections, seconds)


def _level(house: House, kind: str, secrets: dict[str, str], connections: int, seconds: int) -> Level:
    size = [f"-t{min(connections, WEB_PROCESSES)}", f"-c{connections}", f"-d{seconds}s"]
    command = ["wrk", *size, "--timeout", "20", "-s", SCRIPT, house.url]
    environment = {**os.environ, **secrets, "GATEHOUSE_LOAD": kind}
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    one = json.loads(next(line for line in said.splitlines() if line.startswith("JSON ")).removeprefix("JSON "))
    return Level(connections, one["requests"] / one["seconds"], one["p50"], one["p99"], one["failed"])


def knee(levels: list[Level]) -> Level:
    """Return where it bends: the fewest connections that reach 95 % of the most requests a second."""
    most = max(level.per_second for level in levels)
    return next(level for level in levels if level.per_second >= AT_KNEE * most)


def _start(database: Database, folder: Path) -> float:
    """Return the seconds from the start of `manage.py serve` to the first answer."""
    port = free_port()
    environment = environment_of(folder, database, PORT=str(port), SITE_URL=f"http://127.0.0.1:{port}")
    began = time.monotonic()
    with _serving(environment, folder):
        while not _answers(port):
            time.sleep(POLL_SECONDS)
        return time.monotonic() - began


@contextmanager
def _serving(environment: dict[str, str], folder: Path) -> Iterator[None]:
    with (folder / "start.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "manage.py", "serve"], cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1) as answer:
            return bool(answer.status == 200)  # noqa: PLR2004  (a success)
    except (URLError, OSError):
        return False


def _about_load(found: dict[str, Server], seconds: int) -> str:
    parts = [_levels_table(database, server) for database, server in found.items() if server.levels]
    return f"""## {LOAD}

{page.conditions("python -m bench load")}

One server with {WEB_PROCESSES} web processes and its worker, under wrk for {seconds} s at each number of connections; server, database
and wrk share the cores. The knee is where it bends: the fewest connections that reach {AT_KNEE:.0%} of the most requests a second.
More connections than that make requests wait and no more of them come through.

{chr(10).join(parts) if parts else "wrk is not installed here; nothing was measured."}"""


def _levels_table(database: str, server: Server) -> str:
    rows = [
        [
            what, f"**{level.connections}**, the knee" if level is knee(server.levels[kind]) else str(level.connections),
            f"{level.per_second:,.0f}", f"{level.p50:.1f}", f"{level.p99:.1f}", str(level.failed),
        ]
        for kind, what in KINDS.items()
        for level in server.levels[kind]
    ]  # fmt: skip
    return table([f"request, {database}", "connections", "a second", "half within, ms", "99 % within, ms", "failed"], rows)


def _about_memory(found: dict[str, Server], seconds: int) -> str:
    rows = [
        [database, one[0].process, f"{one[0].pss:.0f}", *(f"{then.rss:.0f}" for then in one)]
        for database, server in found.items()
        for one in zip(*server.memory, strict=True)
    ]
    loads = ["at first", "with all threads", *(f"after {kind}s" for kind in KINDS)][: len(next(iter(found.values())).memory)]
    starts = [[database, f"{statistics.median(server.starts):.2f}", f"{max(server.starts):.2f}"] for database, server in found.items()]
    wanted = [aim for database, server in found.items() for aim in _wanted(database, server, seconds)]
    return f"""## {MEMORY}

The same servers, before that load, with all threads at work once (each has a connection to the database then, and what it keeps), and
after each part of the load. RSS counts what processes share in each of them, PSS divides it among them. A hash takes 19 MiB, for which
the threads that hash stay at that size: as many as there are cores. What is installed for tests alone is loaded, too, where REST
framework or qrcode finds it (requests, Pygments, Pillow): 10 MiB that an installation from `requirements.txt` does not have.

{table(["database", "process", "PSS, MiB", *(f"RSS {load}, MiB" for load in loads)], rows)}
From the start of `manage.py serve` to the first 200, on a database that is there; {STARTS} times:

{table(["database", "seconds", "the longest"], starts)}
{aims(wanted)}"""


def _wanted(database: str, server: Server, seconds: int) -> list[Aim]:
    webs = [one for one in zip(*server.memory, strict=True) if one[0].process == "web"]
    wanted = [Aim(f"RSS of a web process at first, MiB ({database})", max(one[0].rss for one in webs), WORKER_MIB, "{:.0f}")]
    if server.levels:
        requests = sum(level.per_second for kind in WARMING for level in server.levels[kind]) * seconds
        growth = max(one[1 + len(WARMING)].rss - one[1].rss for one in webs)
        what = f"its growth by {requests:,.0f} token requests and pages, all threads at work before, MiB ({database})"
        wanted.append(Aim(what, growth, GROWTH_MIB, "{:.0f}"))
    return wanted
