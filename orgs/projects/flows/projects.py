"""Making, changing, deleting a project. Each act is one transaction under the project's lock."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

import orgs.access
from accounts import audit, throttle
from accounts.audit import Actor
from accounts.wording import counted
from orgs.projects import access, limits, spelling
from orgs.projects.access import HasAccess
from orgs.projects.errors import PhiStays, ProjectBusy, ProjectValueRefused
from orgs.projects.events import ProjectChanged, ProjectCreated, ProjectDeleted
from orgs.projects.models import Level, Project, ProjectMember, ProjectProperty, ProjectTag
from orgs.projects.signals import project_going


@dataclass(frozen=True)
class Details:
    """What is said of a project. None: not said, and so not changed."""

    name: str | None = None
    summary: str | None = None
    description: str | None = None
    phi: bool | None = None

    def clean(self) -> dict[str, str | bool]:
        """Return what was said, as it is stored, by the names of the columns. Raises ProjectValueRefused."""
        texts = {
            "name": None if self.name is None else spelling.clean_name(self.name),
            "summary": None if self.summary is None else spelling.clean_text(self.summary, "summary", limits.SUMMARY_MAX_CHARS),
            "description": None
            if self.description is None
            else spelling.clean_text(self.description, "description", limits.DESCRIPTION_MAX_CHARS),
        }
        said: dict[str, str | bool] = {name: text for name, text in texts.items() if text is not None}
        return said | ({} if self.phi is None else {"phi": self.phi})


def create(*, caller: HasAccess, details: Details, actor: Actor, org: str | None = None) -> Project:
    """Return a new project, in which the caller's person has ADMINISTER and which is billed to them, or belongs to their
    organization `org` ("org-acme" or "acme").

    Raises OrgNotFound where they are no member of that, ProjectValueRefused, TooManyAttempts, and TokenLimited for a token that could
    not administer it.
    """
    values = {"name": "", **details.clean()}
    if not values["name"]:
        raise ProjectValueRefused(reason="Give the project a name")
    access.require_unlimited(caller, act="Make projects")
    user = caller.user
    throttle.spend(f"projects.made:{user.pk}", limit=limits.MADE_PER_HOUR, window_seconds=limits.HOUR_SECONDS)
    with transaction.atomic():
        # Its row is locked: somebody who is removed meanwhile would keep the project.
        owner = None if org is None else orgs.access.lock_own(caller, org).org
        project = Project.objects.create(billed_to=user, created_by=user, org=owner, **values)
        ProjectMember.objects.create(project=project, user=user, level=Level.ADMINISTER)
        audit.record(
            ProjectCreated(project.public_id, project.name, phi=project.phi, org=owner.public_id if owner else ""),
            subject=user,
            actor=actor,
        )
        project.held = Level.ADMINISTER
        return project


def update(*, caller: HasAccess, project_id: str, details: Details, actor: Actor) -> Project:
    """Change what `details` says, and return the project. What is as it was changes nothing, and is no event.

    Raises ProjectNotFound, LevelTooLow below ADMINISTER, ProjectValueRefused, and PhiStays where the mark should go.
    """
    said = details.clean()
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.ADMINISTER)
        changed = {name: value for name, value in said.items() if getattr(project, name) != value}
        if changed.get("phi") is False:
            raise PhiStays()
        if not changed:
            return project
        name_before = project.name if "name" in changed else ""
        _store(project, changed)
        event = ProjectChanged(project.public_id, project.name, changed=tuple(sorted(changed)), name_before=name_before)
        audit.record(event, subject=caller.user, actor=actor)
        return project


def destroy(*, caller: HasAccess, project_id: str, end_work: bool, actor: Actor) -> None:
    """Delete a project with all that is in it, for good; with `end_work` what runs in it ends.

    Raises ProjectNotFound, LevelTooLow below ADMINISTER, and ProjectBusy where something runs in it that is not to end.
    """
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.ADMINISTER)
        if not end_work and (busy := access.work_in(project)):
            raise ProjectBusy(work=", ".join(counted(one.count, one.noun) for one in busy))
        project_going.send(Project, project=project, actor=actor)
        event = ProjectDeleted(project.public_id, project.name, members=project.members.count())
        audit.record(event, subject=caller.user, actor=actor)
        project.delete()


def add_tags(*, caller: HasAccess, project_id: str, tags: Iterable[str], actor: Actor) -> Project:
    """Add tags, and return the project; one that is there stays. Raises as `update` does, with CONTRIBUTE enough."""
    wanted = {spelling.clean_tag(tag) for tag in tags}
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.CONTRIBUTE)
        there = set(project.tags.values_list("tag", flat=True))
        if len(there | wanted) > limits.TAGS_PER_PROJECT:
            raise ProjectValueRefused(reason=f"A project has at most {limits.TAGS_PER_PROJECT} tags. Remove some first")
        ProjectTag.objects.bulk_create(ProjectTag(project=project, tag=tag) for tag in sorted(wanted - there))
        return project


def remove_tags(*, caller: HasAccess, project_id: str, tags: Iterable[str], actor: Actor) -> Project:
    """Remove tags, and return the project; one that is not there is as good as removed."""
    gone = {spelling.clean_tag(tag) for tag in tags}
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.CONTRIBUTE)
        project.tags.filter(tag__in=gone).delete()
        return project


def set_properties(*, caller: HasAccess, project_id: str, properties: Mapping[str, str | None], actor: Actor) -> Project:
    """Set properties, and return the project; None removes one. Raises as `update` does, with CONTRIBUTE enough."""
    wanted = {spelling.clean_key(key): None if value is None else spelling.clean_value(value) for key, value in properties.items()}
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.CONTRIBUTE)
        project.properties.filter(key__in=wanted).delete()
        kept = [ProjectProperty(project=project, key=key, value=value) for key, value in wanted.items() if value is not None]
        if project.properties.count() + len(kept) > limits.PROPERTIES_PER_PROJECT:
            raise ProjectValueRefused(reason=f"A project has at most {limits.PROPERTIES_PER_PROJECT} properties. Remove some first")
        ProjectProperty.objects.bulk_create(kept)
        return project


def _store(project: Project, changed: Mapping[str, str | bool]) -> None:
    for name, value in changed.items():
        setattr(project, name, value)
    project.modified = timezone.now()
    project.save(update_fields=[*changed, "modified"])
