"""Who belongs to an organization, and with which level. Each act is one transaction under the organization's lock, so that of two
admins who demote each other at once one stays (ORG-02).
"""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from accounts import audit, throttle
from accounts.audit import Actor
from accounts.callers import HasAccount
from accounts.credentials import Casualties
from accounts.errors import TooManyAttempts
from accounts.models import User
from accounts.support import Staff, require_may_act_on
from orgs import access, emails, limits, spelling
from orgs.errors import LastAdmin, OrgMemberNotFound
from orgs.events import OrgMemberChanged, OrgMemberRemoved
from orgs.models import Invitation, Membership, Organization, OrgLevel
from orgs.signals import losses_asked, member_leaving, member_left

Lost = dict[str, list[str]]  # public ids by noun


def find_member(*, org: Organization, username: str) -> Membership:
    """Return the member of this username ("amy" or "user-amy") with their account. Raises OrgMemberNotFound. Changes nothing."""
    name = spelling.username_of(username)
    member = Membership.objects.select_related("user", "org").filter(org=org, user__username=name).first()
    if member is None:
        raise OrgMemberNotFound()
    return member


def find_losses(*, org: Organization, user: User) -> list[Casualties]:
    """Return what `user` would lose with their membership now, by asking the rooms above. Changes nothing."""
    answers: list[tuple[Any, Any]] = losses_asked.send(Membership, org=org, user=user)
    return [casualty for _, told in answers for casualty in told or [] if casualty.count]


def change_level(*, caller: HasAccount, handle: str, username: str, level: OrgLevel, actor: Actor) -> Membership:
    """Give a member another level and return the membership; the one they have already is no change, no event and no mail.

    Whoever is no admin any more has no invitations under way any more. Raises OrgNotFound, AdminNeeded, OrgMemberNotFound, LastAdmin,
    TooManyAttempts, and NotForSupport. Beyond three mails a day about their level a person reads of it in their history.
    """
    return change_levels(caller=caller, handle=handle, wishes={username: level}, actor=actor)[0]


def change_levels(*, caller: HasAccount, handle: str, wishes: Mapping[str, OrgLevel], actor: Actor) -> list[Membership]:
    """Give members (by username) other levels, all or none of them, and return the memberships. Raises as `change_level` does."""
    key, uses = f"orgs.changed:{caller.user.pk}", len(wishes)
    throttle.spend(key, limit=limits.CHANGES_PER_HOUR, window_seconds=limits.HOUR_SECONDS, uses=uses)
    with transaction.atomic():
        org = access.lock(caller, handle)
        # New admins first, so that one call can hand an organization over.
        ordered = sorted(wishes.items(), key=lambda wish: wish[1] != OrgLevel.ADMIN)
        return [_changed(caller, org, username, level, actor) for username, level in ordered]


def remove(*, caller: HasAccount, handle: str, username: str, actor: Actor) -> Lost:
    """Take a person out of an organization and return what they lost with it, the projects of the organization first of all.

    Policies and projects are gone with their next request (S7.1). Raises as `change_level` does.
    """
    with transaction.atomic():
        org = access.lock(caller, handle)
        member = _member(caller, org, username)
        _require_another_admin(member, None)
        lost = _end(member, actor, left=False, reason=access.reason_of(caller))
        emails.removed(member.user, org=org, lost=_count(lost), actor=actor, reason=access.reason_of(caller))
        if isinstance(caller, Staff):
            emails.support_acted(org, did=f"removed {member.user.public_id}", actor=actor, reason=caller.reason)
        return lost


def leave(*, caller: HasAccount, handle: str, actor: Actor) -> Lost:
    """Give up one's own membership and return what was lost with it. Raises OrgNotFound, LastAdmin."""
    with transaction.atomic():
        member = access.lock_own(caller, handle)
        _require_another_admin(member, None)
        return _end(member, actor, left=True)


def _member(caller: HasAccount, org: Organization, username: str) -> Membership:
    member = find_member(org=org, username=username)
    if isinstance(caller, Staff):
        require_may_act_on(caller.user, member.user)
    member.org = org
    return member


def _changed(caller: HasAccount, org: Organization, username: str, level: OrgLevel, actor: Actor) -> Membership:
    member = _member(caller, org, username)
    if level != member.level:
        _require_another_admin(member, level)
        _set_level(caller, member, level, actor)
    return member


def _require_another_admin(member: Membership, level: OrgLevel | None) -> None:
    if not member.is_admin or level == OrgLevel.ADMIN:
        return
    if not Membership.objects.filter(org=member.org).admins().exclude(pk=member.pk).exists():
        raise LastAdmin()


def _set_level(caller: HasAccount, member: Membership, level: OrgLevel, actor: Actor) -> None:
    before, member.level = member.level, level
    member.save(update_fields=["level"])
    if before == OrgLevel.ADMIN:
        _withdraw_theirs(member)
    org, reason = member.org, access.reason_of(caller)
    event = OrgMemberChanged(org.public_id, org.name, reason, level=level.value, level_before=before)
    audit.record(event, subject=member.user, actor=actor)
    if _may_mail(member):
        emails.level_changed(member.user, org=org, level=level.value, level_before=before, actor=actor, reason=reason)
    if isinstance(caller, Staff):
        did = f"changed the level of {member.user.public_id} from {before} to {level.value}"
        emails.support_acted(org, did=did, actor=actor, reason=reason, but=member.user)


def _may_mail(member: Membership) -> bool:
    """Return whether a further mail about their level is no flood; every change stands in their history."""
    told = throttle.key_for("orgs.level-told", f"{member.org.pk}:{member.user.pk}")
    try:
        throttle.spend(told, limit=limits.LEVEL_MAILS_PER_DAY, window_seconds=limits.DAY_SECONDS)
    except TooManyAttempts:
        return False
    return True


def _end(member: Membership, actor: Actor, *, left: bool, reason: str = "") -> Lost:
    org, user = member.org, member.user
    told: list[tuple[Any, Any]] = member_leaving.send(Membership, org=org, user=user, actor=actor)
    lost: Lost = {noun: ids for _, answer in told for noun, ids in (answer or {}).items()}
    User.objects.lock(user.pk)  # after the projects, before their sessions: the order of every act
    _withdraw_theirs(member)
    event = OrgMemberRemoved(org.public_id, org.name, reason, level=member.level, left=left, lost=_count(lost))
    audit.record(event, subject=user, actor=actor)
    member.delete()
    member_left.send(Membership, org=org, user=user, actor=actor)
    return lost


def _withdraw_theirs(member: Membership) -> None:
    # Or a former admin, or member, could come back by an invitation of their own, or by one that they kept.
    theirs = Invitation.objects.pending().filter(org=member.org, invited_by=member.user)
    kept = Invitation.objects.meant_for(member.org, member.user)
    for invitations in (theirs, kept):
        invitations.update(state=Invitation.State.WITHDRAWN)


def _count(lost: Lost) -> int:
    return sum(len(ids) for ids in lost.values())
