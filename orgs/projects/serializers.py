"""JSON of projects and members in REST (DESIGN 5): one serializer for input, one for output."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, TypedDict

from rest_framework import serializers

from accounts.limits import USERNAME_TYPED_MAX_CHARS
from accounts.rest import Input, Output, StrictBooleanField, TextField
from orgs.limits import HANDLE_MAX_CHARS
from orgs.projects import limits
from orgs.projects.flows import Details
from orgs.projects.models import Level, LevelName, Project, ProjectMember

ORG_ID_MAX_CHARS = 4 + HANDLE_MAX_CHARS
_RAW_FACTOR = 4  # a bound on work; the rules and their sentences are in orgs.projects.spelling


class ProjectJSON(TypedDict):
    """A project that one is a member of."""

    id: str
    name: str
    summary: str
    level: Annotated[LevelName, "What the one who asks can do in it: the lower of the member's and the token's level."]
    phi: Annotated[bool, "Whether it holds protected health information."]
    billed_to: str
    org: Annotated[str | None, "The organization that it belongs to: whoever leaves that one loses the project. null: a person's own."]
    created_by: str
    created: datetime
    modified: datetime


class ProjectDetailJSON(ProjectJSON):
    """A project, whole."""

    description: str
    tags: list[str]
    properties: dict[str, str]


class MemberJSON(TypedDict):
    """A member of a project."""

    user: str
    name: str
    level: LevelName
    since: datetime


class ProjectsQuery(TypedDict, total=False):
    """What the list of projects can be asked for."""

    q: Annotated[str, "Projects with this in their name, in any case."]
    level: Annotated[LevelName, "Projects in which one has this level, or a higher one."]
    phi: Annotated[Literal["true", "false"], "Only those with the PHI mark, or only those without."]


class ProjectDeletionQuery(TypedDict, total=False):
    """How a project is deleted."""

    end_work: Annotated[Literal["true", "false"], "Whether what runs in it ends with it; without it, a busy project is refused."]


class LevelField(serializers.Field[Level, Any, Any, Any]):
    """A level by its name."""

    shape = LevelName

    def to_internal_value(self, data: Any) -> Level:
        """Return the level; refuse any other word."""
        if not isinstance(data, str) or data not in Level.names:
            raise serializers.ValidationError(f"A level is one of {', '.join(Level.names)}")
        return Level[data]


class ProjectInput(Input):
    """What is said of a project."""

    summary = TextField(required=False, allow_blank=True, max_length=_RAW_FACTOR * limits.SUMMARY_MAX_CHARS)
    description = TextField(required=False, allow_blank=True, trim_whitespace=False, max_length=_RAW_FACTOR * limits.DESCRIPTION_MAX_CHARS)
    phi = StrictBooleanField(required=False, help_text="Whether it holds protected health information. The mark is not taken off.")

    @property
    def details(self) -> Details:
        """What was said."""
        return Details(**self.validated_data)


class NewProjectInput(ProjectInput):
    """What a new project is to be."""

    name = TextField(max_length=_RAW_FACTOR * limits.NAME_MAX_CHARS)
    org = TextField(
        required=False, allow_null=True, default=None, max_length=ORG_ID_MAX_CHARS,
        help_text="The organization that it belongs to, as `org-acme`; null, or left out: one's own project.",
    )  # fmt: skip

    example: ClassVar[dict[str, Any]] = {"name": "Genome Atlas", "summary": "Reference panels", "phi": False, "org": None}

    @property
    def details(self) -> Details:
        """What was said of the project itself."""
        return Details(**{name: value for name, value in self.validated_data.items() if name != "org"})

    @property
    def org_id(self) -> str | None:
        """The organization that was named."""
        org: str | None = self.validated_data["org"]
        return org


class ProjectChangesInput(ProjectInput):
    """What of a project is to change; what is left out stays."""

    name = TextField(required=False, max_length=_RAW_FACTOR * limits.NAME_MAX_CHARS)

    example: ClassVar[dict[str, Any]] = {"name": "Genome Atlas 2"}


class NewMemberInput(Input):
    """Who is to be a member."""

    user = TextField(max_length=USERNAME_TYPED_MAX_CHARS, help_text="`user-<username>`, or the username alone.")
    level = LevelField(required=False, default=Level.VIEW, help_text="VIEW without it.")
    mail = StrictBooleanField(required=False, default=True, help_text="Whether they are mailed.")

    example: ClassVar[dict[str, Any]] = {"user": "user-ben", "level": "VIEW"}


class MemberChangesInput(Input):
    """Another level."""

    level = LevelField()

    example: ClassVar[dict[str, Any]] = {"level": "CONTRIBUTE"}


class ProjectOutput(Output[Project]):
    """A project in a list."""

    example: ClassVar[ProjectJSON] = {
        "id": "project-Q48K0vG2k8gx6xf89y20bqBJ",
        "name": "Genome Atlas",
        "summary": "Reference panels",
        "level": "ADMINISTER",
        "phi": False,
        "billed_to": "user-amy",
        "org": "org-acme",
        "created_by": "user-amy",
        "created": datetime(2026, 11, 24, 11, 0, 48, tzinfo=UTC),
        "modified": datetime(2026, 11, 24, 11, 0, 48, tzinfo=UTC),
    }

    def to_representation(self, instance: Project) -> ProjectJSON:
        """Return the public fields; the project must carry the level of who asks (orgs.projects.access)."""
        return {
            "id": instance.public_id,
            "name": instance.name,
            "summary": instance.summary,
            "level": instance.level.word,
            "phi": instance.phi,
            "billed_to": instance.billed_to.public_id,
            "org": instance.org.public_id if instance.org else None,
            "created_by": instance.created_by.public_id,
            "created": instance.created,
            "modified": instance.modified or instance.created,
        }


class ProjectDetailOutput(Output[Project]):
    """A project by itself."""

    example: ClassVar[ProjectDetailJSON] = {
        **ProjectOutput.example,
        "description": "",
        "tags": ["reference"],
        "properties": {"build": "38"},
    }

    def to_representation(self, instance: Project) -> ProjectDetailJSON:
        """Return the public fields; two queries for tags and properties."""
        return {
            **ProjectOutput().to_representation(instance),
            "description": instance.description,
            "tags": sorted(tag.tag for tag in instance.tags.all()),
            "properties": {one.key: one.value for one in instance.properties.all()},
        }


class MemberOutput(Output[ProjectMember]):
    """A member."""

    example: ClassVar[MemberJSON] = {
        "user": "user-ben",
        "name": "Ben Bishop",
        "level": "VIEW",
        "since": datetime(2026, 11, 24, 11, 0, 48, tzinfo=UTC),
    }

    def to_representation(self, instance: ProjectMember) -> MemberJSON:
        """Return the public fields: no address of a mailbox among them."""
        return {
            "user": instance.user.public_id,
            "name": instance.user.display_name,
            "level": Level(instance.level).word,
            "since": instance.created,
        }
