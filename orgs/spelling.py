"""Handles and names of organizations as they are stored; people as they are named."""

import re

from accounts.spelling import can_be_seen, clean_line, fold_username, hides_something
from orgs import limits
from orgs.errors import HandleRefused, OrgValueRefused
from orgs.models import HANDLE_PATTERN

USER_PREFIX = "user-"
_HANDLE = re.compile(HANDLE_PATTERN, re.ASCII)


def clean_handle(typed: str) -> str:
    """Return the handle of an organization: 3 to 30 of a-z 0-9 . _, beginning with a letter. Raises HandleRefused."""
    handle = typed.strip().lower()
    if not _HANDLE.fullmatch(handle):
        raise HandleRefused(reason="A handle has 3 to 30 characters of a-z 0-9 . _ and begins with a letter")
    return handle


def clean_name(typed: str) -> str:
    """Return the name of an organization: NFC, without blanks around it, 1 to 150 code points. Raises OrgValueRefused."""
    name = clean_line(typed, limits.NAME_MAX_CHARS)
    if not can_be_seen(name) or len(name) > limits.NAME_MAX_CHARS:
        raise OrgValueRefused(reason=f"The name of an organization has 1 to {limits.NAME_MAX_CHARS} characters")
    if hides_something(name):
        raise OrgValueRefused(reason="The name holds hidden characters. Use plain ones: none that control or turn the direction of text")
    return name


def username_of(text: str) -> str:
    """Return the username that `text` names, "amy" or "user-amy", folded."""
    return fold_username(text.removeprefix(USER_PREFIX)).replace("\x00", "")
