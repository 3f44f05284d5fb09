"""JSON of tokens in REST (DESIGN 5): one serializer for input, one for output."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, NotRequired, TypedDict

from rest_framework import serializers

from accounts.models import User
from accounts.rest import Input, Output, ShortListField, StrictBooleanField, StrictIntegerField, TextField
from orgs.projects.models import LevelName
from tokens import limits, scope
from tokens.minting import Minted
from tokens.models import Token, TokenKind, TokenState
from tokens.running import Blast
from tokens.scope import Scope

_TEXT_MAX_CHARS = 4 * limits.LABEL_MAX_CHARS  # a bound on work; the rule and its sentence are in tokens.labels
_IDS_MOST = 2 * limits.LIVE_PER_USER

ScopeJSON = dict[str, LevelName]
SCOPE_HELP = '`{"*": level}` for all projects, or `{"project-…": level}` for chosen ones; at most one\'s own level in each.'


class TokenBriefJSON(TypedDict):
    """A token as it is known to who presents it: no digest, no text."""

    id: str
    label: str
    kind: Annotated[TokenKind, "`api`: made on a page or here; `cli`: a login of `dx`; `job`: derived for a job."]
    state: Annotated[TokenState, "`retired`: may finish what it began, and begins nothing."]
    projects: Annotated[ScopeJSON, 'Its scope: the most that it has, by the id of the project; `"*"` stands for all of them.']
    created: datetime
    expires: datetime
    last_used: Annotated[datetime | None, "Written once a minute at most."]
    last_used_from: str | None
    prefix: Annotated[str, "The first characters of its text."]


class TokenJSON(TokenBriefJSON):
    """A token as its owner may see it."""

    retires: Annotated[datetime | None, "When its text ends, where another token has replaced it."]
    replaces: Annotated[str | None, "The token whose place it has taken."]
    made_with: Annotated[str | None, "The token that made it, and that it ends with."]
    ended: datetime | None
    end_reason: Annotated[str | None, "Why it ended, such as `revoked-by-its-owner` or `password-changed`."]
    tried: Annotated[datetime | None, "When somebody last tried it after its end."]
    tried_from: str | None
    tries: Annotated[int, "How often that was noted: every ten seconds at most."]


class MintedTokenJSON(TokenJSON):
    """A new token, with its text."""

    token: Annotated[str, "The text that presents it: 32 characters, in this answer and in no other."]


class MeJSON(TypedDict):
    """The person who asks, and with what."""

    id: str
    username: str
    name: str
    email: str
    token: Annotated[TokenBriefJSON | None, "The token that asks; null in a web session."]


class EndedTokenJSON(TypedDict):
    """A token that ends."""

    id: str
    label: str
    kind: TokenKind


class EndedWorkJSON(TypedDict):
    """Work of one kind that ends."""

    kind: Annotated[str, "`job`, `upload` or `download`."]
    count: int
    names: Annotated[list[str], "The names of the first twenty."]


class RevokedJSON(TypedDict):
    """What a revocation ended, or would end."""

    preview: Annotated[bool, "Whether nothing has happened yet."]
    tokens: Annotated[list[EndedTokenJSON], "Those that could still act, with all that were made with them."]
    work: Annotated[list[EndedWorkJSON], "What ran on them: it fails with AuthError."]


class TokensQuery(TypedDict, total=False):
    """What the list of tokens can be asked for."""

    state: Annotated[
        Literal["active", "retired", "revoked", "expired", "all"], "Tokens in this state; without it, those that can still act."
    ]
    q: Annotated[str, "Tokens whose label, or the name of a chosen project, has this in it."]


_ForNewToken = {"Idempotency-Key": NotRequired[Annotated[str, "Names this request for 24 hours: a repeat of it makes no second token."]]}
NewTokenHeaders = TypedDict("NewTokenHeaders", _ForNewToken)  # type: ignore[misc]  # a name with a dash, said once


class ScopeField(serializers.Field[Scope, Any, Any, Any]):
    """`projects`: the scope of a new token."""

    shape = ScopeJSON

    def to_internal_value(self, data: Any) -> Scope:
        """Return the scope; raises ScopeRefused."""
        return scope.parse(data)


def label_field() -> TextField:
    """Return the field for a label."""
    return TextField(max_length=_TEXT_MAX_CHARS, help_text="Unique among one's live tokens; at most 64 characters.")


class NewTokenInput(Input):
    """What a new token is to be."""

    label = label_field()  # type: ignore[assignment]  # Field has a label too, for forms
    expires = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="At most a year from now; without it, one calendar month."
    )
    projects = ScopeField(
        required=False, allow_null=True, default=None, help_text=f"{SCOPE_HELP} Without it, the scope of the token that asks, or all."
    )

    example: ClassVar[dict[str, Any]] = {"label": "nightly", "expires": "2027-02-01T06:00:00Z", "projects": {"*": "CONTRIBUTE"}}


class TokenChangesInput(Input):
    """What of a token can be changed."""

    label = label_field()  # type: ignore[assignment]  # as above

    example: ClassVar[dict[str, Any]] = {"label": "nightly-qc"}


class RotationInput(Input):
    """How a token is rotated."""

    overlap_seconds = StrictIntegerField(
        required=False, default=limits.OVERLAP_DEFAULT_SECONDS, min_value=0, max_value=limits.OVERLAP_MAX_SECONDS,
        help_text="For how long the old text goes on beside the new one: 0 to 86400.",
    )  # fmt: skip
    expires = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="The end of the new one; without it, it lives as long as the old one did."
    )

    example: ClassVar[dict[str, Any]] = {"overlap_seconds": 3600}


class RevocationInput(Input):
    """Which tokens are to end: those of `ids`, or all."""

    ids = ShortListField(
        child=TextField(), required=False, allow_empty=False, max_length=_IDS_MOST, help_text="All of one's own, or nothing happens."
    )
    all = StrictBooleanField(required=False, default=False, help_text="Every token that can still act, this one too.")
    preview = StrictBooleanField(required=False, default=False, help_text="Say what would end, and end nothing.")

    example: ClassVar[dict[str, Any]] = {"ids": ["token-Q48K0vG2k8gx6xf89y20bqBJ"], "preview": True}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the values; refuse both `ids` and `all`, and neither."""
        if attrs["all"] == ("ids" in attrs):
            raise serializers.ValidationError({"ids": ['Give either "ids" or "all": true']})
        return attrs


