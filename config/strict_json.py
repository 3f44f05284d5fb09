"""JSON from strangers: refuses what the standard parser lets through and what follows would trip over (API-02)."""

import json
import math
import re

BODY_MAX_BYTES = 1024 * 1024
DEPTH_MAX = 32
INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1
_INTEGER_MAX_CHARS = 20
# Possessive, and it takes a string without an end too: each byte is looked at once, whatever a stranger sends.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_NUL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse(raw: bytes) -> object:
    """Return the value of the JSON text in `raw`.

    Raises ValueError, with a sentence, for all that RFC 8259 refuses, and beyond it for: more than 1 MiB, more than
    32 levels, text that is not UTF-8, a key that comes twice, NaN and infinities, integers beyond 64 bits, NUL
    characters and lone surrogates.
    """
    if len(raw) > BODY_MAX_BYTES:
        raise ValueError("The body is longer than 1 MiB")
    _require_shallow(raw)
    if _NUL_ESCAPE.search(raw):
        raise ValueError("The body holds a NUL character")
    try:
        value = _DECODER.decode(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("The body is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    _require_whole_characters(raw, value)
    return value


def _require_shallow(raw: bytes) -> None:
    if raw.count(b"[") + raw.count(b"{") <= DEPTH_MAX:
        return
    # Each round takes away the innermost level of all brackets at once; the parser itself says whether they match.
    brackets = _STRING.sub(b"", raw).translate(bytes.maketrans(b"{}", b"[]"), delete=_NOT_BRACKETS)
    for _ in range(DEPTH_MAX):
        brackets = brackets.replace(b"[]", b"")
    if b"[]" in brackets or brackets.count(b"[") > DEPTH_MAX:
        raise ValueError(f"The body is nested deeper than {DEPTH_MAX} levels")


def _require_whole_characters(raw: bytes, value: object) -> None:
    if not _SURROGATE_ESCAPE.search(raw):
        return
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("The body holds half of a surrogate pair") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("The body names a key twice")
    return value


def _no_constant(name: str) -> object:
    raise ValueError(f"The body holds {name}, which is no JSON number")


def _integer(text: str) -> int:
    # The length first: turning a million digits into a number takes seconds.
    if len(text) > _INTEGER_MAX_CHARS or not INTEGER_MIN <= int(text) <= INTEGER_MAX:
        raise ValueError("The body holds a whole number beyond 64 bits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("The body holds a number that is too large")
    return number


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_integer, parse_float=_finite)
