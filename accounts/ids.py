"""Public ids: what a stranger may see of a row, drawn at random, so that they tell nothing and cannot be counted."""

import re
import secrets

ALPHABET = "0123456789BFGJKPQVXYZbfgjkpqvxyz"  # 32 letters of the dx protocol, without look-alikes and vowels
ID_CHARS = 24  # 120 bits; the dx client insists on the length
LINK_KEY_BYTES = 32
ID_PATTERN = re.compile(rf"[{ALPHABET}]{{{ID_CHARS}}}")


def new_id() -> str:
    """Return a fresh id of 24 characters, without a prefix."""
    # Five bits of each byte: 32 letters divide 256, so none is likelier. secrets.choice() for each takes fifty times as long.
    return "".join([ALPHABET[byte & 31] for byte in secrets.token_bytes(ID_CHARS)])


def new_key() -> str:
    """Return a fresh key for a mailed link: 256 random bits, safe in a URL. Only its digest is stored."""
    return secrets.token_urlsafe(LINK_KEY_BYTES)


def new_public_id(kind: str) -> str:
    """Return a fresh id as the dx client knows it: `<kind>-` and 24 characters, for example of kind "project"."""
    return f"{kind}-{new_id()}"


def is_public_id(text: str, kind: str) -> bool:
    """Return whether `text` has the form of an id of this kind; whether there is such a row is another question."""
    prefix, _, rest = text.partition("-")
    return prefix == kind and ID_PATTERN.fullmatch(rest) is not None
