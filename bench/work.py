"""`python -m bench.work`: measures what runs on tokens with a real server, prints, and writes bench/WORK.md. Ratios are the point."""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.databases import is_reachable, scratch_database
from bench.work_bytes import MIB, Moved
from bench.work_bytes import measure as measure_bytes
from bench.work_load import Loaded, percentile
from bench.work_load import measure as measure_load
from bench.work_server import ROOT, running

GROWTH_MIB, END_MS, SLOWER = 100, 1000, 3.0


def main() -> None:
    """Measure everything."""
    asked = _arguments()
    ends = {"SQLite": _ends(asked, "")}
    if is_reachable(asked.postgresql):
        ends["PostgreSQL"] = _ends(asked, asked.postgresql)
    with tempfile.TemporaryDirectory() as folder, running(_made(folder, "bytes")) as server:
        moved = measure_bytes(server, Path(folder), asked.mib * MIB)
    with tempfile.TemporaryDirectory() as folder, running(_made(folder, "load")) as server:
        loaded = measure_load(server, jobs=asked.jobs, transfers=asked.transfers, seconds=asked.seconds)
    text = "\n".join([_head(), _about_ends(ends, asked), _about_bytes(moved, asked), _about_load(loaded, asked)])
    print(text)
    if asked.write:
        Path(__file__).with_name("WORK.md").write_text(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.work", description=__doc__)
    parser.add_argument("--tokens", type=int, default=1_000_000, help="tokens in the table, for ending work")
    parser.add_argument("--running", type=int, default=1_000, help="jobs of one person, and as many transfers, for ending work")
    parser.add_argument("--mib", type=int, default=1024, help="size of the file that is moved")
    parser.add_argument("--jobs", type=int, default=200, help="executors that beat, for the load")
    parser.add_argument("--transfers", type=int, default=20, help="transfers that run, for the load")
    parser.add_argument("--seconds", type=float, default=30, help="for how long token requests are timed, each way")
    parser.add_argument("--postgresql", default="postgres://postgres@127.0.0.1:5432/postgres", help="a server to make scratch databases on")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave WORK.md as it is")
    return parser.parse_args()


def _made(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.mkdir()
    return path


def _ends(asked: argparse.Namespace, server: str) -> list[dict[str, Any]]:
    with ExitStack() as stack:
        var = stack.enter_context(tempfile.TemporaryDirectory())
        mine = {"DEBUG": "1", "VAR_DIR": var, "DJANGO_SETTINGS_MODULE": "bench.settings_product"}
        if server:
            mine["DATABASE_URL"] = stack.enter_context(scratch_database(server))
        command = [sys.executable, "-m", "bench.work_child", str(asked.tokens), str(asked.running)]
        ended = subprocess.run(command, cwd=ROOT, env={**os.environ, **mine}, check=True, stdout=subprocess.PIPE)
        found: list[dict[str, Any]] = json.loads(ended.stdout)
        return found


def _head() -> str:
    return f"""# What work on tokens costs

Written by `python -m bench.work` (which `make bench` calls) on {datetime.now(UTC):%d %b %Y}: {os.cpu_count()} cores, Python
{platform.python_version()}. Client and server share these cores. Load of the machine at the end: {os.getloadavg()[2]:.1f}.
"""


def _about_ends(ends: dict[str, list[dict[str, Any]]], asked: argparse.Namespace) -> str:
    rows = [
        f"| {database} | {one['tokens']:,} | {one['work']:,} | {one['statements']} | {one['ms']:.0f} |"
        for database, found in ends.items()
        for one in found
    ]
    held = all(found[-1]["ms"] <= END_MS and found[0]["statements"] == found[-1]["statements"] for found in ends.values())
    return f"""## Revoking all tokens of a person

Among {asked.tokens:,} tokens. One transaction, with events and records; half of the work are jobs, each with a token of its own, half
uploads. The aim: under {END_MS} ms, and as many statements whatever runs. Held: {_yes(held)}.

| database | tokens ended | work ended | statements | ms |
| --- | --- | --- | --- | --- |
{chr(10).join(rows)}
"""


def _about_bytes(moved: Moved, asked: argparse.Namespace) -> str:
    rows = [f"| {name} | {rate:.0f} |" for name, rate in moved.rates.items()]
    down = moved.rates["the same GET of our file"] / moved.rates["a plain GET of the file"]
    up = moved.rates["the same PUT of one of our parts"] / moved.rates["a plain PUT of the file"]
    return f"""## Bytes

A file of {asked.mib:,} MiB through the real `dx`; then by a bare client on one connection, beside a view of the same server that serves, or
writes, a file and does nothing else. Ours count bytes, look at the token, and sum up what comes (MD5).

| what | MiB a second |
| --- | --- |
{chr(10).join(rows)}

Down {down:.2f}, up {up:.2f} of the plain way. MD5 equal after the way there and back: {_yes(moved.same)}. The memory of the web process
grew by {moved.growth_mib:.0f} MiB at most (aim: under {GROWTH_MIB}; held: {_yes(moved.growth_mib < GROWTH_MIB)}).
"""


def _about_load(loaded: Loaded, asked: argparse.Namespace) -> str:
    parts = (("half", 0.5), ("90 %", 0.9), ("99 %", 0.99))
    rows = [
        f"| {name} | {percentile(loaded.idle, part):.1f} | {percentile(loaded.loaded, part):.1f} "
        f"| {percentile(loaded.loaded, part) / percentile(loaded.idle, part):.1f} |"
        for name, part in parts
    ]
    slower = percentile(loaded.loaded, 0.99) / percentile(loaded.idle, 0.99)
    return f"""## A token request while much runs

`GET /api/v1/me/` on one web process, SQLite, fifty a second, from a process of its own: idle, then beside {asked.jobs} executors
({loaded.beats:.0f} heartbeats a second) and {asked.transfers} transfers ({loaded.megabytes:.0f} MB a second).
The aim: 99 % within {SLOWER:.0f} times of the idle figure. Held: {_yes(slower < SLOWER)}.

| so many within | idle, ms | loaded, ms | times |
| --- | --- | --- | --- |
{chr(10).join(rows)}
"""


def _yes(held: bool) -> str:
    return "yes" if held else "**no**"


if __name__ == "__main__":
    main()
