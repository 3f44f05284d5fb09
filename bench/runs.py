"""What is measured, part by part: which processes run, and which cases take turns. A `server` is PostgreSQL's address, or ""."""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from bench.measure import Django, Timing, Timings, interleaved
from bench.sizes import Sizes

PAGES = ("bare", "select", "session", "session-touched", "session-whole-stack", "stock", "stock-saving")
TOKENS = ("bare", "by-hand", "token", "whoami", "me", "me-noted")
PEERS = ("authtoken", "knox", "knox-many")
GROWING = ("token", "me")
LISTS = ("list", "list-far", "list-ended")
LOGINS = ("argon2", "login", "login-dx")
ENDS = ("end", "delete", "revoke", "policy")
SLOW_ROUNDS, SLOW_RUNS = 12, 3  # of cases that take milliseconds
DECODING_ROUNDS = 3
EACH = 5  # sessions, and tokens, of each person
GOVERNED, LOGGING_IN = 200, 200


@dataclass
class Found:
    """What was measured on one database; `ends` by the rows in the tables, `pages` on SQLite alone."""

    tokens: Timings
    growth: Timings
    lists: Timings
    logins: Timings
    ends: dict[int, Timings]
    work: Timings
    decode: Timing
    pages: Timings = field(default_factory=dict)


def measured(asked: argparse.Namespace, server: str) -> Found:
    """Return what requests, logins and ends cost among a hundredth of all rows, a tenth, and all, ours and the peers'."""
    few, some, many = (asked.rows // part for part in (100, 10, 1))
    with _ready(_ours(few), _ours(some, listed=asked.listed), _ours(many), *_peers(asked, some), server=server) as processes:
        small, middle, large, peers, stock = processes
        # Last what takes rows away.
        return Found(
            pages={} if server else _pages(middle, stock, asked),
            tokens=_tokens(middle, peers, asked),
            growth=_growth(small, large, asked),
            lists=_slow(middle, LISTS),
            logins=_slow(middle, LOGINS),
            ends=_ends({few: small, some: middle, many: large}),
            work=_slow(large, ("work-few", "work-many"), rounds=3, runs=1),
            decode=_decode(stock, many // some),
        )


def _ours(rows: int, *, listed: int = 0) -> tuple[str, Sizes]:
    users = rows // EACH
    first = {"members": min(GOVERNED, users), "logins": min(LOGGING_IN, users)}
    return "product", Sizes(users=users, sessions=rows, tokens=rows, listed=listed, **first)


def _peers(asked: argparse.Namespace, rows: int) -> list[tuple[str, Sizes]]:
    users = rows // EACH
    return [("peers", Sizes(users=users)), ("stock", Sizes(users=users, sessions=rows))]


@contextmanager
def _ready(*wanted: tuple[str, Sizes], server: str) -> Iterator[Sequence[Django]]:
    with ExitStack() as stack:
        processes = [stack.enter_context(Django(kind, sizes, server)) for kind, sizes in wanted]
        for process in processes:
            process.ready()
        yield processes


def _pages(product: Django, stock: Django, asked: argparse.Namespace) -> Timings:
    cases = {case: (stock if case.startswith("stock") else product, case) for case in PAGES}
    return interleaved(cases, rounds=asked.rounds, runs=asked.runs)


def _tokens(product: Django, peers: Django, asked: argparse.Namespace) -> Timings:
    cases = {case: (product, case) for case in TOKENS} | {case: (peers, case) for case in PEERS}
    return interleaved(cases, rounds=asked.rounds, runs=asked.runs)


def _growth(small: Django, large: Django, asked: argparse.Namespace) -> Timings:
    cases = {f"{case}-few": (small, case) for case in GROWING} | {f"{case}-many": (large, case) for case in GROWING}
    return interleaved(cases, rounds=asked.rounds, runs=asked.runs)


def _slow(product: Django, cases: Sequence[str], *, rounds: int = SLOW_ROUNDS, runs: int = SLOW_RUNS) -> Timings:
    return interleaved({case: (product, case) for case in cases}, rounds=rounds, runs=runs, warm_up=runs)


def _ends(processes: dict[int, Django]) -> dict[int, Timings]:
    """Return the timings by the number of rows; those of all sizes took turns."""
    cases = {f"{case} {rows}": (process, case) for rows, process in processes.items() for case in ENDS}
    found = interleaved(cases, rounds=SLOW_ROUNDS, runs=SLOW_RUNS, warm_up=SLOW_RUNS)
    return {rows: {case: found[f"{case} {rows}"] for case in ENDS} for rows in processes}


def _decode(stock: Django, times: int) -> Timing:
    """Return how long stock Django looks for the sessions of one person among all rows: timed on some, and multiplied."""
    found = interleaved({"decode": (stock, "decode")}, rounds=DECODING_ROUNDS, runs=1, warm_up=0)["decode"]
    return Timing(tuple(times * time for time in found.rounds), found.statements)
