"""Who may do what in an organization: the one place that compares levels of members (ORG-01, ORG-02)."""

import re
from dataclasses import dataclass

from accounts.audit import Actor
from accounts.callers import HasAccount, require_account
from accounts.errors import InvalidInput, NotForSupport
from accounts.models import User
from accounts.support import Staff, require_may_act_on
from orgs.errors import AdminNeeded, InvitationForOther, OrgNotFound
from orgs.models import HANDLE_PATTERN, Invitation, Membership, MembershipQuerySet, Organization, OrgLevel

PREFIX = "org-"
_HANDLE = re.compile(HANDLE_PATTERN, re.ASCII)


@dataclass(frozen=True)
class Person:
    """Somebody who signed in with a browser: nothing narrows them."""

    user: User
    actor: Actor

    @property
    def reads_account(self) -> bool:
        """It is their account."""
        return True

    @property
    def controls_account(self) -> bool:
        """It is their account."""
        return True


def handle_of(text: str) -> str:
    """Return the handle that `text` names, "acme" or "org-acme", in any case; empty where it can be none."""
    handle = text.lower().removeprefix(PREFIX)
    return handle if _HANDLE.fullmatch(handle) else ""


def memberships(caller: HasAccount) -> MembershipQuerySet:
    """Return the memberships of the caller's person, each with its organization. Raises AccountOutOfReach for a narrow token."""
    require_account(caller, to_change=False)
    return Membership.objects.select_related("org").filter(user=caller.user)


def find(caller: HasAccount, handle: str) -> Membership:
    """Return the caller's membership in the organization that `handle` names, with the organization.

    Raises OrgNotFound for any other organization, known or not, and AccountOutOfReach for a token of chosen projects.
    """
    membership = memberships(caller).filter(org__handle=handle_of(handle)).first()
    if membership is None:
        raise OrgNotFound()
    return membership


def find_as_admin(caller: HasAccount, handle: str) -> Membership:
    """Return the membership as `find` does; raise AdminNeeded for a MEMBER."""
    return require_admin(find(caller, handle))


def require_admin(membership: Membership) -> Membership:
    """Return the membership if it is an admin's; raise AdminNeeded for a MEMBER's."""
    if not membership.is_admin:
        raise AdminNeeded()
    return membership


def lock(caller: HasAccount, handle: str) -> Organization:
    """Return the organization, its row locked until the transaction ends, for an act of its admins, or of support (`Staff`).

    The level is read after the lock is there: whoever was removed or demoted while we waited has no say any more.
    Raises OrgNotFound for a stranger, AdminNeeded for a MEMBER, AccountOutOfReach for a token that is narrower than its owner.
    """
    if isinstance(caller, Staff):
        org = _locked(handle)
        if org is None:
            raise OrgNotFound()
        return org
    return require_admin(lock_own(caller, handle)).org


def lock_own(caller: HasAccount, handle: str) -> Membership:
    """Return the caller's membership, of either level, the organization's row locked as `lock` does. Raises OrgNotFound."""
    require_account(caller, to_change=True)
    org = _locked(handle)
    membership = None if org is None else Membership.objects.filter(org=org, user=caller.user).first()
    if org is None or membership is None:
        raise OrgNotFound()
    membership.org = org
    return membership


def _locked(handle: str) -> Organization | None:
    found: Organization | None = Organization.objects.select_for_update(no_key=True).filter(handle=handle_of(handle)).first()
    return found


def require_invited(invitation: Invitation, user: User) -> None:
    """Return if `user` can accept it; raise InvitationForOther, which says which kind of account can."""
    if invitation.user_id is not None:
        if invitation.user_id != user.pk:
            raise InvitationForOther(who="The account whose username was invited")
    elif invitation.email != user.email:
        raise InvitationForOther(who="An account with the address that it was mailed to")
    if invitation.by_support and invitation.invited_by is not None:
        try:
            require_may_act_on(invitation.invited_by, user)
        except NotForSupport as refused:
            raise InvitationForOther(who="An account that is not of support") from refused


def reason_of(caller: HasAccount) -> str:
    """Return why support acts; empty for anybody else, who needs no reason."""
    return caller.reason if isinstance(caller, Staff) else ""


def level_named(name: str) -> OrgLevel:
    """Return the level of this name, "MEMBER" or "ADMIN"; raise InvalidInput for any other word."""
    if name not in OrgLevel.values:
        raise InvalidInput(reason=f"A level is one of {', '.join(OrgLevel.values)}")
    return OrgLevel(name)
