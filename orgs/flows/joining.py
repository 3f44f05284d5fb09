"""How somebody becomes a member, for every act that makes one."""

from accounts import audit
from accounts.audit import Actor
from accounts.models import User
from orgs.events import OrgMemberAdded
from orgs.models import Invitation, Membership, Organization, OrgLevel
from orgs.signals import member_joined


def join(*, org: Organization, user: User, level: OrgLevel, actor: Actor, reason: str = "") -> Membership:
    """Make `user` a member and return the membership, with its event. Call it under the locks of organization and person."""
    # What else invites them would outlive the membership: no way back in after a removal.
    Invitation.objects.meant_for(org, user).update(state=Invitation.State.WITHDRAWN)
    membership = Membership.objects.create(org=org, user=user, level=level)
    audit.record(OrgMemberAdded(org.public_id, org.name, reason, level=level.value), subject=user, actor=actor)
    member_joined.send(Membership, org=org, user=user, actor=actor)
    return membership
