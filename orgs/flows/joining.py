"""How somebody becomes a member, for every act that makes one."""

from accounts import audit
from accounts.audit import Actor
from accounts.models import User
from orgs.events import OrgMemberAdded
from orgs.models import Membership, Organization, OrgLevel
from orgs.signals import member_joined


def join(*, org: Organization, user: User, level: OrgLevel, actor: Actor, reason: str = "") -> Membership:
    """Make `user` a member and return the membership, with its event. Call it under the locks of organization and person."""
    membership = Membership.objects.create(org=org, user=user, level=level)
    audit.record(OrgMemberAdded(org.public_id, org.name, reason, level=level.value), subject=user, actor=actor)
    member_joined.send(Membership, org=org, user=user, actor=actor)
    return membership
