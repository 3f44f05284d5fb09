"""The measured numbers as a page of Markdown."""

import argparse
import os
import platform
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime

import django

from bench.measure import Timings
from bench.sizes import FAR_PAGE
from bench.tables import Aim, aims, timings

BARE = {"bare": "a bare view with a JSON answer, no middleware"}
OURS, BY_HAND = ("session", "ours"), ("by-hand", "b")
_LIST_MS, _LIST_STATEMENTS, _MS = 200, 3, 1000


@dataclass
class Found:
    """What was measured: the pages on SQLite, all else by the name of the database."""

    pages: Timings = field(default_factory=dict)
    tokens: dict[str, Timings] = field(default_factory=dict)
    growth: dict[str, Timings] = field(default_factory=dict)
    lists: dict[str, Timings] = field(default_factory=dict)
    endings: dict[str, Timings] = field(default_factory=dict)


def written(found: Found, asked: argparse.Namespace) -> str:
    """Return the page."""
    return "\n".join(
        [
            "# What things cost\n",
            _conditions("PostgreSQL" in found.tokens),
            _pages(found.pages, asked),
            _about_tokens(asked),
            *(_tokens(database, timed) for database, timed in found.tokens.items()),
            _about_growth(asked),
            *(_growth(database, timed) for database, timed in found.growth.items()),
            _about_lists(asked),
            *(_list(database, timed) for database, timed in found.lists.items()),
            _about_endings(asked),
            *(_ending(database, timed) for database, timed in found.endings.items()),
        ]
    )


def _conditions(with_postgresql: bool) -> str:
    sqlite = ".".join(str(part) for part in sqlite3.sqlite_version_info)
    services = f"SQLite {sqlite} in WAL with a kept connection" + (", PostgreSQL on the same machine" if with_postgresql else "")
    return f"""Written by `make bench` on {datetime.now(UTC):%d %b %Y}: {os.cpu_count()} cores, Python {platform.python_version()},
Django {django.get_version()}, {services}.
In process, without a web server. Each number is a median; beside it, between which values the middle half of the rounds
lay. The cases of a table took turns in each round, and a ratio is the median of the rounds' ratios. Read the ratios: the times
are those of one machine, which did other work too. Its load was {os.getloadavg()[2]:.1f} at the end; about 1 is this bench alone, and above
the number of cores even ratios lean, for a long request is interrupted where a short one is not.
"""


def _pages(timed: Timings, asked: argparse.Namespace) -> str:
    stock = {"stock": "Django: session in the database, and user", "stock-saving": "Django with `SESSION_SAVE_EVERY_REQUEST`"}
    words = BARE | {
        "select": "the same view with one joined SELECT in raw SQL",
        "session": "ours: session and user",
        "session-touched": "ours, in the one request a minute that notes activity",
        **stock,
        "session-whole-stack": "the bare view behind a web session, whole product",
    }
    ours, ours_alone, wanted = timed["session"], timed["session"].less(timed["bare"]), {"stock": 1 / 2, "stock-saving": 1 / 3}
    whole = [Aim(f"ours as a part of: {stock[name]}", ours.ratio_to(timed[name]), wanted[name]) for name in stock]
    part = [
        Aim(f"the same, both less the bare view: {stock[name]}", ours_alone.ratio_to(timed[name].less(timed["bare"])), wanted[name])
        for name in stock
    ]
    return f"""## The session part of a page request

{asked.users:,} people, {asked.sessions:,} sessions, asked for in random order; {asked.rounds} rounds of {asked.runs} runs.
Django gets a cheaper commit (`synchronous=NORMAL`) than the product allows itself (`FULL`, a flush of the disk each time:
the request that notes activity is mostly that flush, and as slow as the disk is busy).

{timings(timed, words, of=OURS)}
{aims([*whole, *part])}"""


def _about_tokens(asked: argparse.Namespace) -> str:
    return f"""## A token request

{asked.users:,} people, {asked.tokens:,} tokens, asked for in random order. **b** is the least that a token in a database costs: a view
without middleware that takes the bearer from the header, makes its SHA-256, finds token and user by one raw SELECT, and
checks nothing. The product's requests go through its whole stack and write their access line to a file.

The peers have a database of their own, of as many people. They get what suits them best: a view that answers four fields of the
person from a plain dict, behind the seven middleware of `startproject`; JSON alone to choose from; the same kept connection, on SQLite
with the cheaper commit, and no line in any log. REST framework's tokens are kept in plain text, one for each person. knox keeps
digests, here by its defaults (SHA-512, ten hours of life, `AUTO_REFRESH` off): ten tokens for each person on average, a tenth of
the people with one, the others with eleven. It loads all tokens of the person at each request. Neither notes when a token was used.
Ours answers the same four fields, and the token's beside them.
"""


