"""`python -m bench`: measures, prints, and writes bench/RESULTS.md. Every number is a median; the ratios are the point."""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path

import psycopg

from bench import report
from bench.databases import scratch_database
from bench.measure import Django, Timing, interleaved

PAGE = ("bare", "select", "session", "session-touched", "stock", "stock-saving")
TOKEN = ("bare", "token", "me", "session-whole-stack")
ENDING_RUNS = 5


def main() -> None:
    """Measure what was asked for."""
    asked = _arguments()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as directory:
        scratch = Path(directory)
        pages = _requests(asked, scratch)
        endings = {"SQLite": _endings(asked, scratch)}
        try:
            with scratch_database(asked.postgresql, "product") as ours, scratch_database(asked.postgresql, "stock") as theirs:
                endings["PostgreSQL"] = _endings(asked, scratch, ours, theirs)
        except psycopg.OperationalError as error:
            print(f"PostgreSQL is not reachable, and left out: {error}")
    text = report.written(pages, endings, asked)
    print(text)
    if asked.write:
        Path(__file__).with_name("RESULTS.md").write_text(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000, help="people in the table, for requests")
    parser.add_argument("--sessions", type=int, default=100_000, help="sessions in the table, for requests")
    parser.add_argument("--rows", type=int, default=1_000_000, help="sessions in the table, for ending five of them")
    parser.add_argument("--rounds", type=int, default=40, help="rounds in which the cases take turns")
    parser.add_argument("--runs", type=int, default=40, help="runs of a case in each round")
    parser.add_argument(
        "--postgresql", default="postgres://postgres@127.0.0.1:5432/postgres", help="a server to make a scratch database on"
    )
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave RESULTS.md as it is")
    return parser.parse_args()


def _requests(asked: argparse.Namespace, scratch: Path) -> dict[str, Timing]:
    _say("page and token requests")
    with ExitStack() as stack:
        product, stock = (
            stack.enter_context(Django(kind, users=asked.users, sessions=asked.sessions, scratch=scratch)) for kind in ("product", "stock")
        )
        cases = [(stock if case.startswith("stock") else product, case) for case in dict.fromkeys(PAGE + TOKEN)]
        return interleaved(cases, rounds=asked.rounds, runs=asked.runs)


def _endings(asked: argparse.Namespace, scratch: Path, ours: str = "", theirs: str = "") -> dict[str, Timing]:
    """Return the timings of ending one person's five sessions among all rows; decoding them all is timed on a tenth."""
    _say("ending sessions" + (" on PostgreSQL" if ours else " on SQLite"))
    with Django("product", users=asked.rows // 5, sessions=asked.rows, scratch=scratch, database_url=ours) as product:
        found = interleaved([(product, "end"), (product, "delete")], rounds=asked.rounds, runs=ENDING_RUNS, warm_up=ENDING_RUNS)
    sample = asked.rows // 10
    with Django("stock", users=sample // 5, sessions=sample, scratch=scratch, database_url=theirs) as stock:
        decoded = interleaved([(stock, "decode")], rounds=5, runs=1, warm_up=0)["decode"]
    return {**found, "decode": Timing(tuple(10 * time for time in decoded.rounds), decoded.statements)}


def _say(what: str) -> None:
    print(f"Measuring {what} ...", flush=True)


if __name__ == "__main__":
    main()
