"""What this room does when somebody leaves an organization: they lose its projects, and no project is left without an administrator."""

from collections.abc import Iterator

from django.dispatch import receiver

from accounts import audit
from accounts.audit import Actor, Payload
from accounts.credentials import NAMES_SHOWN, Casualties
from accounts.models import User
from orgs.models import Membership, Organization
from orgs.projects.errors import NoHeir
from orgs.projects.events import ProjectMemberAdded, ProjectMemberChanged, ProjectMemberRemoved
from orgs.projects.models import Level, Project, ProjectMember
from orgs.signals import losses_asked, member_leaving


@receiver(losses_asked, dispatch_uid="projects.name_what_would_be_lost")
def name_what_would_be_lost(*, org: Organization, user: User, **kwargs: object) -> list[Casualties]:
    """Return which projects of `org` the person is in."""
    names = list(Project.objects.filter(org=org, members__user=user).by_name().values_list("name", flat=True))
    return [Casualties(noun="project", count=len(names), names=names[:NAMES_SHOWN], verb="Takes away")]


@receiver(member_leaving, dispatch_uid="projects.take_projects_away")
def take_projects_away(*, org: Organization, user: User, actor: Actor, **kwargs: object) -> dict[str, list[str]]:
    """Take every project of `org` from `user` and return their ids; where nobody else administers one, an admin of `org` does.

    Raises NoHeir.
    """
    # Locked in the order of ids, so that two of these wait for each other in one direction only.
    projects = list(Project.objects.filter(org=org, members__user=user).select_for_update(no_key=True, of=("self",)).order_by("pk"))
    if not projects:
        return {}
    mine = {member.project_id: member for member in ProjectMember.objects.filter(project__in=projects, user=user)}
    going = [ProjectMemberRemoved(one.public_id, one.name, Level(mine[one.pk].level).label) for one in projects]
    entries: list[tuple[Payload, User | None]] = [(event, user) for event in going]
    orphans = _orphans([one for one in projects if mine[one.pk].level == Level.ADMINISTER], user)
    if orphans:
        entries += _inherited(orphans, org, user, actor)
    ProjectMember.objects.filter(pk__in=[member.pk for member in mine.values()]).delete()
    audit.record_many(entries, actor=actor)
    return {"project": [one.public_id for one in projects]}


def _orphans(projects: list[Project], user: User) -> list[Project]:
    """Return those of `projects` that nobody but `user` administers."""
    others = ProjectMember.objects.filter(project__in=projects).administrators().exclude(user=user)
    kept = set(others.values_list("project", flat=True))
    return [one for one in projects if one.pk not in kept]


def _inherited(orphans: list[Project], org: Organization, user: User, actor: Actor) -> list[tuple[Payload, User | None]]:
    heir = _heir(org, user, actor)
    if heir is not None:
        return list(_handed_over(orphans, heir))
    return [entry for project in orphans for entry in _handed_over([project], _heir_in(project, user))]


def _heir(org: Organization, user: User, actor: Actor) -> User | None:
    """Return who takes over: whoever removed `user`, if an admin of `org`, else the one of longest standing, best of its active admins.

    None: `user` is alone in `org`.
    """
    others = Membership.objects.filter(org=org).exclude(user=user).select_related("user")
    acting = others.admins().filter(user=actor.user).first() if actor.user is not None else None
    # By name ADMIN comes before MEMBER.
    found = acting or others.order_by("level", "-user__is_active", "created", "pk").first()
    return found.user if found else None


def _heir_in(project: Project, user: User) -> User:
    others = ProjectMember.objects.filter(project=project).exclude(user=user).select_related("user")
    found = others.order_by("-user__is_active", "-level", "pk").first()
    if found is None:
        raise NoHeir()
    heir: User = found.user
    return heir


def _handed_over(orphans: list[Project], heir: User) -> Iterator[tuple[Payload, User | None]]:
    there = {member.project_id: member for member in ProjectMember.objects.filter(project__in=orphans, user=heir)}
    top = Level.ADMINISTER
    for project in orphans:
        member = there.get(project.pk)
        if member is None:
            yield ProjectMemberAdded(project.public_id, project.name, top.label), heir
        else:
            before = Level(member.level).label
            yield ProjectMemberChanged(project.public_id, project.name, top.label, level_before=before), heir
    ProjectMember.objects.filter(pk__in=[member.pk for member in there.values()]).update(level=top)
    new = [ProjectMember(project=one, user=heir, level=top) for one in orphans if one.pk not in there]
    ProjectMember.objects.bulk_create(new)
