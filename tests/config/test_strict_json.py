"""What strict_json lets through is plain JSON that any database and client can hold (API-02)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.strict_json import DEPTH_MAX, INTEGER_MAX, INTEGER_MIN, parse

pytestmark = pytest.mark.once

NASTY = {
    "key twice": b'{"a": 1, "a": 2}',
    "key twice by escape": b'{"a": 1, "\\u0061": 2}',
    "key twice, deep": b'[{"b": {"a": 1, "a": 2}}]',
    "NaN": b"NaN",
    "infinity": b"[Infinity]",
    "minus infinity": b"[-Infinity]",
    "float beyond double": b"1e400",
    "one beyond 64 bits": b"9223372036854775808",
    "one below 64 bits": b"-9223372036854775809",
    "a million digits": b"1" * 1_000_000,
    "lone high surrogate": b'"\\ud800"',
    "lone low surrogate": b'"\\uDC00"',
    "surrogates the wrong way round": b'"\\udc00\\ud800"',
    "surrogate in a key": b'{"\\ud800": 1}',
    "NUL by escape": b'"\\u0000"',
    "NUL after an escaped backslash": b'"\\\\\\u0000"',
    "NUL itself": b'"\x00"',
    "not UTF-8": b'"\xff"',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "empty": b"",
    "cut off": b'{"a": ',
    "comma at the end": b"[1,]",
    "two values": b"{} {}",
    "one level too deep": b"[" * 33 + b"]" * 33,
    "one level too deep, mixed": b'{"a":[' * 17 + b"]}" * 17,
    "far too deep": b"[" * 500_000 + b"]" * 500_000,
    "far too deep and open": b'{"a":' * 200_000,
    "backslashes without end": b'"' + b"\\" * 1_000_000,
    "too long": b'"' + b"a" * 1024 * 1024 + b'"',
}


@pytest.mark.parametrize("raw", NASTY.values(), ids=NASTY.keys())
def test_api_02_it_is_refused_with_a_sentence(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"^The body .*[^.]$"):
        parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        b"[" * DEPTH_MAX + b"]" * DEPTH_MAX,
        b'"' + b"[" * 100 + b'"',
        b'["' + b'\\"[' * 100 + b'"]',
        str(INTEGER_MAX).encode(),
        str(INTEGER_MIN).encode(),
        b'"\\ud83d\\ude00"',
        b'"\\\\u0000 \\\\ud800"',
        b"[" + b",".join([b"[]"] * 100_000) + b"]",
    ],
)
def test_it_passes_as_the_standard_parser_reads_it(raw: bytes) -> None:
    assert parse(raw) == json.loads(raw)


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
numbers = st.integers(INTEGER_MIN, INTEGER_MAX) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_every_plain_value_comes_back_as_it_was(value: object) -> None:
    assert parse(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_api_02_nothing_but_a_value_error_comes_out_of_noise(raw: bytes) -> None:
    try:
        parse(raw)
    except ValueError:
        return
