"""Names, tags, properties and paths as they are stored: what two doors call equal must be equal."""

from accounts.spelling import can_be_seen, clean_line, hides_something
from orgs.projects import limits
from orgs.projects.errors import PathRefused, ProjectValueRefused
from orgs.projects.models import ROOT

_RAW_FACTOR = 4  # how much longer a path may be as it is typed
_PLAIN = "Use plain characters: none that control or turn the direction of text"
_LINE_BREAKS = dict.fromkeys(map(ord, "\r\n\t"))


def clean_name(typed: str) -> str:
    """Return a project's name: NFC, without blanks around it, 1 to 255 code points. Raises ProjectValueRefused."""
    return _line(typed, "name of a project", limits.NAME_MAX_CHARS)


def clean_tag(typed: str) -> str:
    """Return a tag, spelt as a name, at most 128 code points. Raises ProjectValueRefused."""
    return _line(typed, "tag", limits.TAG_MAX_CHARS)


def clean_key(typed: str) -> str:
    """Return the key of a property, spelt as a name, at most 128 code points. Raises ProjectValueRefused."""
    return _line(typed, "property's name", limits.PROPERTY_KEY_MAX_CHARS)


def clean_text(typed: str, what: str, most: int) -> str:
    """Return a text of several lines, at most `most` code points. Raises ProjectValueRefused."""
    if len(typed) > most:
        raise ProjectValueRefused(reason=f"The {what} has at most {most} characters. Use fewer")
    if hides_something(typed.translate(_LINE_BREAKS)):
        raise ProjectValueRefused(reason=f"The {what} holds hidden characters. {_PLAIN}")
    return typed


def clean_value(typed: str) -> str:
    """Return the value of a property, at most 700 code points. Raises ProjectValueRefused."""
    return clean_text(typed, "value of a property", limits.PROPERTY_VALUE_MAX_CHARS)


def clean_path(typed: str) -> str:
    """Return the absolute path of a folder: "/", or "/" before each name. Raises PathRefused.

    A slash at the end is dropped; "." and ".." are no names, and empty ones neither.
    """
    if not typed.startswith(ROOT):
        raise PathRefused(reason="A folder is named by its path from the root, as /data/raw")
    _require_path_length(typed, _RAW_FACTOR * limits.PATH_MAX_CHARS)
    # Cleaned before they are judged: a blank before two dots is no name of its own.
    names = [clean_line(name, limits.FOLDER_NAME_MAX_CHARS) for name in typed.rstrip("/").split("/")[1:]]
    for name in names:
        _check_folder_name(name)
    path = ROOT + "/".join(names)
    _require_path_length(path, limits.PATH_MAX_CHARS)
    return path


def parent_of(path: str) -> str:
    """Return the path of the folder that holds this one (not the root)."""
    return path.rpartition("/")[0] or ROOT


def base_of(path: str) -> str:
    """Return the last name of a path."""
    return path.rpartition("/")[2]


def ancestors_of(path: str) -> list[str]:
    """Return the paths above this one, the highest first, without the root."""
    names = path.split("/")[1:-1]
    return ["/" + "/".join(names[: depth + 1]) for depth in range(len(names))]


def joined(folder: str, name: str) -> str:
    """Return the path of `name` in `folder`."""
    return f"{'' if folder == ROOT else folder}/{name}"


def _line(typed: str, what: str, most: int) -> str:
    cleaned = clean_line(typed, most)
    if not can_be_seen(cleaned):
        raise ProjectValueRefused(reason=f"Give the {what} at least one character that can be seen")
    if len(cleaned) > most:
        raise ProjectValueRefused(reason=f"The {what} has at most {most} characters. Choose a shorter one")
    if hides_something(cleaned):
        raise ProjectValueRefused(reason=f"The {what} holds hidden characters. {_PLAIN}")
    return cleaned


def _require_path_length(path: str, most: int) -> None:
    if len(path) > most:
        raise PathRefused(reason=f"A path has at most {limits.PATH_MAX_CHARS} characters. Use shorter names, or fewer levels")


def _check_folder_name(name: str) -> None:
    if name in (".", "..") or not can_be_seen(name):
        raise PathRefused(reason='A folder needs a name between two slashes; "." and ".." are none')
    if len(name) > limits.FOLDER_NAME_MAX_CHARS:
        raise PathRefused(reason=f"The name of a folder has at most {limits.FOLDER_NAME_MAX_CHARS} characters. Choose a shorter one")
    if hides_something(name):
        raise PathRefused(reason=f"The name of a folder holds hidden characters. {_PLAIN}")
