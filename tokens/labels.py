"""What a token may be called (TOK-12)."""

from collections.abc import Container
from itertools import count

from accounts.spelling import can_be_seen, clean_line, hides_something
from tokens import limits
from tokens.errors import LabelRefused


def clean(label: str) -> str:
    """Return `label` as it is stored: NFC, without blanks at its ends, 1 to 64 code points. Raises LabelRefused."""
    cleaned = clean_line(label, limits.LABEL_MAX_CHARS)
    if not can_be_seen(cleaned):
        raise LabelRefused(reason="Give the token a label, so that you recognise it later")
    if len(cleaned) > limits.LABEL_MAX_CHARS:
        raise LabelRefused(reason=f"A label has at most {limits.LABEL_MAX_CHARS} characters. Choose a shorter one")
    if hides_something(cleaned):
        raise LabelRefused(reason="A label cannot hold control characters or turn the direction of text. Use plain ones")
    return cleaned


def numbered(label: str, *, taken: Container[str]) -> str:
    """Return `label`, with a number behind it where it is taken: "deploy", "deploy (2)"."""
    return next(one for one in (label if number == 1 else f"{_cut(label, f' ({number})')}" for number in count(1)) if one not in taken)


def replaced(label: str) -> str:
    """Return what a token is called once another one has its label."""
    return _cut(label, " (replaced)")


def made_with(label: str) -> str:
    """Return what a token is called that another one made, where nobody named it."""
    return _cut(label, " (made with it)")


def _cut(label: str, ending: str) -> str:
    return label[: limits.LABEL_MAX_CHARS - len(ending)].rstrip() + ending
