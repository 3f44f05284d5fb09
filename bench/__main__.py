"""`python -m bench`: measures all parts, or those that are named, prints them, and writes them into docs/performance.md."""

import argparse
import time
from collections.abc import Callable

from bench import console, load, orgs, page, report, runs, work
from bench.databases import is_reachable

Sections = dict[str, str]


def main() -> None:
    """Measure what was asked for."""
    asked = _arguments()
    began = time.monotonic()
    for name in asked.parts or PARTS:
        part_began = time.monotonic()
        print(f"Measuring {name} ...", flush=True)
        sections = PARTS[name](asked)
        print("\n".join(sections.values()))
        print(f"That took {time.monotonic() - part_began:.0f} s.\n", flush=True)
        if asked.write:
            page.put(sections)
    print(f"All took {(time.monotonic() - began) / 60:.1f} minutes.")


def _requests(asked: argparse.Namespace) -> Sections:
    found = {database: runs.measured(asked, server) for database, server in _servers(asked).items()}
    return report.sections(found, asked)


PARTS: dict[str, Callable[[argparse.Namespace], Sections]] = {
    "requests": _requests,
    "load": lambda asked: load.sections(_servers(asked), asked),
    "work": work.sections,
    "orgs": orgs.sections,
    "console": console.sections,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="what to measure; by default all")
    parser.add_argument("--rows", type=int, default=1_000_000, help="sessions, tokens, people, where there are most")
    parser.add_argument("--listed", type=int, default=10_000, help="tokens of one person, for the list of them")
    parser.add_argument("--members", type=int, default=100_000, help="members of the largest organization")
    parser.add_argument("--rounds", type=int, default=40, help="rounds in which the cases of requests take turns")
    parser.add_argument("--runs", type=int, default=40, help="runs of a case in each round")
    parser.add_argument("--mib", type=int, default=512, help="size of the file that is moved")
    parser.add_argument("--seconds", type=int, default=3, help="for how long wrk runs at each number of connections")
    parser.add_argument("--postgresql", default="postgres://postgres@127.0.0.1:5432/postgres", help="a server to make scratch databases on")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave docs/performance.md as it is")
    return parser.parse_args()


def _servers(asked: argparse.Namespace) -> dict[str, str]:
    if is_reachable(asked.postgresql):
        return {"SQLite": "", "PostgreSQL": asked.postgresql}
    print("PostgreSQL is not reachable, and left out")
    return {"SQLite": ""}


if __name__ == "__main__":
    main()
