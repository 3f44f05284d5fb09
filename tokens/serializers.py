"""JSON of tokens in REST (DESIGN 5): one serializer for input, one for output."""

from typing import Any

from rest_framework import serializers

from accounts.models import User
from tokens import limits, scope
from tokens.models import Token
from tokens.scope import Scope

_TEXT_MAX_CHARS = 4 * limits.LABEL_MAX_CHARS  # a bound on work; the rule and its sentence are in tokens.labels


_UNKNOWN_NAMED = 10


class TextField(serializers.CharField):
    """A string that is a JSON string: DRF's own takes numbers too (API-02)."""

    def to_internal_value(self, data: Any) -> str:
        """Return `data`; refuse what is no string."""
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class ScopeField(serializers.Field[Scope, Any, Any, Any]):
    """`projects`: `{"*": level}` for all of them, or `{"project-…": level}` for chosen ones."""

    def to_internal_value(self, data: Any) -> Scope:
        """Return the scope; raises ScopeRefused."""
        return scope.parse(data)


class NewTokenInput(serializers.Serializer[Any]):
    """What POST takes; anything else is refused by name (API-01)."""

    label = TextField(max_length=_TEXT_MAX_CHARS)  # type: ignore[assignment]  # Field has a label too, for forms
    expires = serializers.DateTimeField(required=False, allow_null=True, default=None)
    projects = ScopeField(required=False, allow_null=True, default=None)

    def to_internal_value(self, data: Any) -> Any:
        """Return the checked values; refuse unknown fields."""
        unknown = sorted(set(data) - set(self.fields)) if isinstance(data, dict) else []
        if unknown:
            raise serializers.ValidationError({name[:_TEXT_MAX_CHARS]: ["This field cannot be set"] for name in unknown[:_UNKNOWN_NAMED]})
        return super().to_internal_value(data)


class TokenOutput(serializers.Serializer[Token]):
    """A token as its owner may see it: no digest, no text."""

    id = serializers.CharField(source="public_id")
    label = serializers.CharField()  # type: ignore[assignment]  # as above
    kind = serializers.CharField()
    state = serializers.CharField(source="state_word")
    projects = serializers.SerializerMethodField()
    created = serializers.DateTimeField()
    expires = serializers.DateTimeField()
    last_used = serializers.DateTimeField(source="last_used_at")
    last_used_from = serializers.CharField(source="last_used_ip")
    prefix = serializers.CharField()

    def get_projects(self, token: Token) -> dict[str, str]:
        """Return the scope."""
        return scope.of(token).as_json()


class MeOutput(serializers.Serializer[User]):
    """The person who asks."""

    id = serializers.CharField(source="public_id")
    username = serializers.CharField()
    name = serializers.CharField(source="display_name")
    email = serializers.CharField()
