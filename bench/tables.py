"""Timings as tables of Markdown; whether an aim is held is computed here, never written by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.measure import Timing

_MICROSECONDS = {"µs": 1, "ms": 1000}


@dataclass(frozen=True)
class Aim:
    """Something measured that must be no more than `most`; `form` is how both numbers are written."""

    what: str
    measured: float
    most: float
    form: str = "{:.2f}"

    @property
    def row(self) -> list[str]:
        """The aim as cells of a table."""
        held = "yes" if self.measured <= self.most else "no"
        return [self.what, self.form.format(self.measured), f"at most {self.form.format(self.most)}", held]


def aims(rows: Sequence[Aim]) -> str:
    """Return the table of what was aimed at, and whether it is held."""
    return table(["aim", "measured", "wanted", "held"], [row.row for row in rows])


def timings(found: Mapping[str, Timing], words: Mapping[str, str], *, of: tuple[str, str], head: str = "request", unit: str = "µs") -> str:
    """Return a row for each of `words` (by case: how it is called), as a multiple of the case `of` (and how that is called)."""
    base, base_words = of
    heads = [head, "statements", unit, "middle half", f"as a multiple of {base_words}"]
    return table(heads, [[words[name], *_cells(found[name], found[base], _MICROSECONDS[unit])] for name in words])


def _cells(timing: Timing, base: Timing, unit: int) -> list[str]:
    low, high = timing.quartiles
    form = "{:,.0f}" if unit == 1 else "{:,.1f}"
    median, low_words, high_words = (form.format(time / unit) for time in (timing.median, low, high))
    return [str(timing.statements), median, f"{low_words}–{high_words}", f"{timing.ratio_to(base):.2f}"]


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown, with an empty line after it."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
