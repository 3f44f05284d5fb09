"""What the tests of settings, logs and errors share."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.logs import SafeFilter, SafeFormatter

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What the handler of the settings would write while the test runs."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(SafeFilter())
    handler.setFormatter(SafeFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.removeHandler(handler)
