"""JSON of organizations and their members in REST (DESIGN 5): one serializer for input, one for output."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, TypedDict

from rest_framework import serializers

from accounts import history
from accounts.limits import USERNAME_TYPED_MAX_CHARS
from accounts.models import SecurityEvent
from accounts.rest import Input, Output, TextField
from accounts.serializers import LogQuery
from orgs import limits
from orgs.models import Invitation, Membership, OrgLevel
from orgs.roster import Entry

OrgLevelName = Literal["MEMBER", "ADMIN"]
_LEVELS: dict[str, OrgLevelName] = {"MEMBER": "MEMBER", "ADMIN": "ADMIN"}
_NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class OrgLogQuery(LogQuery, total=False):
    """What the security log of an organization can be asked for."""

    actor: Annotated[str, "`user-<username>`: what they did."]


class OrgEventJSON(TypedDict):
    """What happened in an organization: no address and no device, which are the members' own."""

    id: str
    at: datetime
    event: Annotated[str, "A stable name, such as `org.member-added`."]
    title: Annotated[str, "For people; may be reworded."]
    text: Annotated[str, "For people; may be reworded, and empty."]
    actor: Annotated[str | None, "Who did it: `user-<username>`, or null for what time did."]
    subject: Annotated[str | None, "To whom."]
    door: Annotated[str, "`web`, `rest`, `dx`, `admin` for acts of support, or `worker` for what time did."]


class OrgJSON(TypedDict):
    """An organization that one is a member of."""

    id: str
    handle: str
    name: str
    level: Annotated[OrgLevelName, "What the one who asks is there."]
    created: datetime


class OrgDetailJSON(OrgJSON):
    """An organization, whole."""

    admins: Annotated[list[str], "Who sets the policies, and decides who is a member."]


class MemberFactsJSON(TypedDict):
    """What an admin may know of a member."""

    second_factor: Annotated[bool, "Whether two-factor authentication is on."]
    tokens: Annotated[int, "Live API tokens that reach all projects, or one of this organization."]
    stale_tokens: Annotated[int, f"Those of them that were not used for {limits.STALE_TOKEN_DAYS} days."]
    oldest_token: Annotated[datetime | None, "When the oldest of them was made."]
    last_activity: Annotated[datetime | None, "When they last did something in a session that lives, or signed in."]


class OrgMemberJSON(TypedDict):
    """A member of an organization."""

    user: str
    name: str
    level: OrgLevelName
    since: datetime
    facts: Annotated[MemberFactsJSON | None, "For admins alone; null for any other member."]


class InvitationJSON(TypedDict):
    """An invitation that nobody has answered."""

    id: str
    invitee: Annotated[str, "Whom it is for, as it was asked for: an address, or `user-<username>`."]
    level: OrgLevelName
    invited_by: str | None
    created: datetime
    expires: datetime


class OrgMembersQuery(TypedDict, total=False):
    """What the list of members can be asked for."""

    q: Annotated[str, "Members with this in their username or name, in any case."]
    level: Annotated[OrgLevelName, "Only those of this level."]
    to_look_at: Annotated[
        Literal["true", "false"], "With `true`, for admins: those without two-factor authentication, with unused tokens, or long away."
    ]


class OrgLevelField(serializers.Field[OrgLevel, Any, Any, Any]):
    """A level by its name."""

    shape = OrgLevelName

    def to_internal_value(self, data: Any) -> OrgLevel:
        """Return the level; refuse any other word."""
        if not isinstance(data, str) or data not in OrgLevel.values:
            raise serializers.ValidationError(f"A level is one of {', '.join(OrgLevel.values)}")
        return OrgLevel(data)