def _tokens(database: str, timed: Timings) -> str:
    words = BARE | {
        "by-hand": "b: one SELECT in raw SQL, and SHA-256",
        "token": "the check of a token, in a view without middleware",
        "whoami": "`POST /system/whoami` with a bearer, whole product",
        "me": "`GET /api/v1/me/` with a bearer, whole product",
        "me-noted": "the same, in the one request a minute that notes the use",
        "authtoken": "REST framework's `TokenAuthentication`",
        "knox": "knox, of a person with one token",
        "knox-many": "knox, of a person with eleven tokens",
    }
    me, whoami = timed["me"], timed["whoami"]
    wanted = [
        Aim("`GET /api/v1/me/` as a part of `TokenAuthentication`", me.ratio_to(timed["authtoken"]), 1 / 2),
        Aim("`GET /api/v1/me/` as a part of knox, one token", me.ratio_to(timed["knox"]), 1 / 3),
        Aim("`GET /api/v1/me/` as a part of knox, eleven tokens", me.ratio_to(timed["knox-many"]), 1 / 3),
        Aim("`POST /system/whoami` as a multiple of b", whoami.ratio_to(timed["by-hand"]), 1.8),
    ]
    return f"{timings(timed, words, of=BY_HAND, head=f'request, {database}')}\n{aims(wanted)}"


def _about_growth(asked: argparse.Namespace) -> str:
    return f"""## A token request among few tokens and among many

{asked.users:,} people; the same request among {asked.rows // 100:,} tokens and among {asked.rows:,}, asked for in random order, in two
processes that take turns.
"""


def _growth(database: str, timed: Timings) -> str:
    words = {
        "token-few": "the check of a token, without middleware, among few",
        "token-many": "the same among many",
        "me-few": "`GET /api/v1/me/`, whole product, among few",
        "me-many": "the same among many",
    }
    wanted = [
        Aim("the check of a token, among many as a multiple of among few", timed["token-many"].ratio_to(timed["token-few"]), 1.2),
        Aim("`GET /api/v1/me/`, among many as a multiple of among few", timed["me-many"].ratio_to(timed["me-few"]), 1.2),
    ]
    return f"{timings(timed, words, of=('token-few', 'the check among few'), head=f'request, {database}')}\n{aims(wanted)}"


def _about_lists(asked: argparse.Namespace) -> str:
    return f"""## The list of tokens of a person who has {asked.listed:,} of them

And as many that ended, among {asked.tokens:,} tokens of others. A page of it in a web session, through the whole product.
"""


def _list(database: str, timed: Timings) -> str:
    words = {
        "list": "`GET /profile/tokens/`",
        "list-far": f"page {FAR_PAGE} of it, or its last",
        "list-ended": "`GET /profile/tokens/?ended=1`",
    }
    wanted = [Aim(f"{words[name]}: ms", timed[name].median / _MS, _LIST_MS, "{:.0f}") for name in words]
    wanted += [Aim(f"{words[name]}: statements", timed[name].statements, _LIST_STATEMENTS, "{:d}") for name in words]
    return f"{timings(timed, words, of=('list', 'the first page'), head=f'page, {database}', unit='ms')}\n{aims(wanted)}"


def _about_endings(asked: argparse.Namespace) -> str:
    return f"""## Ending all five sessions of one person

Among {asked.rows:,} rows. Django's own way is to decode every row, for only the data says whose a session is; it was
timed on {asked.rows // 10:,} rows and multiplied by ten. It costs one statement, and one for each match; on SQLite the BEGIN is
counted among the statements. Here a ratio is that of the medians, for Django's way was timed after ours and not in turns with it.
"""


def _ending(database: str, timed: Timings) -> str:
    words = {
        "delete": "one DELETE by the index, and nothing else",
        "end": "ours: `end_sessions`, with the reason kept for each browser and an event for each session",
        "decode": "Django: decode all rows, delete those that match",
    }
    return timings(timed, words, of=("end", "ours"), head=database, unit="ms")
