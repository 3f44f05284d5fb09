"""What the filters of several `find…` calls share: words, properties and times as the dx client asks for them (DX_PROTOCOL 5.2, 6.6)."""

from typing import Any, Literal

from django.db.models import Q

from accounts.callers import Body, mapping_of
from accounts.errors import InvalidInput
from accounts.moments import moment_at

ASKED_MOST = 20


def words(body: Body, name: str) -> list[str]:
    """Return the words that must all be there: one text, or `{"$and": [up to 20]}`; none where nothing is asked. Raises InvalidInput."""
    asked: Any = body.get(name)
    if asked is None:
        return []
    wanted = asked.get("$and") if isinstance(asked, dict) and len(asked) == 1 else [asked]
    if not isinstance(wanted, list) or len(wanted) > ASKED_MOST or not all(isinstance(word, str) for word in wanted):
        raise InvalidInput(reason=f'"{name}" must be a text, or {{"$and": [up to {ASKED_MOST} texts]}}')
    return wanted


def properties(body: Body) -> dict[str, str | Literal[True]]:
    """Return the properties that must be there, each with its value, or True for any. Raises InvalidInput."""
    asked = mapping_of(body, "properties")
    if len(asked) > ASKED_MOST or not all(isinstance(value, str) or value is True for value in asked.values()):
        raise InvalidInput(reason=f'"properties" must be up to {ASKED_MOST} names, each with a text, or true for any')
    return asked


def between(body: Body, name: str, column: str) -> Q:
    """Return the condition that `column` lies where `{"after": ms, "before": ms}` says. Raises InvalidInput."""
    asked, condition = mapping_of(body, name), Q()
    if asked.get("after") is not None:
        condition &= Q(**{f"{column}__gte": moment_at(asked["after"], f"{name}.after")})
    if asked.get("before") is not None:
        condition &= Q(**{f"{column}__lte": moment_at(asked["before"], f"{name}.before")})
    return condition
