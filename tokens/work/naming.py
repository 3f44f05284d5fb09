"""Names, words and details of files as they are stored: what two doors call equal must be equal."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from accounts.spelling import can_be_seen, clean_line, hides_something
from orgs.projects import spelling
from orgs.projects.errors import ProjectValueRefused
from tokens.work import limits
from tokens.work.errors import FileValueRefused, JobValueRefused


def clean_file_name(typed: str) -> str:
    """Return the name of a file: NFC, 1 to 255 code points; slashes and dots are characters like others. Raises FileValueRefused."""
    reason = _fault(clean_line(typed, limits.FILE_NAME_MAX_CHARS), "file", limits.FILE_NAME_MAX_CHARS)
    if reason:
        raise FileValueRefused(reason=reason)
    return clean_line(typed, limits.FILE_NAME_MAX_CHARS)


def clean_job_name(typed: str) -> str:
    """Return the name of a job, spelt as that of a file. Raises JobValueRefused."""
    reason = _fault(clean_line(typed, limits.JOB_NAME_MAX_CHARS), "job", limits.JOB_NAME_MAX_CHARS)
    if reason:
        raise JobValueRefused(reason=reason)
    return clean_line(typed, limits.JOB_NAME_MAX_CHARS)


def clean_note(typed: str) -> str:
    """Return what an executor says of its progress: one line, cut, without hidden characters."""
    note = clean_line(typed, limits.PROGRESS_NOTE_MAX_CHARS)[: limits.PROGRESS_NOTE_MAX_CHARS]
    return "" if hides_something(note) else note


def clean_message(typed: str) -> str:
    """Return why a job failed, as its executor says: several lines, cut, without what a terminal or a reader would be led by."""
    lines = ["".join(char for char in line if char.isprintable()).strip() for line in typed.splitlines()]
    return "\n".join(line for line in lines if line)[: limits.FAILURE_MESSAGE_MAX_CHARS]


def clean_words(typed: Iterable[str]) -> set[str]:
    """Return tags or types, each spelt as a tag of a project; 100 at most. Raises FileValueRefused."""
    try:
        words = {spelling.clean_tag(word) for word in typed}
    except ProjectValueRefused as refusal:
        raise FileValueRefused(reason=str(refusal)) from refusal
    if len(words) > limits.WORDS_PER_FILE:
        raise FileValueRefused(reason=f"A file has at most {limits.WORDS_PER_FILE} tags, and as many types. Use fewer")
    return words


def clean_properties(typed: Mapping[str, str | None]) -> dict[str, str | None]:
    """Return properties by name, None for those to remove. Raises FileValueRefused."""
    try:
        return {spelling.clean_key(key): None if value is None else spelling.clean_value(value) for key, value in typed.items()}
    except ProjectValueRefused as refusal:
        raise FileValueRefused(reason=str(refusal)) from refusal


def clean_details(details: Any) -> dict[str, Any] | list[Any]:
    """Return the details of a file: an object or a list, at most 64 Ki characters as JSON. Raises FileValueRefused."""
    if not isinstance(details, dict | list):
        raise FileValueRefused(reason='"details" must be an object or a list')
    written = json.dumps(details)
    if len(written) > limits.DETAILS_MAX_CHARS:
        raise FileValueRefused(reason=f"The details of a file have at most {limits.DETAILS_MAX_CHARS} characters as JSON. Say less")
    return details


def clean_media(typed: str) -> str:
    """Return a media type as it was given, if it is a plain short text. Raises FileValueRefused."""
    if len(typed) > limits.MEDIA_MAX_CHARS or not (typed.isascii() and typed.isprintable()):
        raise FileValueRefused(reason=f'"media" must be a plain text of at most {limits.MEDIA_MAX_CHARS} characters, as text/plain')
    return typed


def _fault(name: str, what: str, most: int) -> str:
    if not can_be_seen(name):
        return f"Give the {what} a name of at least one character that can be seen"
    if len(name) > most:
        return f"The name of a {what} has at most {most} characters. Choose a shorter one"
    if hides_something(name):
        return f"The name of a {what} holds hidden characters. Use plain ones: none that control or turn the direction of text"
    return ""
