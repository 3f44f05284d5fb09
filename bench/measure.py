"""Processes that take turns, and what is made of their numbers."""

import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.seeding import SEED

WARM_UP_RUNS = 200
STOP_SECONDS = 10


class Django:
    """A Django in a process of its own, with a database of its own; use it in a `with`."""

    def __init__(self, kind: str, *, users: int, sessions: int, scratch: Path, database_url: str = "") -> None:
        self.kind = kind
        self.trouble = scratch / f"{kind}-{users}-{sessions}.log"
        url = database_url or f"sqlite:///{scratch / f'{kind}-{users}-{sessions}.sqlite3'}"
        self._environ = {**os.environ, "DJANGO_SETTINGS_MODULE": f"bench.settings_{kind}", "DEBUG": "1", "DATABASE_URL": url}
        self._environ["VAR_DIR"] = str(scratch)
        self._command = [sys.executable, "-m", "bench.child", kind, str(users), str(sessions)]

    def __enter__(self) -> Self:
        # What it logs goes to a file: writing log lines is part of a request, a slow terminal is not.
        self._log = self.trouble.open("wb")
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, env=self._environ, text=True
        )
        self._heard()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(STOP_SECONDS)
        self._log.close()

    def time(self, case: str, runs: int) -> list[int]:
        """Return the nanoseconds of each of `runs` runs."""
        times: list[int] = self._ask(case, runs)
        return times

    def statements(self, case: str) -> int:
        """Return how many SQL statements one run costs, once it is warm."""
        return int(self._ask(case, 0))

    def _ask(self, case: str, runs: int) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"case": case, "runs": runs}) + "\n")
        self._process.stdin.flush()
        return self._heard()

    def _heard(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the {self.kind} process ended:\n{self.trouble.read_text()[-4000:]}")
        return json.loads(line)


@dataclass(frozen=True)
class Timing:
    """The medians of each round, in microseconds."""

    rounds: tuple[float, ...]
    statements: int = 0

    @property
    def median(self) -> float:
        """The median of the rounds."""
        return statistics.median(self.rounds)

    @property
    def quartiles(self) -> tuple[float, float]:
        """Between these lies the middle half of the rounds."""
        low, _, high = statistics.quantiles(self.rounds, n=4)
        return low, high

    def ratio_to(self, other: "Timing") -> float:
        """Return the median of the rounds' ratios: both were timed in the same second, so noise of the machine cancels out."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.rounds, other.rounds, strict=True))

    def less(self, other: "Timing") -> "Timing":
        """Return what this costs beyond `other`, round by round."""
        return Timing(tuple(mine - theirs for mine, theirs in zip(self.rounds, other.rounds, strict=True)))


def interleaved(cases: Sequence[tuple[Django, str]], *, rounds: int, runs: int, warm_up: int = WARM_UP_RUNS) -> dict[str, Timing]:
    """Time all cases in turns, in a new order each round, and return the timings by case."""
    statements = {case: django.statements(case) for django, case in cases}
    for django, case in cases:
        if warm_up:
            django.time(case, warm_up)
    medians: dict[str, list[float]] = {case: [] for _, case in cases}
    order, shuffler = list(cases), random.Random(SEED)
    for _ in range(rounds):
        shuffler.shuffle(order)
        for django, case in order:
            medians[case].append(statistics.median(django.time(case, runs)) / 1000)
    return {case: Timing(tuple(medians[case]), statements[case]) for django, case in cases}
