"""Spelling of usernames, addresses, passwords and names, in one place: what two doors call equal must be equal."""

import re
import unicodedata

from accounts import limits

USERNAME_PATTERN = re.compile(r"[a-z][a-z0-9._]{2,29}")
# Characters that turn the direction of text around: a name could look like another one (UAX 9, section 2).
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters and symbols by category, and blanks to the eye: Hangul fillers and the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control, lone surrogate, line and paragraph separator


def fold_username(typed: str) -> str:
    """Return the form under which a username is stored and looked up: NFKC, lower case, without blanks around it.

    Only the first 150 code points are looked at, so that a megabyte costs nothing (LOG-10).
    """
    head = typed[: limits.USERNAME_TYPED_MAX_CHARS]
    return unicodedata.normalize("NFKC", head).strip().lower()


def fold_email(typed: str) -> str:
    """Return the form under which an address is stored and compared: NFKC, lower case, without blanks around it."""
    return unicodedata.normalize("NFKC", typed).strip().lower()


def normalise_password(typed: str) -> str:
    """Return the password as it is hashed and checked: NFKC, nothing trimmed, nothing cut (LOG-12)."""
    return unicodedata.normalize("NFKC", typed)


def clean_line(typed: str) -> str:
    """Return a name or label as it is stored and compared: NFC, without blanks around it."""
    return unicodedata.normalize("NFC", typed).strip()


def can_be_seen(text: str) -> bool:
    """Return whether at least one character of `text` leaves a mark on the page."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANK for char in text)


def hides_something(text: str) -> bool:
    """Return whether `text` holds control characters, or characters that turn its direction."""
    return any(char in _BIDI or unicodedata.category(char) in _HIDDEN_CATEGORIES for char in text)
