"""What the REST doors of all rooms are built from: answers as types, bodies that are refused by name, and what a route says of itself."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self, TypeVar, cast

from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from accounts import reauth
from accounts.callers import HasAccount, require_account
from accounts.errors import GatehouseError
from accounts.sessions import SessionStore

UNKNOWN_NAMED = 10  # a refusal names so many unknown fields, each cut to so many characters
NAME_MAX_CHARS = 256

T = TypeVar("T")
Method = TypeVar("Method", bound=Callable[..., Any])


class Output(serializers.BaseSerializer[T]):
    """What an answer says of one thing. What `to_representation` is annotated to return, a TypedDict, is its schema.

    Not a Serializer with fields: that copies them all for each use, which cost more than the queries of a list.
    """

    example: ClassVar[Any]

    @classmethod
    def of(cls, instance: T) -> Any:
        """Return what an answer says of `instance`."""
        return cls._shared().to_representation(instance)

    @classmethod
    def rows(cls, instances: Iterable[T]) -> list[Any]:
        """Return what an answer says of each of `instances`."""
        output = cls._shared()
        return [output.to_representation(instance) for instance in instances]

    @classmethod
    @cache
    def _shared(cls) -> Self:
        """Return the one instance of this kind: it holds nothing of a request."""
        return cls()


class Input(serializers.Serializer[Any]):
    """What a body holds; anything else is refused by name (API-01)."""

    example: ClassVar[dict[str, Any]]

    def to_internal_value(self, data: Any) -> Any:
        """Return the checked values; raise ValidationError for unknown fields."""
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError({name[:NAME_MAX_CHARS]: ["This field cannot be set"] for name in unknown[:UNKNOWN_NAMED]})
        return super().to_internal_value(data)


class ShortListField(serializers.ListField):
    """A list whose length is looked at before what is in it: DRF's own judges every element of a list that is too long."""

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the elements; refuse more than `max_length`, then each that is none."""
        if isinstance(data, list) and self.max_length is not None and len(data) > self.max_length:
            raise serializers.ValidationError([f"{len(data)} are too many; {self.max_length} at most"])
        return super().to_internal_value(data)


class TextField(serializers.CharField):
    """A string that is a JSON string: DRF's own takes numbers too (API-02)."""

    def to_internal_value(self, data: Any) -> str:
        """Return `data`; refuse what is no string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class StrictBooleanField(serializers.BooleanField):
    """A boolean that is a JSON boolean: DRF's own takes "yes" and 1 too (API-02)."""

    def to_internal_value(self, data: Any) -> bool:
        """Return `data`; refuse what is neither true nor false."""
        if not isinstance(data, bool):
            self.fail("invalid", input=str(data)[:NAME_MAX_CHARS])
        return data


class StrictIntegerField(serializers.IntegerField):
    """A whole number that is a JSON number: DRF's own takes strings and booleans too (API-02)."""

    def to_internal_value(self, data: Any) -> int:
        """Return `data`; refuse what is no whole number."""
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return super().to_internal_value(data)


@dataclass(frozen=True)
class Answers:
    """Says, as a decorator, what a method of a view answers. The schema is made of it and of the method's docstring
    (config.openapi); nothing of it runs in a request.

    `gives` is an Output, or a type such as a TypedDict with an `example`, or None for an answer without a body; `many` is a page
    of them. `takes` is the body, `query` a TypedDict of what the address may ask, `refuses` the errors of the act, `name` the
    operationId where the default, such as `tokens_list`, does not read well. `or_status` is a second status with the same body,
    `headers` a TypedDict of the headers that the request may have.
    """

    gives: Any
    many: bool = False
    status: int = 200
    takes: type[Input] | None = None
    query: Any = None
    refuses: Sequence[type[GatehouseError]] = ()
    name: str = ""
    example: Any = None
    or_status: int | None = None
    headers: Any = None

    def __call__(self, method: Method) -> Method:
        """Return the method, with this noted on it."""
        method.answers = self  # type: ignore[attr-defined]
        return method


class ReachesAccount(BasePermission):
    """Lets a token of chosen projects see nothing of the account, and one that is held to a level change nothing of it (TOK-07)."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Return True for a web session and for a token that reaches so far; raise AccountOutOfReach for any other."""
        caller = cast(HasAccount | None, request.auth)
        if caller is not None:
            require_account(caller, to_change=request.method not in SAFE_METHODS)
        return True


class LinesRenderer(JSONRenderer):
    """For routes that give JSON Lines; a refusal of theirs is `application/problem+json` as everywhere."""

    media_type, format = "application/x-ndjson", "jsonl"


class LimitedSearch(APIView):
    """A list whose search is limited (API-08); turning its pages is not."""

    throttle_scope = "search"

    def get_throttles(self) -> list[BaseThrottle]:
        """Return the limits where something is looked for."""
        return super().get_throttles() if self.request.query_params.get("q") else []


def is_confirmed(request: Request) -> bool:
    """Return whether the request comes from a browser in whose session the password was given within the last 10 minutes."""
    row = cast(SessionStore, request._request.session).row
    return request.auth is None and row is not None and reauth.is_recent(row)
