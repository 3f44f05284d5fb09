"""What is measured, part by part: which processes run, and which cases take turns. A `server` is PostgreSQL's address, or ""."""

import argparse

from bench.measure import Django, Timing, Timings, interleaved
from bench.sizes import Sizes

PAGES = ("bare", "select", "session", "session-touched", "session-whole-stack", "stock", "stock-saving")
TOKENS = ("bare", "by-hand", "token", "whoami", "me", "me-noted")
PEERS = ("authtoken", "knox", "knox-many")
GROWING = ("token", "me")
LISTS = ("list", "list-far", "list-ended")
ENDING_RUNS = LIST_RUNS = 5


def pages(asked: argparse.Namespace) -> Timings:
    """Return what the session part of a page request costs on SQLite, ours and stock Django's."""
    sizes = Sizes(users=asked.users, sessions=asked.sessions)
    with Django("product", sizes) as product, Django("stock", sizes) as stock:
        cases = {case: (stock if case.startswith("stock") else product, case) for case in PAGES}
        return interleaved(cases, rounds=asked.rounds, runs=asked.runs)


def tokens(asked: argparse.Namespace, server: str) -> Timings:
    """Return what a token request costs, ours and the peers'."""
    sizes = Sizes(users=asked.users, tokens=asked.tokens)
    with Django("product", sizes, server) as product, Django("peers", sizes, server) as peers:
        cases = {case: (product, case) for case in TOKENS} | {case: (peers, case) for case in PEERS}
        return interleaved(cases, rounds=asked.rounds, runs=asked.runs)


def growth(asked: argparse.Namespace, server: str) -> Timings:
    """Return what a token request costs among a hundredth of the rows ("-few") and among all ("-many")."""
    few, many = Sizes(users=asked.users, tokens=asked.rows // 100), Sizes(users=asked.users, tokens=asked.rows)
    with Django("product", few, server) as small, Django("product", many, server) as large:
        cases = {f"{case}-few": (small, case) for case in GROWING} | {f"{case}-many": (large, case) for case in GROWING}
        return interleaved(cases, rounds=asked.rounds, runs=asked.runs)


def lists(asked: argparse.Namespace, server: str) -> Timings:
    """Return what a page of one person's very long list of tokens costs."""
    with Django("product", Sizes(users=asked.users, tokens=asked.tokens, listed=asked.listed), server) as product:
        cases = {case: (product, case) for case in LISTS}
        return interleaved(cases, rounds=asked.rounds, runs=LIST_RUNS, warm_up=LIST_RUNS)


def endings(asked: argparse.Namespace, server: str) -> Timings:
    """Return the timings of ending one person's five sessions among all rows; decoding them all is timed on a tenth."""
    with Django("product", Sizes(users=asked.rows // 5, sessions=asked.rows), server) as product:
        cases = {case: (product, case) for case in ("end", "delete")}
        found = interleaved(cases, rounds=asked.rounds, runs=ENDING_RUNS, warm_up=ENDING_RUNS)
    sample = asked.rows // 10
    with Django("stock", Sizes(users=sample // 5, sessions=sample), server) as stock:
        decoded = interleaved({"decode": (stock, "decode")}, rounds=5, runs=1, warm_up=0)["decode"]
    return {**found, "decode": Timing(tuple(10 * time for time in decoded.rounds), decoded.statements)}
