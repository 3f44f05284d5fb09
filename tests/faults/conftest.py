"""What faults are tested with: a server that dies at a point, and an exact picture of the database."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.house import Database, House, house


@pytest.fixture
def dying_house(plan: Database, tmp_path: Path) -> Iterator[Callable[[str], House]]:
    """Starts a server that a fail-point kills."""
    with ExitStack() as stack:
        yield lambda point: stack.enter_context(house(plan, tmp_path / "house", FAILPOINTS=f"{point}=kill"))
