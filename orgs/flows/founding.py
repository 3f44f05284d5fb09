"""The organization itself: made by support, named by its admins."""

from django.db import IntegrityError, transaction

from accounts import audit, ids
from accounts.audit import Actor
from accounts.callers import HasAccount
from accounts.models import User
from accounts.support import Staff, require_may_act_on
from orgs import access, emails, spelling
from orgs.drafting import PolicyWishes
from orgs.errors import HandleTaken, InviteeNotFound
from orgs.events import OrgCreated, OrgRenamed
from orgs.flows.invitations import Invitee, store
from orgs.flows.policies import set_policies
from orgs.models import Organization, OrgLevel


def found(*, staff: Staff, handle: str, name: str, admin_username: str, actor: Actor) -> Organization:
    """Return a new organization without members; the person of `admin_username` ("amy" or "user-amy") is invited by mail as its ADMIN.

    Nobody is bound before they accept: policies would hold for them at once.

    Raises HandleRefused, OrgValueRefused, InviteeNotFound, HandleTaken, and NotForSupport for themself and for other staff.
    """
    handle, name = spelling.clean_handle(handle), spelling.clean_name(name)
    with transaction.atomic():
        org = _made(handle, name)
        admin: User | None = User.objects.active().filter(username=spelling.username_of(admin_username)).first()
        if admin is None:
            raise InviteeNotFound()
        require_may_act_on(staff.user, admin)
        audit.record(OrgCreated(org.public_id, org.name, staff.reason), subject=admin, actor=actor)
        key, wanted = ids.new_key(), Invitee(name=admin.public_id, to=admin.email, user=admin)
        invitation = store(caller=staff, org=org, wanted=wanted, level=OrgLevel.ADMIN, key=key, actor=actor)
        emails.invited(invitation, to=admin.email, key=key, by=staff.user, is_member=False, reason=staff.reason)
        return org


def rename(*, caller: HasAccount, handle: str, name: str, actor: Actor) -> Organization:
    """Give an organization another name and return it. Raises OrgNotFound, AdminNeeded, OrgValueRefused."""
    name = spelling.clean_name(name)
    with transaction.atomic():
        org = access.lock(caller, handle)
        if name == org.name:
            return org
        before, org.name = org.name, name
        org.save(update_fields=["name"])
        audit.record(OrgRenamed(org.public_id, name, access.reason_of(caller), name_before=before), subject=None, actor=actor)
        return org


def update(*, caller: HasAccount, handle: str, name: str | None, wishes: PolicyWishes | None, actor: Actor) -> Organization:
    """Change name and policies, both or none, and return the organization; None is not said. Raises as `rename` and `set_policies` do."""
    with transaction.atomic():
        org = access.lock(caller, handle)
        if name is not None:
            org = rename(caller=caller, handle=handle, name=name, actor=actor)
        if wishes is not None:
            org = set_policies(caller=caller, handle=handle, wishes=wishes, actor=actor).org
        return org


def _made(handle: str, name: str) -> Organization:
    try:
        with transaction.atomic():
            return Organization.objects.create(handle=handle, name=name)
    except IntegrityError as taken:
        raise HandleTaken() from taken
