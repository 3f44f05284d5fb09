"""docs/performance.md: sections that are measured one at a time, and a summary of all their aims at its head."""

import os
import platform
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from bench.tables import table

PAGE = Path(__file__).resolve().parents[1] / "docs" / "performance.md"
AIMS = "Aims"
# In the order of the page. What is measured again takes the place of what stood there.
ORDER = (
    AIMS,
    "The session part of a page request",
    "A token request",
    "A token request among few tokens and among many",
    "A login",
    "Ends of sessions and tokens among few rows and among many",
    "Load",
    "Memory and start",
    "The list of tokens of a person who has 10,000 of them",
    "What work on tokens costs",
    "What a policy of a big organization costs",
    "Lists of a million rows",
    "A soak",
)
HEAD = """# What things cost

Written by `make bench`, the soak by `make soak`; nothing here is written by hand. Read the ratios: the times are those of one machine.
"""
_NAMED = re.compile(r"\((SQLite|PostgreSQL)\)")
_AIM_HEADS = "| aim | measured | wanted | held |"


def conditions(command: str) -> str:
    """Return the sentence that says where and when a section was measured, and how to do it again."""
    return (
        f"Measured by `{command}` on {datetime.now(UTC):%d %b %Y}: {os.cpu_count()} cores, Python {platform.python_version()};"
        f" load of the machine at the end {os.getloadavg()[0]:.1f}."
    )


def put(sections: Mapping[str, str]) -> None:
    """Write these sections (by title, each with its heading) into the page, and the summary of all aims anew."""
    there = _sections(PAGE.read_text()) if PAGE.exists() else {}
    known = {title: text.strip() + "\n" for title, text in {**there, **sections}.items() if title in ORDER and title != AIMS}
    ordered = [known[title] for title in ORDER if title in known]
    PAGE.write_text("\n".join([HEAD, _summary(known), *ordered]))


def _sections(text: str) -> dict[str, str]:
    parts = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    return {part.split("\n", 1)[0].removeprefix("## "): part for part in parts}


def _summary(sections: Mapping[str, str]) -> str:
    rows = [[f"[{title}](#{_anchor(title)})", *aim] for title in ORDER if title in sections for aim in _aims(sections[title])]
    missed = sum(row[-1] != "yes" for row in rows)
    return f"""## {AIMS}

{len(rows)} aims, {missed} of them not held.

{table(["section", "aim", "measured", "wanted", "held"], rows)}"""


def _aims(text: str) -> list[list[str]]:
    """Return the rows of all tables of aims in a section; where a database is named above such a table, with its name."""
    rows, database, inside = [], "", False
    for line in text.splitlines():
        named = re.match(r"\| [\w ,]*?(SQLite|PostgreSQL) \|", line)
        database = named[1] if named else "" if line.startswith("#") else database
        if line == _AIM_HEADS:
            inside = True
        elif inside and line.startswith("| ") and not line.startswith("| ---"):
            what, *rest = (cell.strip() for cell in line.strip("|").split(" | "))
            rows.append([f"{what} ({database})" if database and not _NAMED.search(what) else what, *rest])
        elif not line.startswith("|"):
            inside = False
    return rows


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
