"""What a policy of a big organization costs."""

import argparse
from typing import Any

from bench import page
from bench.houses import measured
from bench.tables import Aim, aims

TITLE, AIM_MS = "What a policy of a big organization costs", 2000


def sections(asked: argparse.Namespace) -> dict[str, str]:
    """Return the section by its title."""
    live = asked.members // 2
    return {TITLE: _report(measured("bench.orgs_policies", asked.members, live, server=asked.postgresql), asked.members, live)}


def _report(found: dict[str, dict[str, Any]], members: int, live: int) -> str:
    rows = [
        f"| {database} | {act['act']} | {act['rows']:,} | {act['statement_ms']:.0f} | {act['statements']} | {act['ms']:.0f} |"
        for database, one in found.items()
        for act in one["acts"]
    ]
    wanted = [
        Aim(f"{act['act']} of {act['rows']:,} sessions, ms ({database})", act["ms"], AIM_MS, "{:.0f}")
        for database, one in found.items()
        for act in one["acts"]
        if act["act"].startswith("autoLogoutAfter")
    ]
    touches = found.get("PostgreSQL", {}).get("touches")
    return f"""## {TITLE}

{page.conditions("python -m bench orgs")}

{members:,} members with {live:,} live sessions, and {live // 4:,} sessions of others. One transaction, with the
weighing (whom it hits), event and mail. "The one statement" is the UPDATE of all the rows that change.

| database | act | rows it changes | the one statement, ms | statements | the whole act, ms |
| --- | --- | --- | --- | --- | --- |
{chr(10).join(rows)}

{aims(wanted)}{_about_touches(touches) if touches else ""}"""


def _about_touches(touches: dict[str, Any]) -> str:
    quiet, busy = touches["quiet"], touches["busy"]
    return f"""
### Requests of these sessions meanwhile, on PostgreSQL

{touches["threads"]} threads look a session up and note its activity, one after the other, as each request does; first alone, then while an
admin sets autoLogoutAfter. None waits for the rows that the act holds: the longest took {busy["longest_ms"]:.0f} ms, the act
{touches["act_ms"]:.0f} ms.

| | requests | half within, ms | 99 % within, ms | longest, ms |
| --- | --- | --- | --- | --- |
| alone | {quiet["count"]:,} | {quiet["half_ms"]:.1f} | {quiet["most_ms"]:.1f} | {quiet["longest_ms"]:.1f} |
| during the act | {busy["count"]:,} | {busy["half_ms"]:.1f} | {busy["most_ms"]:.1f} | {busy["longest_ms"]:.1f} |
"""
