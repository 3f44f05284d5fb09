"""One process of the bench: sets up a Django, fills its database, then runs cases as the parent asks for them.

`python -m bench.child product|stock|peers SIZES`, with the fields of Sizes as JSON. It reads lines like
`{"case": "stock", "runs": 50}` and answers each with a list of nanoseconds; `"runs": 0` asks how many SQL statements one run costs.
The first line it writes says that it is ready.
"""

import gc
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import django
from django.core.management import call_command
from django.db import connection

from bench.seeding import roomy
from bench.sizes import Sizes

# Preparing one run (not timed) gives what is timed.
Case = Callable[[], Callable[[], object]]


def main(kind: str, sizes: Sizes) -> None:
    """Serve until standard input ends."""
    django.setup()
    call_command("migrate", verbosity=0)
    module = importlib.import_module(f"bench.cases_{kind}")
    with roomy():
        module.seed(sizes)
    cases: dict[str, Case] = module.cases(sizes)
    # What was made so far lives on; the collector need not look at it again in the midst of a run.
    gc.collect()
    gc.freeze()
    _say("ready")
    for line in sys.stdin:
        asked = json.loads(line)
        case = cases[asked["case"]]
        _say([nanoseconds(case()) for _ in range(asked["runs"])] or statements_of(case))


def nanoseconds(run: Callable[[], object]) -> int:
    """Return how long one run takes."""
    began = time.perf_counter_ns()
    run()
    return time.perf_counter_ns() - began


def statements_of(case: Case) -> int:
    """Return how many SQL statements one run costs once it is warm."""
    seen: list[str] = []

    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    case()()
    run = case()
    with connection.execute_wrapper(count):
        run()
    return len(seen)


def _say(answer: object) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], Sizes(**json.loads(sys.argv[2])))
