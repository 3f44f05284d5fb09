"""Spelling of usernames, addresses, passwords and names, in one place: what two doors call equal must be equal."""

import re
import unicodedata

from accounts import limits

USERNAME_PATTERN = re.compile(r"[a-z][a-z0-9._]{2,29}")
# Characters that turn the direction of text around: a name could look like another one (UAX 9, section 2).
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Letters and symbols by category, and blanks to the eye: Hangul fillers and the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# Control, format (of no width), lone surrogate, line and paragraph separator.
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")  # of format, too, but Persian and Hindi words, and emoji, are written with them
_RAW_FACTOR = 4  # how much longer a text may be before it is normalised, which takes time that grows with the square


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


def clean_line(typed: str, most: int) -> str:
    """Return a name or label as it is stored and compared: NFC, without blanks around it.

    It may be longer than `most` code points, which the caller refuses; of a text that is much too long only a head comes back.
    """
    trimmed = typed.strip()
    if len(trimmed) > _RAW_FACTOR * most:
        return trimmed[: most + 1]
    return unicodedata.normalize("NFC", trimmed).strip()


def can_be_seen(text: str) -> bool:
    """Return whether at least one character of `text` leaves a mark on the page."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _BLANK for char in text)


def hides_something(text: str) -> bool:
    """Return whether `text` holds characters that nobody sees: control, of no width, or turning its direction.

    A joiner is one where it joins nothing: at an end, or beside a character that is no part of a word.
    """
    return any(_is_hidden(text, place, char) for place, char in enumerate(text))


def _is_hidden(text: str, place: int, char: str) -> bool:
    if char in _JOINERS:
        around = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
        return len(around) < 2 or not all(ord(beside) > 0x7F for beside in around)
    return char in _BIDI or unicodedata.category(char) in _HIDDEN_CATEGORIES
