"""Spelling of usernames, addresses and passwords, in one place: what two doors call equal must be equal."""

import re
import unicodedata

from accounts import limits

USERNAME_PATTERN = re.compile(r"[a-z][a-z0-9._]{2,29}")


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
