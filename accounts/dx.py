"""The dx client's door to people (DX_PROTOCOL 2.6, 2.9, 3, 8.1): plain functions, a caller and a body in."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from accounts.callers import Body, HasUser, fields_asked, mapping_of
from accounts.errors import UserNotFound
from accounts.models import User
from accounts.spelling import fold_username

PREFIX = "user-"
FIELDS = ("id", "class", "handle", "first", "last", "middle", "email")


def whoami(caller: HasUser, body: Body) -> dict[str, Any]:
    """Return the caller's id, and the address they come from where `fields` asks for it."""
    address = {"clientIp": caller.actor.ip} if mapping_of(body, "fields").get("clientIp") is True else {}
    return {"id": caller.user.public_id, **address}


def describe_user(caller: HasUser, body: Body, entity_id: str) -> dict[str, Any]:
    """Return the description of a person whom the caller may look up; with the address where it is the caller.

    Raises UserNotFound for somebody with whom the caller shares nothing, and for nobody: one answer for both.
    """
    user = caller.user if entity_id == caller.user.public_id else _other(caller, entity_id)
    described = _description(user) | ({"email": user.email} if user == caller.user else {})
    wanted = fields_asked(body, default=FIELDS, on_request=())
    return {name: value for name, value in described.items() if name in wanted}


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


def _other(caller: HasUser, entity_id: str) -> User:
    # Who may be looked up depends on projects and organizations, which floors above know.
    people: QuerySet[User] = import_string(settings.VISIBLE_PEOPLE)(caller)
    username = fold_username(entity_id.removeprefix(PREFIX))
    user = None if "\x00" in username else people.only(*User.REQUEST_COLUMNS).filter(username=username).first()
    if user is None:
        raise UserNotFound()
    return user


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
