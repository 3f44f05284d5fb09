"""What a soak found, as a section of docs/performance.md."""

from collections import Counter

from bench import page
from bench.soak.replay import Replay

TITLE = "A soak"
SHOWN = 5


def written(replay: Replay, *, knee: float | None, rate: float, seconds: float) -> str:
    """Return the section."""
    acts = Counter(entry.act for entry in replay.entries)
    done = Counter(entry.act for entry in replay.entries if entry.done)
    rows = "\n".join(f"| {act} | {count:,} | {done[act]:,} |" for act, count in sorted(acts.items()))
    rules = "\n".join(f"| {rule} | {len(found)} |" for rule, found in replay.broken.items())
    lost = [entry for entry in replay.entries if entry.is_lost]
    part = f": 70 % of the {knee:.0f} that it reached without a pause, just before" if knee else ""
    windows = ", ".join(f"{window.end - window.start:.1f} s" for window in replay.windows)
    return f"""## {TITLE}

{page.conditions("python -m bench.soak --write")}

Two web processes with PostgreSQL and Redis of their own; {seconds / 60:g} minutes of mixed traffic at {rate:.0f} requests a second{part}.
PostgreSQL was stopped and started after a third, and crashed after two thirds of the time (it was away for {windows}).
{len(lost):,} of {len(replay.entries):,} requests had no answer or an error of the server.

Each client wrote down what it sent and saw; each request had a name of its own, which stands in the events that it caused.
Afterwards this was held against the {len(replay.events):,} events of the security log. Acts ended {len(replay.ended):,} sessions and
tokens; {replay.tried_after:,} requests came with one of these later.

| broken | times |
| --- | --- |
{rules}
{_examples(replay)}
| request | sent | answered as done |
| --- | --- | --- |
{rows}
"""


def _examples(replay: Replay) -> str:
    lines = [f"- {rule}: {sentence}" for rule, found in replay.broken.items() for sentence in found[:SHOWN]]
    return "\n" + "\n".join(lines) + "\n" if lines else ""


def into_page(text: str) -> None:
    """Put the section into docs/performance.md."""
    page.put({TITLE: text})
