"""Somebody who is to have an account: what they chose, checked, and the password hashed before any transaction is open."""

from dataclasses import dataclass

from accounts import limits, passwords
from accounts.errors import InvalidInput, UsernameRefused, UsernameTaken
from accounts.models import User
from accounts.spelling import USERNAME_PATTERN, clean_line, fold_email, fold_username, hides_something


@dataclass(frozen=True)
class Newcomer:
    """An account to be; made by `prepare` alone, which checks and hashes."""

    username: str
    email: str
    first_name: str
    last_name: str
    encoded_password: str


def prepare(*, username: str, email: str, password: str, first_name: str, last_name: str) -> Newcomer:
    """Return what `register` needs, with the password hashed: slow on purpose, and not for the inside of a transaction (REL-01).

    Raises UsernameRefused, UsernameTaken, InvalidInput for a name, WeakPassword, Busy.
    """
    folded, address = fold_username(username), fold_email(email)
    if not USERNAME_PATTERN.fullmatch(folded):
        raise UsernameRefused()
    first, last = _clean_name(first_name), _clean_name(last_name)
    if User.objects.filter(username=folded).exists():
        raise UsernameTaken()
    passwords.require_strong(password, username=folded, email=address)
    return Newcomer(folded, address, first, last, encoded_password=passwords.encode(password))


def _clean_name(typed: str) -> str:
    name = clean_line(typed, limits.PERSON_NAME_MAX_CHARS)
    if len(name) > limits.PERSON_NAME_MAX_CHARS or hides_something(name):
        raise InvalidInput(reason=f"A name has at most {limits.PERSON_NAME_MAX_CHARS} characters, and none that nobody sees")
    return name
