"""The dx client's door to people (DX_PROTOCOL 2.6, 2.9, 3, 8.1): plain functions, a caller and a body in."""

from typing import Any

from accounts.callers import Body, HasUser
from accounts.errors import InvalidInput, UserNotFound
from accounts.models import User


def whoami(caller: HasUser, body: Body) -> dict[str, Any]:
    """Return the caller's id, and the address they come from where `fields` asks for it."""
    fields = body.get("fields") or {}
    if not isinstance(fields, dict):
        raise InvalidInput(reason='"fields" must be an object')
    address = {"clientIp": caller.actor.ip} if fields.get("clientIp") is True else {}
    return {"id": caller.user.public_id, **address}


def describe_user(caller: HasUser, body: Body, entity_id: str) -> dict[str, Any]:
    """Return the caller's own description. Other people share nothing with the caller here and are not to be found."""
    user = caller.user
    if entity_id != user.public_id:
        raise UserNotFound()
    return {**_description(user), "email": user.email}


def get_user_info(caller: HasUser, body: Body) -> dict[str, Any]:
    """Return what `dx login --token` reads: the username, with names and address beside it."""
    user = caller.user
    return {
        "username": user.username,
        "user_id": user.public_id,
        "email": user.email,
        "first": user.first_name,
        "last": user.last_name,
    }


def greet(caller: HasUser, body: Body) -> dict[str, Any]:
    """Return the news for the client's users: none."""
    return {"messages": []}


def _description(user: User) -> dict[str, Any]:
    return {
        "id": user.public_id,
        "class": "user",
        "handle": user.username,
        "first": user.first_name,
        "last": user.last_name,
        "middle": "",
    }


ROUTES = {
    "system/whoami": whoami,
    "system/getUserInfo": get_user_info,
    "system/greet": greet,
    "user-{id}/describe": describe_user,
}