class TokenOutput(Output[Token]):
    """One token."""

    brief: ClassVar[TokenBriefJSON] = {
        "id": "token-Q48K0vG2k8gx6xf89y20bqBJ",
        "label": "nightly",
        "kind": TokenKind.API,
        "state": TokenState.ACTIVE,
        "projects": {"*": "CONTRIBUTE"},
        "created": datetime(2026, 11, 24, 11, 0, 48, tzinfo=UTC),
        "expires": datetime(2027, 2, 1, 6, 0, tzinfo=UTC),
        "last_used": None,
        "last_used_from": None,
        "prefix": "ght_dYkL",
    }
    example: ClassVar[TokenJSON] = {
        **brief, "retires": None, "replaces": None, "made_with": None, "ended": None, "end_reason": None, "tried": None,
        "tried_from": None, "tries": 0,
    }  # fmt: skip

    def to_representation(self, instance: Token) -> TokenJSON:
        """Return the public fields; the state is that of this moment, marked or not."""
        return {
            **brief_of(instance),
            "retires": instance.retires_at,
            "replaces": instance.replaces.public_id if instance.replaces else None,
            "made_with": instance.parent.public_id if instance.parent else None,
            "ended": instance.ended_at,
            "end_reason": instance.end_why or None,
            "tried": instance.tried_at,
            "tried_from": instance.tried_ip,
            "tries": instance.tries,
        }


class MintedOutput(Output[Minted]):
    """The token that was just made, with its text."""

    example: ClassVar[MintedTokenJSON] = {**TokenOutput.example, "token": "ght_dYkL0123456789ABCDEFGHIJKLMN"}

    def to_representation(self, instance: Minted) -> MintedTokenJSON:
        """Return the token's public fields, and its text."""
        return {**TokenOutput().to_representation(instance.token), "token": instance.text}


class MeOutput(Output[tuple[User, Token | None]]):
    """Who asks."""

    example: ClassVar[MeJSON] = {
        "id": "user-amy",
        "username": "amy",
        "name": "Amy Archer",
        "email": "amy@example.com",
        "token": TokenOutput.brief,
    }

    def to_representation(self, instance: tuple[User, Token | None]) -> MeJSON:
        """Return the person and the token, if there is one."""
        user, token = instance
        return {
            "id": user.public_id,
            "username": user.username,
            "name": user.display_name,
            "email": user.email,
            "token": brief_of(token) if token else None,
        }


class RevocationOutput(Output[tuple[bool, Blast]]):
    """What ends."""

    example: ClassVar[RevokedJSON] = {
        "preview": True,
        "tokens": [{"id": "token-Q48K0vG2k8gx6xf89y20bqBJ", "label": "nightly", "kind": TokenKind.API}],
        "work": [{"kind": "job", "count": 1, "names": ["variant-call-0412"]}],
    }

    def to_representation(self, instance: tuple[bool, Blast]) -> RevokedJSON:
        """Return the tokens, in the order of their labels, and what runs on them."""
        preview, blast = instance
        rows: list[EndedTokenJSON] = [
            {"id": token.public_id, "label": token.label, "kind": TokenKind(token.kind)}
            for token in sorted(blast.tokens, key=lambda one: one.label)
        ]
        work: list[EndedWorkJSON] = [{"kind": one.noun, "count": one.count, "names": one.names} for one in blast.work]
        return {"preview": preview, "tokens": rows, "work": work}


def brief_of(token: Token) -> TokenBriefJSON:
    """Return what who presents the token knows of it; one query where projects were chosen and not fetched along."""
    return {
        "id": token.public_id,
        "label": token.label,
        "kind": TokenKind(token.kind),
        "state": TokenState(token.state_word),
        "projects": scope.of(token).as_json(),
        "created": token.created,
        "expires": token.expires,
        "last_used": token.last_used_at,
        "last_used_from": token.last_used_ip,
        "prefix": token.prefix,
    }
