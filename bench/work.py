"""What runs on tokens, with a real server: bytes there and back, and a token request beside a load."""

import argparse
import tempfile
from pathlib import Path

from bench import page
from bench.tables import Aim, aims
from bench.work_bytes import MIB, Moved
from bench.work_bytes import measure as measure_bytes
from bench.work_load import Loaded, percentile
from bench.work_load import measure as measure_load
from bench.work_server import running

TITLE = "What work on tokens costs"
GROWTH_MIB, SLOWER = 100, 3.0
EXECUTORS, TRANSFERS, PROBE_SECONDS = 200, 20, 15.0


def sections(asked: argparse.Namespace) -> dict[str, str]:
    """Return the section by its title."""
    with tempfile.TemporaryDirectory() as folder, running(_made(folder, "bytes")) as server:
        moved = measure_bytes(server, Path(folder), asked.mib * MIB)
    with tempfile.TemporaryDirectory() as folder, running(_made(folder, "load")) as server:
        loaded = measure_load(server, jobs=EXECUTORS, transfers=TRANSFERS, seconds=PROBE_SECONDS)
    head = f"## {TITLE}\n\n{page.conditions('python -m bench work')}\n"
    return {TITLE: "\n".join([head, _about_bytes(moved, asked), _about_load(loaded)])}


def _made(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.mkdir()
    return path


def _about_bytes(moved: Moved, asked: argparse.Namespace) -> str:
    rows = [f"| {name} | {rate:.0f} |" for name, rate in moved.rates.items()]
    down = moved.rates["the same GET of our file"] / moved.rates["a plain GET of the file"]
    up = moved.rates["the same PUT of one of our parts"] / moved.rates["a plain PUT of the file"]
    return f"""### Bytes

A file of {asked.mib:,} MiB through the real `dx`; then by a bare client on one connection, beside a view of the same server that serves, or
writes, a file and does nothing else. Ours count bytes, look at the token, and sum up what comes (MD5).

| what | MiB a second |
| --- | --- |
{chr(10).join(rows)}

Down {down:.2f}, up {up:.2f} of the plain way. MD5 equal after the way there and back: {"yes" if moved.same else "**no**"}.

{aims([Aim("growth of the web process meanwhile, MiB", moved.growth_mib, GROWTH_MIB, "{:.0f}")])}"""


def _about_load(loaded: Loaded) -> str:
    parts = (("half", 0.5), ("90 %", 0.9), ("99 %", 0.99))
    rows = [
        f"| {name} | {percentile(loaded.idle, part):.1f} | {percentile(loaded.loaded, part):.1f} "
        f"| {percentile(loaded.loaded, part) / percentile(loaded.idle, part):.1f} |"
        for name, part in parts
    ]
    slower = percentile(loaded.loaded, 0.99) / percentile(loaded.idle, 0.99)
    return f"""### A token request while much runs

`GET /api/v1/me/` on one web process, SQLite, fifty a second, from a process of its own: idle, then beside {EXECUTORS} executors
({loaded.beats:.0f} heartbeats a second) and {TRANSFERS} transfers ({loaded.megabytes:.0f} MB a second).

| so many within | idle, ms | loaded, ms | times |
| --- | --- | --- | --- |
{chr(10).join(rows)}

{aims([Aim("99 % of token requests beside the load, as a multiple of idle", slower, SLOWER)])}"""
