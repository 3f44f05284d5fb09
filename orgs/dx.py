"""The dx client's door to organizations (DX_PROTOCOL 8.2): what a member may see of theirs."""

from typing import Any

from accounts.callers import Body, HasAccount, fields_asked, require_account
from accounts.moments import milliseconds
from orgs.errors import OrgNotFound
from orgs.models import Membership, OrgLevel

PREFIX = "org-"
FIELDS = ("id", "class", "name", "handle", "created", "level", "admins", "policies")


def describe_org(caller: HasAccount, body: Body, entity_id: str) -> dict[str, Any]:
    """Return the description of an organization of the caller's. Raises OrgNotFound for any other, known or not.

    `policies.autoLogoutAfter` is in minutes; null: the house's own limit holds.
    """
    require_account(caller, to_change=False)
    handle = entity_id.removeprefix(PREFIX).lower()
    mine = Membership.objects.select_related("org").filter(user=caller.user)
    membership = None if "\x00" in handle else mine.filter(org__handle=handle).first()
    if membership is None:
        raise OrgNotFound()
    wanted = fields_asked(body, default=FIELDS, on_request=())
    described = _description(membership) | ({"admins": _admins(membership)} if "admins" in wanted else {})
    return {name: value for name, value in described.items() if name in wanted}


def _description(membership: Membership) -> dict[str, Any]:
    org = membership.org
    return {
        "id": org.public_id,
        "class": "org",
        "name": org.name,
        "handle": org.handle,
        "created": milliseconds(org.created),
        "level": membership.level,
        "policies": {"autoLogoutAfter": org.auto_logout_after_minutes},
    }


def _admins(membership: Membership) -> list[str]:
    admins = Membership.objects.filter(org=membership.org, level=OrgLevel.ADMIN).select_related("user").order_by("user__username")
    return [admin.user.public_id for admin in admins]


ROUTES = {"org-{id}/describe": describe_org}
