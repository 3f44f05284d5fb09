"""Projects and their members for tests."""

from typing import Any

import factory

from accounts.models import User
from orgs.projects.access import Person
from orgs.projects.models import Folder, Level, Project, ProjectMember
from orgs.projects.spelling import parent_of
from tests.factories import UserFactory, actor


class ProjectFactory(factory.django.DjangoModelFactory):
    """A project of a new person, who administers it; `ProjectFactory(members={ben: Level.VIEW})` adds others."""

    class Meta:
        model = Project
        skip_postgeneration_save = True

    name = factory.Sequence(lambda number: f"Project {number:03d}")
    billed_to = factory.SubFactory(UserFactory)
    created_by = factory.SelfAttribute("billed_to")

    @factory.post_generation  # type: ignore[untyped-decorator]
    def members(self: Any, create: bool, extracted: dict[User, Level] | None, **kwargs: Any) -> None:
        """Add the owner and the others."""
        for user, level in {self.billed_to: Level.ADMINISTER, **(extracted or {})}.items():
            ProjectMember.objects.create(project=self, user=user, level=level)


def project_of(user: User, level: Level = Level.ADMINISTER, **fields: Any) -> Project:
    """Return a project in which `user` has `level`; below ADMINISTER it is somebody else's."""
    made: Project = (
        ProjectFactory(billed_to=user, **fields) if level == Level.ADMINISTER else ProjectFactory(members={user: level}, **fields)
    )
    return made


def folders_of(project: Project, *paths: str) -> None:
    """Make folders, each with its path as it stands."""
    Folder.objects.bulk_create(Folder(project=project, path=path, parent=parent_of(path)) for path in paths)


def person(user: User) -> Person:
    """Return `user` as somebody who signed in with a browser."""
    return Person(user=user, actor=actor(user))


def level_of(user: User, project: Project) -> str | None:
    """Return the level that `user` has as a member, read anew; None where they are none."""
    member = ProjectMember.objects.filter(project=project, user=user).first()
    return member.level_label if member else None
