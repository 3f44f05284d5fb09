"""What the doors of programs share: who calls and how far that reaches, and how a value is taken out of a body."""

from collections.abc import Collection, Mapping, Sized
from typing import Any, Literal, Protocol, overload

from accounts.audit import Actor
from accounts.errors import AccountOutOfReach, InvalidInput
from accounts.models import User

Body = dict[str, Any]
LIST_MOST = 1000  # what one call may name: an act on all of them holds a lock


class HasUser(Protocol):
    """Who calls. The floor above hands in more (a token, an access); this floor needs the person and the actor."""

    @property
    def user(self) -> User:
        """The person."""

    @property
    def actor(self) -> Actor:
        """The person again, with door and address, for the security log."""


class HasAccount(HasUser, Protocol):
    """Who calls, and whether what they call with reaches beyond projects, to the account itself (TOK-07)."""

    @property
    def reads_account(self) -> bool:
        """Whether tokens, sessions and log of the account may be seen: not with a token of chosen projects."""

    @property
    def controls_account(self) -> bool:
        """Whether they may be changed: with a web session, or a token that nothing narrows."""


def require_account(caller: HasAccount, *, to_change: bool) -> None:
    """Return if `caller` reaches the account itself; raise AccountOutOfReach where the token is too narrow (TOK-07)."""
    if not (caller.controls_account if to_change else caller.reads_account):
        raise AccountOutOfReach()


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


def texts_of(body: Body, name: str) -> list[str]:
    """Return the list of strings `body[name]`, each once, empty where it is absent. Raises InvalidInput, also for over 1,000."""
    value = body.get(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise InvalidInput(reason=f'"{name}" must be a list of strings')
    require_few(value, name)
    return list(dict.fromkeys(value))


def mapping_of(body: Body, name: str) -> dict[str, Any]:
    """Return the object `body[name]`, empty where it is null or absent. Raises InvalidInput, also for over 1,000 entries."""
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(reason=f'"{name}" must be an object')
    require_few(value, name)
    return value


def require_few(value: Sized, name: str) -> None:
    """Return if `value` has 1,000 entries at most; raise InvalidInput otherwise."""
    if len(value) > LIST_MOST:
        raise InvalidInput(reason=f'"{name}" names {len(value)}; one call takes {LIST_MOST} at most. Make several calls')


def flag_of(body: Body, name: str) -> bool | None:
    """Return the boolean `body[name]`; None where it is null or absent. Raises InvalidInput."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return value
    raise InvalidInput(reason=f'"{name}" must be true or false')


def whole_of(body: Body, name: str, *, default: int, least: int, most: int) -> int:
    """Return the whole number `body[name]`; `default` where it is absent. Raises InvalidInput outside of `least` to `most`."""
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(reason=f'"{name}" must be a whole number from {least} to {most}')
    return value


def fields_asked(body: Mapping[str, Any], *, default: Collection[str], on_request: Collection[str]) -> set[str]:
    """Return which fields a `describe` call wants (DX_PROTOCOL 4.3).

    `fields` alone means only those; with `defaultFields`, or with a field named at the top level in the older style, the
    defaults as well. What a field of this kind is not is left out in silence. Raises InvalidInput where `fields` is no object.
    """
    named = mapping_of(dict(body), "fields")
    older = {name for name in on_request if body.get(name) is True}
    with_defaults = not named or body.get("defaultFields") is True
    wanted = (set(default) if with_defaults else set()) | older | {name for name, asked in named.items() if asked}
    return (wanted - {name for name, asked in named.items() if not asked}) & {*default, *on_request} | {"id"}
