"""Who may do what in a project: the one place that compares levels (STYLE B10).

A caller arrives as an argument. A web session brings a `Person`; the floor above hands in callers that a token narrows, and this
floor does not know what a token is.
"""

from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import Q, QuerySet

import orgs.access
from accounts.callers import HasAccount
from accounts.credentials import Casualties
from accounts.errors import InvalidInput
from accounts.models import User
from orgs.models import Membership
from orgs.projects.errors import LevelTooLow, ProjectNotFound, TokenLimited
from orgs.projects.models import Level, Project, ProjectMember, ProjectQuerySet
from orgs.projects.signals import project_work_asked


class HasAccess(HasAccount, Protocol):
    """Who calls, and how far that reaches into projects."""

    def narrow(self, projects: ProjectQuerySet) -> ProjectQuerySet:
        """Return what of `projects` (which carry the member's level as `held`) the caller reaches, `held` lowered to it."""


@dataclass(frozen=True)
class Person(orgs.access.Person):
    """Somebody who signed in with a browser: nothing narrows them."""

    def narrow(self, projects: ProjectQuerySet) -> ProjectQuerySet:
        """Return `projects`."""
        return projects


def visible(caller: HasAccess) -> ProjectQuerySet:
    """Return the projects that `caller` reaches now, each with the effective level as `held`."""
    return caller.narrow(Project.objects.visible_to(caller.user))


def find(caller: HasAccess, public_id: str, level: Level = Level.VIEW) -> Project:
    """Return the project of this id, with the effective level in it.

    Raises ProjectNotFound where the caller does not reach it, LevelTooLow where the level there is below `level`.
    """
    project = visible(caller).of_id(public_id).select_related("billed_to", "created_by", "org").first()
    if project is None:
        raise ProjectNotFound()
    if project.level < level:
        raise LevelTooLow(project=project.public_id, held=project.level.label, needed=level.label)
    return project


def lock(caller: HasAccess, public_id: str, level: Level) -> Project:
    """Return the project as `find` does, its row locked until the transaction ends.

    The level is read after the lock is there: whoever was removed or lowered while we waited has no say any more.
    """
    Project.objects.of_id(public_id).select_for_update(no_key=True).first()
    return find(caller, public_id, level)


def work_in(project: Project) -> list[Casualties]:
    """Return what runs in `project`, by asking the rooms above. Changes nothing."""
    answers: list[tuple[Any, Any]] = project_work_asked.send(Project, project=project)
    return [casualty for _, told in answers for casualty in told or [] if casualty.count]


def require_unlimited(caller: HasAccess, *, act: str) -> None:
    """Return if nothing narrows `caller`; raise TokenLimited where a token does."""
    if not caller.controls_account:
        raise TokenLimited(act=act)


def level_named(name: str) -> Level:
    """Return the level of this name, as in "VIEW"; raise InvalidInput for any other word."""
    if name not in Level.names:
        raise InvalidInput(reason=f"A level is one of {', '.join(Level.names)}")
    return Level[name]


def people_visible_to(caller: HasAccess) -> QuerySet[User]:
    """Return whom `caller` may look up: oneself, and active people who share a project, or an organization, with them.

    A token that is narrower shows fewer of them. (settings.VISIBLE_PEOPLE names this.)
    """
    shared = Q(pk=caller.user.pk)
    shared |= Q(pk__in=ProjectMember.objects.filter(project__in=visible(caller).values("pk")).values("user"))
    if caller.reads_account:
        mine = Membership.objects.filter(user=caller.user).values("org")
        shared |= Q(pk__in=Membership.objects.filter(org__in=mine).values("user"))
    people: QuerySet[User] = User.objects.active().filter(shared)
    return people