class NewOrgMemberInput(Input):
    """Who is to be a member: `user` or `email`, one of them."""

    user = TextField(required=False, max_length=USERNAME_TYPED_MAX_CHARS, help_text="`user-<username>`, or the username alone.")
    email = TextField(required=False, max_length=limits.EMAIL_MAX_CHARS, help_text="An address, whether it has an account or not.")
    level = OrgLevelField(required=False, default=OrgLevel.MEMBER, help_text="MEMBER without it.")

    example: ClassVar[dict[str, Any]] = {"email": "dana@example.com", "level": "MEMBER"}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse both of them, and neither; what is given as an address is one, and no username."""
        if ("user" in attrs) == ("email" in attrs):
            raise serializers.ValidationError({"user": ["Give either user or email"]})
        if "email" in attrs and "@" not in attrs["email"]:
            raise serializers.ValidationError({"email": ["This is no e-mail address. Write one like name@example.com"]})
        if "@" in attrs.get("user", ""):
            raise serializers.ValidationError({"user": ["This is no username. Give an address as email"]})
        return attrs

    @property
    def invitee(self) -> str:
        """Whom to invite."""
        return str(self.validated_data.get("user") or self.validated_data.get("email"))


class OrgMemberChangesInput(Input):
    """Another level."""

    level = OrgLevelField()

    example: ClassVar[dict[str, Any]] = {"level": "ADMIN"}


class OrgOutput(Output[Membership]):
    """An organization in a list."""

    example: ClassVar[OrgJSON] = {"id": "org-acme", "handle": "acme", "name": "Acme Genomics", "level": "ADMIN", "created": _NOON}

    def to_representation(self, instance: Membership) -> OrgJSON:
        """Return the public fields, and the level of who asks."""
        org = instance.org
        return {
            "id": org.public_id, "handle": org.handle, "name": org.name, "level": _LEVELS[instance.level], "created": org.created,
        }  # fmt: skip


class OrgDetailOutput(Output[Membership]):
    """An organization by itself."""

    example: ClassVar[OrgDetailJSON] = {**OrgOutput.example, "admins": ["user-amy"]}

    def to_representation(self, instance: Membership) -> OrgDetailJSON:
        """Return the public fields; one query for the admins."""
        admins = Membership.objects.filter(org=instance.org).admins().select_related("user").order_by("user__username")
        return {**OrgOutput().to_representation(instance), "admins": [admin.user.public_id for admin in admins]}


class OrgMemberOutput(Output[Entry]):
    """A member."""

    example: ClassVar[OrgMemberJSON] = {
        "user": "user-ben",
        "name": "Ben Bishop",
        "level": "MEMBER",
        "since": _NOON,
        "facts": {"second_factor": False, "tokens": 2, "stale_tokens": 1, "oldest_token": _NOON, "last_activity": _NOON},
    }

    def to_representation(self, instance: Entry) -> OrgMemberJSON:
        """Return the public fields: no address of a mailbox among them."""
        membership = instance.membership
        return {
            "user": membership.user.public_id,
            "name": membership.user.display_name,
            "level": _LEVELS[membership.level],
            "since": membership.created,
            "facts": _facts(instance.facts) if instance.facts else None,
        }


class InvitationOutput(Output[Invitation]):
    """An invitation under way."""

    example: ClassVar[InvitationJSON] = {
        "id": "Q48K0vG2k8gx6xf89y20bqBJ",
        "invitee": "dana@example.com",
        "level": "MEMBER",
        "invited_by": "user-amy",
        "created": _NOON,
        "expires": datetime(2026, 12, 1, 12, 0, tzinfo=UTC),
    }

    def to_representation(self, instance: Invitation) -> InvitationJSON:
        """Return what its list shows; whether an address has an account is nowhere in it."""
        return {
            "id": instance.public_id,
            "invitee": instance.email,
            "level": _LEVELS[instance.level],
            "invited_by": instance.invited_by.public_id if instance.invited_by else None,
            "created": instance.created,
            "expires": instance.expires,
        }


class OrgEventOutput(Output[SecurityEvent]):
    """One entry of the security log of an organization."""

    example: ClassVar[OrgEventJSON] = {
        "id": "kJYpJ22KQ7JG0GBv4z3yFB0Q",
        "at": _NOON,
        "event": "org.member-added",
        "title": "Member of an organization",
        "text": "“Acme Labs”, as MEMBER",
        "actor": "user-amy",
        "subject": "user-ben",
        "door": "web",
    }

    def to_representation(self, instance: SecurityEvent) -> OrgEventJSON:
        """Return what an admin may see of it (ORG-05)."""
        shown = history.show_between(instance)
        return {
            "id": shown.public_id,
            "at": shown.at,
            "event": instance.event,
            "title": shown.title,
            "text": shown.text,
            "actor": shown.who or None,
            "subject": shown.whom or None,
            "door": instance.door,
        }


def _facts(known: dict[str, Any]) -> MemberFactsJSON:
    return {
        "second_factor": bool(known.get("second_factor")),
        "tokens": known.get("tokens", 0),
        "stale_tokens": known.get("stale_tokens", 0),
        "oldest_token": known.get("oldest"),
        "last_activity": known.get("last_activity"),
    }
