"""State of projects: members with levels, the PHI flag, tags and properties, folders."""

from typing import Any, Literal, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Least, Left
from django.utils import timezone

from accounts.ids import ID_PATTERN, new_public_id
from accounts.models import User
from orgs.models import Organization
from orgs.projects import limits

ROOT = "/"
LevelName = Literal["VIEW", "UPLOAD", "CONTRIBUTE", "ADMINISTER"]


class Level(models.IntegerChoices):
    """What a member may do in a project; each includes those below it."""

    VIEW = 1, "VIEW"
    UPLOAD = 2, "UPLOAD"
    CONTRIBUTE = 3, "CONTRIBUTE"
    ADMINISTER = 4, "ADMINISTER"

    @property
    def word(self) -> LevelName:
        """The name, as programs are told it."""
        return _WORDS[self]


_WORDS: dict[Level, LevelName] = {
    Level.VIEW: "VIEW", Level.UPLOAD: "UPLOAD", Level.CONTRIBUTE: "CONTRIBUTE", Level.ADMINISTER: "ADMINISTER",
}  # fmt: skip


def new_project_id() -> str:
    """Return a fresh `project-…` id."""
    return new_public_id("project")


class ProjectQuerySet(models.QuerySet["Project"]):
    """Questions about projects."""

    def visible_to(self, user: User) -> Self:
        """The projects that `user` is a member of, each with their level as `held`."""
        return self.filter(members__user=user).annotate(held=models.F("members__level"))

    def lowered(self, most: models.F | models.Value) -> Self:
        """Projects that carry `held`, with that level lowered to `most` where it is higher."""
        return self.annotate(held=Least(models.F("held"), most))

    def at_least(self, level: int) -> Self:
        """Of projects that carry `held`: those where it is `level` or higher."""
        return self.filter(held__gte=level)

    def named_like(self, text: str) -> Self:
        """Projects whose name contains `text`, in any case."""
        return self.filter(name__icontains=text) if text else self

    def of_id(self, public_id: str) -> Self:
        """The one of this id, if `public_id` can be an id at all (a database may refuse other text)."""
        prefix, _, rest = public_id.partition("-")
        known = prefix == "project" and ID_PATTERN.fullmatch(rest)
        return self.filter(public_id=public_id) if known else self.none()

    def by_name(self) -> Self:
        """In the order people look for them; the id makes it stable."""
        return self.order_by("name", "public_id")


class Project(models.Model):
    """A place for files and jobs. `phi` marks protected health information; `billed_to` owns it."""

    # Set by ProjectQuerySet.visible_to: the asking person's level.
    held: int
    # Set before it is described to the dx client: what the rooms above add.
    facts: dict[str, Any]

    public_id = models.CharField(max_length=limits.PUBLIC_ID_MAX_CHARS, unique=True, default=new_project_id, editable=False)
    name = models.CharField(max_length=limits.NAME_MAX_CHARS)
    summary = models.CharField(max_length=limits.SUMMARY_MAX_CHARS, blank=True, default="", db_default="")
    description = models.TextField(max_length=limits.DESCRIPTION_MAX_CHARS, blank=True, default="", db_default="")
    phi = models.BooleanField(default=False)
    # The organization that it belongs to: whoever leaves that one leaves the project (S7.1). None: it is a person's own.
    org = models.ForeignKey(Organization, on_delete=models.PROTECT, null=True, related_name="projects")
    billed_to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    modified = models.DateTimeField(null=True)

    objects = ProjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.public_id

    @property
    def owner(self) -> User | Organization:
        """Whom it belongs to: an organization, or the person who made it; both have a `public_id`."""
        return self.org or self.billed_to

    @property
    def level(self) -> Level:
        """The asking person's level; only on projects from `visible_to`."""
        return Level(self.held)

    @property
    def level_label(self) -> str:
        """The word for it."""
        return self.level.label

    @property
    def can_administer(self) -> bool:
        """Whether the asking person may change members and the project itself."""
        return self.level >= Level.ADMINISTER


class ProjectMemberQuerySet(models.QuerySet["ProjectMember"]):
    """Questions about members."""

    def by_level(self) -> Self:
        """Those who can do most first, then by username."""
        return self.order_by("-level", "user__username")

    def administrators(self) -> Self:
        """Those who can do everything, and sign in."""
        return self.filter(level=Level.ADMINISTER, user__is_active=True)


class ProjectMember(models.Model):
    """A person in a project, once at most."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="project_memberships")
    level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.VIEW)
    created = models.DateTimeField(default=timezone.now)

    objects = ProjectMemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="projects_member_once"),
            models.CheckConstraint(condition=models.Q(level__in=Level.values), name="projects_level_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"

    @property
    def level_label(self) -> str:
        """The word for the level."""
        return Level(self.level).label


class ProjectTag(models.Model):
    """A word by which people find projects again; the same one once at most."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tags")
    tag = models.CharField(max_length=limits.TAG_MAX_CHARS)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "tag"], name="projects_tag_once")]

    def __str__(self) -> str:
        return self.tag


class ProjectProperty(models.Model):
    """A key with a value, for programs."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="properties")
    key = models.CharField(max_length=limits.PROPERTY_KEY_MAX_CHARS)
    value = models.CharField(max_length=limits.PROPERTY_VALUE_MAX_CHARS, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="projects_property_once")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class FolderQuerySet(models.QuerySet["Folder"]):
    """Questions about the folders of one project."""

    def inside(self, path: str) -> Self:
        """The direct children of the folder `path`."""
        return self.filter(parent=path)

    def below(self, path: str) -> Self:
        """Everything under the folder `path`, itself not included."""
        if path == ROOT:
            return self
        # Not startswith: SQLite's LIKE does not tell "a" from "A".
        return self.annotate(head=Left("path", len(path) + 1)).filter(head=f"{path}/")


class Folder(models.Model):
    """A folder by its absolute path. The root, "/", is every project's own and has no row."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="folders")
    path = models.CharField(max_length=limits.PATH_MAX_CHARS)
    parent = models.CharField(max_length=limits.PATH_MAX_CHARS)
    created = models.DateTimeField(default=timezone.now)

    objects = FolderQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "path"], name="projects_folder_once")]
        indexes = [models.Index(fields=["project", "parent"], name="projects_folder_children")]

    def __str__(self) -> str:
        return self.path
