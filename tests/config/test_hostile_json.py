"""A stranger's JSON costs the time of reading it once, whatever it holds (API-02)."""

import re

import pytest

from config import strict_json

pytestmark = pytest.mark.once


@pytest.mark.parametrize("tail", [b'"' + b'\\"' * 500_000, b"\\" * 900_000, b'"' * 900_000, b"[" * 900_000, b'"' + b"\\" * 900_001])
def test_api_02_a_long_string_without_an_end_is_looked_at_once(tail: bytes) -> None:
    # Nothing is timed: a pattern that starts again at each quote would not end before the test run does.
    with pytest.raises(ValueError, match="The body"):
        strict_json.parse(b"[" * 33 + tail)


def test_the_pattern_never_goes_back() -> None:
    assert "++" in strict_json._STRING.pattern.decode()
    assert re.fullmatch(strict_json._STRING, b'"a\\"b"')
