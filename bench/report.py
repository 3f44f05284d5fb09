"""The measured numbers as a page of Markdown."""

import argparse
import os
import platform
import sqlite3
from collections.abc import Mapping
from datetime import UTC, datetime

import django

from bench.measure import Timing

NAMES = {
    "bare": "a bare view with a JSON answer, no middleware",
    "select": "the same view with one joined SELECT in raw SQL",
    "session": "ours: session and user",
    "session-touched": "ours, in the one request a minute that notes activity",
    "stock": "Django: session in the database, and user",
    "stock-saving": "Django with `SESSION_SAVE_EVERY_REQUEST`",
    "token": "the check of a token, in a view without middleware",
    "me": "`GET /api/v1/me/` with a bearer, whole product",
    "session-whole-stack": "the bare view behind a web session, whole product",
}
WORDS = {"session": "ours", "select": "the raw SELECT"}


def written(requests: Mapping[str, Timing], endings: Mapping[str, Mapping[str, Timing]], asked: argparse.Namespace) -> str:
    """Return the page."""
    return "\n".join(
        [
            "# What things cost\n",
            _conditions("PostgreSQL" in endings),
            "## The session part of a page request\n",
            f"{asked.users:,} people, {asked.sessions:,} sessions, asked for in random order; {asked.rounds} rounds of {asked.runs} runs.",
            "Django gets a cheaper commit (`synchronous=NORMAL`) than the product allows itself (`FULL`, a flush of the disk each time:",
            "the request that notes activity is mostly that flush, and as slow as the disk is busy).\n",
            _table(requests, ["bare", "select", "session", "session-touched", "stock", "stock-saving"], of="session"),
            _aims(requests),
            "## A token request\n",
            f"{asked.users:,} people, {min(asked.sessions, 100_000):,} tokens.\n",
            _table(requests, ["bare", "select", "token", "me", "session-whole-stack"], of="select"),
            "## Ending all five sessions of one person\n",
            f"Among {asked.rows:,} rows. Django's own way is to decode every row, for only the data says whose a session is; it was",
            f"timed on {asked.rows // 10:,} rows and multiplied by ten. On SQLite the BEGIN is counted among the statements.",
            "Here a ratio is that of the medians, for Django's way was timed after ours and not in turns with it.\n",
            *(_ending(database, timings) for database, timings in endings.items()),
        ]
    )


def _conditions(with_postgresql: bool) -> str:
    sqlite = ".".join(str(part) for part in sqlite3.sqlite_version_info)
    services = f"SQLite {sqlite} in WAL with a kept connection" + (", PostgreSQL on the same machine" if with_postgresql else "")
    return f"""Written by `make bench` on {datetime.now(UTC):%d %b %Y}: {os.cpu_count()} cores, Python {platform.python_version()},
Django {django.get_version()}, {services}.
In process, without a web server. Each number is a median; beside it, between which values the middle half of the rounds
lay. The cases took turns in each round, and a ratio is the median of the rounds' ratios. Read the ratios: the times are
those of one machine, which did other work too.
"""


def _table(timings: Mapping[str, Timing], names: list[str], *, of: str) -> str:
    lines = [f"| request | statements | µs | middle half | as a multiple of {WORDS[of]} |", "|---|---|---|---|---|"]
    for name in names:
        timing = timings[name]
        low, high = timing.quartiles
        ratio = timing.ratio_to(timings[of])
        lines.append(f"| {NAMES[name]} | {timing.statements} | {timing.median:,.0f} | {low:,.0f}–{high:,.0f} | {ratio:.2f} |")
    return "\n".join(lines) + "\n"


def _aims(timings: Mapping[str, Timing]) -> str:
    bare, ours = timings["bare"], timings["session"]
    lines = [
        "| ours as a part of | whole request | session part alone (less the bare view) | aim | held |",
        "|---|---|---|---|---|",
    ]
    for name, aim in (("stock", 1 / 2), ("stock-saving", 1 / 3)):
        whole, part = ours.ratio_to(timings[name]), ours.less(bare).ratio_to(timings[name].less(bare))
        held = "yes" if max(whole, part) <= aim else "no"
        lines.append(f"| {NAMES[name]} | {whole:.2f} | {part:.2f} | at most {aim:.2f} | {held} |")
    return "\n".join(lines) + "\n"


def _ending(database: str, timings: Mapping[str, Timing]) -> str:
    names = {
        "delete": "one DELETE by the index, and nothing else",
        "end": "ours: `end_sessions`, with the reason kept for each browser and an event for each session",
        "decode": "Django: decode all rows, delete those that match",
    }
    lines = [f"| {database} | statements | ms | middle half | as a multiple of ours |", "|---|---|---|---|---|"]
    ours = timings["end"].median
    for name, words in names.items():
        timing = timings[name]
        low, high = timing.quartiles
        statements = "one, and one a match" if name == "decode" else str(timing.statements)
        lines.append(
            f"| {words} | {statements} | {timing.median / 1000:,.1f} | {low / 1000:,.1f}–{high / 1000:,.1f} | {timing.median / ours:,.2f} |"
        )
    return "\n".join(lines) + "\n"
