"""Who belongs to a project, and with which level. Each act is one transaction under the project's lock, so that of two
administrators who remove each other at once one stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from accounts import audit, throttle
from accounts.audit import Actor
from accounts.errors import TooManyAttempts
from accounts.models import User
from accounts.spelling import fold_username
from orgs.errors import InviteeNotFound
from orgs.projects import access, emails, limits
from orgs.projects.access import HasAccess
from orgs.projects.errors import LastAdministrator, MemberNotFound
from orgs.projects.events import ProjectMemberAdded, ProjectMemberChanged, ProjectMemberRemoved
from orgs.projects.models import Level, Project, ProjectMember

USER_PREFIX = "user-"


@dataclass(frozen=True)
class Invited:
    """A member, and whether the invitation made them one."""

    member: ProjectMember
    is_new: bool


def invite(*, caller: HasAccess, project_id: str, invitee: str, level: Level, actor: Actor, by_mail: bool = True) -> Invited:
    """Make the person of the username `invitee` ("amy" or "user-amy") a member with `level`; it holds at once.

    Somebody who is a member already is raised to `level`, never lowered: inviting twice is harmless. `by_mail`: they are told.
    Raises ProjectNotFound, LevelTooLow below ADMINISTER, InviteeNotFound, TooManyAttempts.
    """
    access.find(caller, project_id, Level.ADMINISTER)
    throttle.spend(f"projects.invited:{caller.user.pk}", limit=limits.INVITED_PER_HOUR, window_seconds=limits.HOUR_SECONDS)
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.ADMINISTER)
        user = _person(invitee)
        member = project.members.select_related("user").filter(user=user).first()
        if member is not None:
            if level > member.level:
                _set_level(project, member, level, actor)
            return Invited(member, is_new=False)
        member = ProjectMember.objects.create(project=project, user=user, level=level)
        audit.record(ProjectMemberAdded(project.public_id, project.name, level.label), subject=user, actor=actor)
        if by_mail and _may_be_told(project, user):
            emails.added_to_project(user, project=project, level=level, actor=actor)
        return Invited(member, is_new=True)


def change_member(*, caller: HasAccess, project_id: str, username: str, level: Level, actor: Actor) -> ProjectMember:
    """Give a member another level, higher or lower, and return them.

    Raises ProjectNotFound, LevelTooLow below ADMINISTER, MemberNotFound, LastAdministrator.
    """
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.ADMINISTER)
        member = _member(project, username)
        if level != member.level:
            _require_another_administrator(project, member, level)
            _set_level(project, member, level, actor)
        return member


def decrease(*, caller: HasAccess, project_id: str, wishes: Mapping[str, Level | None], actor: Actor) -> Project:
    """Lower members to a level, or remove them (None), all or none of them; return the project. Raises nobody's level.

    The keys of `wishes` are usernames. Raises as `change_member` does.
    """
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.ADMINISTER)
        for username, level in wishes.items():
            member = _member(project, username)
            _require_another_administrator(project, member, level)
            if level is None:
                _remove(project, member, actor, left=False)
            elif level < member.level:
                _set_level(project, member, level, actor)
        return project


def remove_member(*, caller: HasAccess, project_id: str, username: str, actor: Actor) -> None:
    """Take a person out of a project; they, and their tokens, lose it with their next request.

    Raises ProjectNotFound, LevelTooLow below ADMINISTER, MemberNotFound, LastAdministrator.
    """
    decrease(caller=caller, project_id=project_id, wishes={username: None}, actor=actor)


def leave(*, caller: HasAccess, project_id: str, actor: Actor) -> None:
    """Give up one's own membership. Raises ProjectNotFound, LastAdministrator, and TokenLimited for a narrower token."""
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.VIEW)
        access.require_unlimited(caller, act="Leave the project")
        member = _member(project, caller.user.username)
        _require_another_administrator(project, member, None)
        _remove(project, member, actor, left=True)


def _may_be_told(project: Project, user: User) -> bool:
    """Return whether a mail to `user` about this project is due: one a day, or adding and removing would be a way to fill mailboxes."""
    try:
        throttle.spend(f"projects.told:{project.pk}:{user.pk}", limit=1, window_seconds=limits.DAY_SECONDS)
    except TooManyAttempts:
        return False
    return True


def _person(invitee: str) -> User:
    user: User | None = User.objects.active().filter(username=_username(invitee)).first()
    if user is None:
        raise InviteeNotFound()
    return user


def _username(text: str) -> str:
    return fold_username(text.removeprefix(USER_PREFIX)).replace("\x00", "")


def _member(project: Project, username: str) -> ProjectMember:
    member = project.members.select_related("user").filter(user__username=_username(username)).first()
    if member is None:
        raise MemberNotFound()
    return member


def _require_another_administrator(project: Project, member: ProjectMember, level: Level | None) -> None:
    if member.level != Level.ADMINISTER or level == Level.ADMINISTER:
        return
    if not project.members.administrators().exclude(pk=member.pk).exists():
        raise LastAdministrator()


def _set_level(project: Project, member: ProjectMember, level: Level, actor: Actor) -> None:
    before, member.level = Level(member.level), level
    member.save(update_fields=["level"])
    event = ProjectMemberChanged(project.public_id, project.name, level.label, level_before=before.label)
    audit.record(event, subject=member.user, actor=actor)


def _remove(project: Project, member: ProjectMember, actor: Actor, *, left: bool) -> None:
    event = ProjectMemberRemoved(project.public_id, project.name, Level(member.level).label, left=left)
    audit.record(event, subject=member.user, actor=actor)
    member.delete()
