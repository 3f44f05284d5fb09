"""State of projects: members with levels, and the PHI flag."""

from typing import Self

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.ids import new_public_id
from accounts.models import User

NAME_MAX_CHARS = 255
PUBLIC_ID_MAX_CHARS = 32


class Level(models.IntegerChoices):
    """What a member may do in a project; each includes those below it."""

    VIEW = 1, "VIEW"
    UPLOAD = 2, "UPLOAD"
    CONTRIBUTE = 3, "CONTRIBUTE"
    ADMINISTER = 4, "ADMINISTER"


def new_project_id() -> str:
    """Return a fresh `project-…` id."""
    return new_public_id("project")


class ProjectQuerySet(models.QuerySet["Project"]):
    """Questions about projects."""

    def visible_to(self, user: User) -> Self:
        """The projects that `user` is a member of, each with their level as `held`."""
        return self.filter(members__user=user).annotate(held=models.F("members__level"))

    def by_name(self) -> Self:
        """In the order people look for them; the id makes it stable."""
        return self.order_by("name", "public_id")


class Project(models.Model):
    """A place for files and jobs. `phi` marks protected health information; `billed_to` owns it."""

    # Set by ProjectQuerySet.visible_to: the asking person's level.
    held: int

    public_id = models.CharField(max_length=PUBLIC_ID_MAX_CHARS, unique=True, default=new_project_id, editable=False)
    name = models.CharField(max_length=NAME_MAX_CHARS)
    phi = models.BooleanField(default=False)
    billed_to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)

    objects = ProjectQuerySet.as_manager()

    def __str__(self) -> str:
        return self.public_id

    @property
    def level_label(self) -> str:
        """The word for the asking person's level; only on projects from `visible_to`."""
        return Level(self.held).label


class ProjectMember(models.Model):
    """A person in a project, once at most."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="project_memberships")
    level = models.PositiveSmallIntegerField(choices=Level.choices, default=Level.VIEW)
    created = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="projects_member_once"),
            models.CheckConstraint(condition=models.Q(level__in=Level.values), name="projects_level_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.project}"
