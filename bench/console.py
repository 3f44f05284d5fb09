"""`python -m bench.console`: how fast support's lists and the security logs open among a million rows; writes bench/CONSOLE.md."""

import argparse
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.houses import measured

AIM_MS, GROWTH_MIB = 300, 50


def main() -> None:
    """Measure on both databases."""
    asked = _arguments()
    found = measured("bench.console_pages", asked.rows, asked.members, server=asked.postgresql)
    text = _written(found, asked)
    print(text)
    if asked.write:
        Path(__file__).with_name("CONSOLE.md").write_text(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.console", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="people, tokens and events, of each so many")
    parser.add_argument("--members", type=int, default=100_000, help="members of the largest organization")
    parser.add_argument("--postgresql", default="postgres://postgres@127.0.0.1:5432/postgres", help="a server to make scratch databases on")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave CONSOLE.md as it is")
    return parser.parse_args()


def _written(found: dict[str, dict[str, Any]], asked: argparse.Namespace) -> str:
    databases = list(found)
    heads = ["page", *(f"{database}: {what}" for database in databases for what in ("statements", "ms", "first, ms"))]
    by_page = zip(*(found[database]["pages"] for database in databases), strict=True)
    rows = [
        [one[0]["page"], *(cell for page in one for cell in (str(page["statements"]), f"{page['ms']:.0f}", f"{page['first']:.0f}"))]
        for one in by_page
    ]
    pages = [page for database in databases for page in found[database]["pages"]]
    held = all(page["ms"] <= AIM_MS for page in pages)
    counted = any(page["counts"] for page in pages)
    exports = [
        f"| {database} | {export['rows']:,} | {export['per_second']:,.0f} | {export['growth_mib']:.0f} |"
        for database, export in ((database, found[database]["export"]) for database in databases)
    ]
    flat = all(found[database]["export"]["growth_mib"] <= GROWTH_MIB for database in databases)
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *rows])
    return f"""# Lists of a million rows

Written by `python -m bench.console` on {datetime.now(UTC):%d %b %Y}: {os.cpu_count()} cores, Python {platform.python_version()}. Load of
the machine at the end: {os.getloadavg()[2]:.1f}.

{asked.rows:,} people, as many tokens and events; an organization of {asked.members:,}; one person has a tenth of all events. Each page by
Django's test client in the process of the server: the median of five, and the first time.

The aim: each within {AIM_MS} ms (held: {_yes(held)}), no statement counts a whole table (held: {_yes(not counted)}).

{table}

## An export

The log as JSON Lines. The aim: the process grows by {GROWTH_MIB} MiB at most (held: {_yes(flat)}).

| database | events | a second | growth, MiB |
| --- | --- | --- | --- |
{chr(10).join(exports)}
"""


def _yes(held: bool) -> str:
    return "yes" if held else "**no**"


if __name__ == "__main__":
    main()
