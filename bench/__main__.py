"""`python -m bench`: measures, prints, and writes bench/RESULTS.md. Every number is a median; the ratios are the point."""

import argparse
from pathlib import Path

from bench import report, runs
from bench.databases import is_reachable


def main() -> None:
    """Measure what was asked for."""
    asked, found = _arguments(), report.Found()
    _say("page requests on SQLite")
    found.pages = runs.pages(asked)
    for database, server in _servers(asked.postgresql).items():
        for what, measure, into in (
            ("token requests", runs.tokens, found.tokens),
            ("token requests among few and among many", runs.growth, found.growth),
            ("a long list", runs.lists, found.lists),
            ("the end of sessions", runs.endings, found.endings),
        ):
            _say(f"{what} on {database}")
            into[database] = measure(asked, server)
    text = report.written(found, asked)
    print(text)
    if asked.write:
        Path(__file__).with_name("RESULTS.md").write_text(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--users", type=int, default=10_000, help="people in the table, for requests")
    parser.add_argument("--sessions", type=int, default=100_000, help="sessions in the table, for page requests")
    parser.add_argument("--tokens", type=int, default=100_000, help="tokens in the table, for token requests")
    parser.add_argument("--listed", type=int, default=10_000, help="tokens of one person, for the list of them")
    parser.add_argument(
        "--rows", type=int, default=1_000_000, help="sessions in the table, for ending five of them; tokens, for how requests grow"
    )
    parser.add_argument("--rounds", type=int, default=40, help="rounds in which the cases take turns")
    parser.add_argument("--runs", type=int, default=40, help="runs of a case in each round")
    parser.add_argument("--postgresql", default="postgres://postgres@127.0.0.1:5432/postgres", help="a server to make scratch databases on")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave RESULTS.md as it is")
    return parser.parse_args()


def _servers(postgresql: str) -> dict[str, str]:
    if is_reachable(postgresql):
        return {"SQLite": "", "PostgreSQL": postgresql}
    print("PostgreSQL is not reachable, and left out")
    return {"SQLite": ""}


def _say(what: str) -> None:
    print(f"Measuring {what} ...", flush=True)


if __name__ == "__main__":
    main()
