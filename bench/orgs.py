"""`python -m bench.orgs`: measures what a policy of a big organization costs, prints, and writes bench/ORGS.md."""

import argparse
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.houses import measured

AIM_MS = 2000


def main() -> None:
    """Measure everything."""
    asked = _arguments()
    found = measured("bench.orgs_policies", asked.members, asked.sessions, server=asked.postgresql)
    text = _report(found, asked)
    print(text)
    if asked.write:
        Path(__file__).with_name("ORGS.md").write_text(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.orgs", description=__doc__)
    parser.add_argument("--members", type=int, default=100_000, help="members of the organization")
    parser.add_argument("--sessions", type=int, default=50_000, help="their live sessions; a quarter as many others beside them")
    parser.add_argument("--postgresql", default="postgres://postgres@127.0.0.1:5432/postgres", help="a server to make scratch databases on")
    parser.add_argument("--no-write", dest="write", action="store_false", help="leave ORGS.md as it is")
    return parser.parse_args()


def _report(found: dict[str, dict[str, Any]], asked: argparse.Namespace) -> str:
    rows = [
        f"| {database} | {act['act']} | {act['rows']:,} | {act['statement_ms']:.0f} | {act['statements']} | {act['ms']:.0f} |"
        for database, one in found.items()
        for act in one["acts"]
    ]
    held = all(act["ms"] <= AIM_MS for one in found.values() for act in one["acts"] if act["act"].startswith("autoLogoutAfter"))
    touches = found.get("PostgreSQL", {}).get("touches")
    return f"""# What a policy of a big organization costs

Written by `python -m bench.orgs` on {datetime.now(UTC):%d %b %Y}: {os.cpu_count()} cores, Python {platform.python_version()}. The databases
share these cores. Load of the machine at the end: {os.getloadavg()[2]:.1f}.

## Setting a policy

{asked.members:,} members with {asked.sessions:,} live sessions, and {asked.sessions // 4:,} sessions of others. One transaction, with the
weighing (whom it hits), event and mail. "The one statement" is the UPDATE of all the rows that change. The aim for autoLogoutAfter: under
{AIM_MS} ms. Held: {"yes" if held else "**no**"}.

| database | act | rows it changes | the one statement, ms | statements | the whole act, ms |
| --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}
{_about_touches(touches) if touches else ""}"""


def _about_touches(touches: dict[str, Any]) -> str:
    quiet, busy = touches["quiet"], touches["busy"]
    return f"""
## Requests of these sessions meanwhile, on PostgreSQL

{touches["threads"]} threads look a session up and note its activity, one after the other, as each request does; first alone, then while an
admin sets autoLogoutAfter. None waits for the rows that the act holds: the longest took {busy["longest_ms"]:.0f} ms, the act
{touches["act_ms"]:.0f} ms.

| | requests | half within, ms | 99 % within, ms | longest, ms |
| --- | --- | --- | --- | --- |
| alone | {quiet["count"]:,} | {quiet["half_ms"]:.1f} | {quiet["most_ms"]:.1f} | {quiet["longest_ms"]:.1f} |
| during the act | {busy["count"]:,} | {busy["half_ms"]:.1f} | {busy["most_ms"]:.1f} | {busy["longest_ms"]:.1f} |
"""


if __name__ == "__main__":
    main()
