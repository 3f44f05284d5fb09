"""How fast support's lists and the security logs open among a million rows."""

import argparse
from typing import Any

from bench import page
from bench.houses import measured
from bench.tables import Aim, aims

TITLE, AIM_MS, GROWTH_MIB = "Lists of a million rows", 300, 50


def sections(asked: argparse.Namespace) -> dict[str, str]:
    """Return the section by its title."""
    return {TITLE: _written(measured("bench.console_pages", asked.rows, asked.members, server=asked.postgresql), asked)}


def _written(found: dict[str, dict[str, Any]], asked: argparse.Namespace) -> str:
    databases = list(found)
    heads = ["page", *(f"{database}: {what}" for database in databases for what in ("statements", "ms", "first, ms"))]
    by_page = zip(*(found[database]["pages"] for database in databases), strict=True)
    rows = [
        [one[0]["page"], *(cell for it in one for cell in (str(it["statements"]), f"{it['ms']:.0f}", f"{it['first']:.0f}"))]
        for one in by_page
    ]
    wanted = [aim for database in databases for aim in _wanted(database, found[database])]
    exports = [
        f"| {database} | {export['rows']:,} | {export['per_second']:,.0f} | {export['growth_mib']:.0f} |"
        for database, export in ((database, found[database]["export"]) for database in databases)
    ]
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in [heads, ["---"] * len(heads), *rows])
    return f"""## {TITLE}

{page.conditions("python -m bench console")}

{asked.rows:,} people, as many tokens and events; an organization of {asked.members:,}; one person has a tenth of all events. Each page by
Django's test client in the process of the server: the median of five, and the first time.

{table}

The log as JSON Lines:

| database | events | a second | growth, MiB |
| --- | --- | --- | --- |
{chr(10).join(exports)}

{aims(wanted)}"""


def _wanted(database: str, found: dict[str, Any]) -> list[Aim]:
    pages, export = found["pages"], found["export"]
    return [
        Aim(f"the slowest page, ms ({database})", max(one["ms"] for one in pages), AIM_MS, "{:.0f}"),
        Aim(f"statements that count a whole table ({database})", sum(bool(one["counts"]) for one in pages), 0, "{:d}"),
        Aim(f"growth of the process by an export, MiB ({database})", export["growth_mib"], GROWTH_MIB, "{:.0f}"),
    ]
