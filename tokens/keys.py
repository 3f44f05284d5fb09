"""The text of a token: minted from `secrets`, recognised by its checksum, stored as SHA-256 only (DESIGN 2.4, 3)."""

import re
import secrets
import string
import zlib

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
MARK = "ght_"  # lets scanners recognise a leaked token
RANDOM_CHARS = 22  # log2(62 ** 22) = 131 bits
CHECKSUM_CHARS = 6  # 62 ** 6 > 2 ** 32: holds any CRC-32
HEAD_CHARS = len(MARK) + RANDOM_CHARS
_PAIRS = [first + second for first in ALPHABET for second in ALPHABET]  # two digits at a time
_FORM = re.compile(rf"{MARK}[0-9A-Za-z]{{{RANDOM_CHARS + CHECKSUM_CHARS}}}", re.ASCII)


def mint() -> str:
    """Return the text of a new token: 32 characters, 131 random bits, distributed evenly (`secrets.choice`)."""
    head = MARK + "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARS))
    return head + checksum(head)


def checksum(head: str) -> str:
    """Return the CRC-32 of `head` as six base-62 digits, the most significant first. No secret: it catches typos."""
    rest, low = divmod(zlib.crc32(head.encode("ascii")), len(_PAIRS))
    high, middle = divmod(rest, len(_PAIRS))
    return _PAIRS[high] + _PAIRS[middle] + _PAIRS[low]


def well_formed(text: str) -> bool:
    """Return whether `text` can be a token at all: its form and its checksum are right. Costs no query."""
    return _FORM.fullmatch(text) is not None and checksum(text[:HEAD_CHARS]) == text[HEAD_CHARS:]
