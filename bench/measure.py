"""Processes that take turns, and what is made of their numbers."""

import json
import os
import random
import statistics
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import IO, Any, Self

from bench.databases import scratch_database
from bench.seeding import SEED
from bench.sizes import Sizes

WARM_UP_RUNS = 200
STOP_SECONDS = 10


class Django:
    """A Django in a process of its own, with a database of its own: SQLite, or on the PostgreSQL `server`; use it in a `with`.

    Inside it fills its database while others do the same; wait for all of them with `ready` before anything is timed.
    """

    def __init__(self, kind: str, sizes: Sizes, server: str = "") -> None:
        self.kind, self._sizes, self._server = kind, sizes, server

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            directory = Path(stack.enter_context(TemporaryDirectory(prefix=f"gatehouse-bench-{self.kind}-")))
            url = stack.enter_context(scratch_database(self._server)) if self._server else f"sqlite:///{directory / 'bench.sqlite3'}"
            # What it logs goes to a file: writing log lines is part of a request, a slow terminal is not.
            self._trouble = directory / "stderr.log"
            self._process = self._started(stack.enter_context(self._trouble.open("wb")), url, directory)
            stack.callback(self._stop)
            self._held = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._held.close()

    def _started(self, log: IO[bytes], database_url: str, directory: Path) -> subprocess.Popen[str]:
        named = {
            "DJANGO_SETTINGS_MODULE": f"bench.settings_{self.kind}",
            "DEBUG": "1",
            "DATABASE_URL": database_url,
            "VAR_DIR": str(directory),
        }
        command = [sys.executable, "-m", "bench.child", self.kind, json.dumps(asdict(self._sizes))]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=os.environ | named, text=True)

    def _stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(STOP_SECONDS)

    def ready(self) -> None:
        """Return once the database is full."""
        self._heard()

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
            raise SystemExit(f"the {self.kind} process ended:\n{self._trouble.read_text()[-4000:]}")
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
        """Return the median of the rounds' ratios: both were timed in the same second, so noise of the machine cancels out.

        Of two that took no turns, the ratio of the medians.
        """
        if len(self.rounds) != len(other.rounds):
            return self.median / other.median
        return statistics.median(mine / theirs for mine, theirs in zip(self.rounds, other.rounds, strict=True))

    def less(self, other: "Timing") -> "Timing":
        """Return what this costs beyond `other`, round by round."""
        return Timing(tuple(mine - theirs for mine, theirs in zip(self.rounds, other.rounds, strict=True)))


Timings = dict[str, Timing]


def interleaved(cases: Mapping[str, tuple[Django, str]], *, rounds: int, runs: int, warm_up: int = WARM_UP_RUNS) -> Timings:
    """Time all cases (by name: where, and what is run there) in turns, in a new order each round; return the timings by name."""
    statements = {name: django.statements(case) for name, (django, case) in cases.items()}
    for django, case in cases.values():
        if warm_up:
            django.time(case, warm_up)
    medians: dict[str, list[float]] = {name: [] for name in cases}
    order, shuffler = list(cases), random.Random(SEED)
    for _ in range(rounds):
        shuffler.shuffle(order)
        for name in order:
            django, case = cases[name]
            medians[name].append(statistics.median(django.time(case, runs)) / 1000)
    return {name: Timing(tuple(medians[name]), statements[name]) for name in cases}
