"""What the dx doors of all rooms share: who calls, and how a value is taken out of a body."""

from typing import Any, Literal, Protocol, overload

from accounts.audit import Actor
from accounts.errors import InvalidInput
from accounts.models import User

Body = dict[str, Any]


class HasUser(Protocol):
    """Who calls. The floor above hands in more (a token, an access); this floor needs the person and the actor."""

    @property
    def user(self) -> User:
        """The person."""

    @property
    def actor(self) -> Actor:
        """The person again, with door and address, for the security log."""


@overload
def text_of(body: Body, name: str) -> str: ...
@overload
def text_of(body: Body, name: str, *, required: Literal[False]) -> str | None: ...
def text_of(body: Body, name: str, *, required: bool = True) -> str | None:
    """Return the string `body[name]`; None where it is null or absent and not required. Raises InvalidInput."""
    value = body.get(name)
    if isinstance(value, str) or (value is None and not required):
        return value
    raise InvalidInput(reason=f'"{name}" must be a string')
