"""The dx client's door to organizations (DX_PROTOCOL 8.2): what a member may see of theirs, and what an admin does.

A member's access to a project is that project's own matter here: `projectAccess`, `appAccess` and `allowBillableActivities` are read
from no body, and say in answers what holds for everybody.
"""

from typing import Any

from accounts.callers import Body, HasAccount, fields_asked, flag_of, mapping_of, require_few, text_of, texts_of, whole_of
from accounts.errors import InvalidInput
from accounts.models import User
from accounts.moments import milliseconds
from orgs import access, flows, spelling
from orgs.drafting import UNSAID, PolicyWishes, Unsaid
from orgs.models import Membership, Organization, OrgLevel

FIELDS = (
    "id", "class", "name", "handle", "created", "level", "allowBillableActivities", "createProjectsAndApps", "appAccess",
    "projectAccess", "admins", "policies",
)  # fmt: skip
MEMBER_ACCESS = {"allowBillableActivities": True, "createProjectsAndApps": True, "appAccess": True, "projectAccess": "NONE"}
# What the client can ask of an organization, and is so in each of them here.
SETTLED = {"memberListVisibility": "MEMBER", "restrictProjectTransfer": "MEMBER", "jobReuse": True}
FIND_DEFAULT_ROWS, FIND_MAX_ROWS = 100, 1000
USER_PREFIX = spelling.USER_PREFIX


def describe_org(caller: HasAccount, body: Body, entity_id: str) -> dict[str, Any]:
    """Return the description of an organization of the caller's. Raises OrgNotFound for any other, known or not.

    `policies.autoLogoutAfter` is in minutes; null: the house's own limit holds.
    """
    membership = access.find(caller, entity_id)
    return _described(membership, fields_asked(body, default=FIELDS, on_request=()))


def find_orgs(caller: HasAccount, body: Body) -> dict[str, Any]:
    """Return one page of the caller's organizations, by handle: `results`, and `next` (null on the last page)."""
    mine = access.memberships(caller)
    if (level := text_of(body, "level", required=False)) is not None:
        # "At least", as the client says it: an admin is a member, too.
        mine = mine.filter(level=OrgLevel.ADMIN) if access.level_named(level) == OrgLevel.ADMIN else mine
    found, following = _page(mine.order_by("org__handle"), body, "org__handle")
    asked = body.get("describe")
    wanted = fields_asked(asked if isinstance(asked, dict) else {}, default=FIELDS, on_request=()) - {"admins"} if asked else set()
    rows = [
        {"id": one.org.public_id, "level": one.level, "public": False} | ({"describe": _described(one, wanted)} if wanted else {})
        for one in found
    ]
    return {"results": rows, "next": following}


def find_members(caller: HasAccount, body: Body, entity_id: str) -> dict[str, Any]:
    """Return one page of the members of an organization of the caller's, by username; with `id` only those of these ids."""
    membership = access.find(caller, entity_id)
    members = Membership.objects.filter(org=membership.org).select_related("user")
    if "id" in body:
        names = texts_of(body, "id") if isinstance(body["id"], list) else [text_of(body, "id")]
        members = members.filter(user__username__in=[spelling.username_of(name) for name in names])
    if (level := text_of(body, "level", required=False)) is not None:
        members = members.filter(level=access.level_named(level))
    found, following = _page(members.order_by("user__username"), body, "user__username")
    described = bool(body.get("describe"))
    rows = [
        {"id": one.user.public_id, "level": one.level, **MEMBER_ACCESS} | ({"describe": _person(one.user)} if described else {})
        for one in found
    ]
    return {"results": rows, "next": following}


def invite(caller: HasAccount, body: Body, entity_id: str) -> dict[str, Any]:
    """Mail an invitation to a username, "user-bob", or to an address. Nobody is a member before accepting it: `state` is "pending"."""
    invitee, level = text_of(body, "invitee"), text_of(body, "level", required=False)
    if "@" in invitee:
        # The client puts the prefix of usernames before an address, too.
        invitee = invitee.removeprefix(USER_PREFIX)
    if "@" not in invitee and not invitee.startswith(USER_PREFIX):
        raise InvalidInput(reason='Invite a person by username, as "user-amy", or by an e-mail address')
    flows.invite(
        caller=caller, handle=entity_id, invitee=invitee, level=access.level_named(level or "MEMBER"),
        by_mail=not flag_of(body, "suppressEmailNotification"), actor=caller.actor,
    )  # fmt: skip
    return {"id": _id(entity_id), "state": "pending"}


def set_member_access(caller: HasAccount, body: Body, entity_id: str) -> dict[str, Any]:
    """Give members other levels, all or none of them: `{"user-alice": {"level": "ADMIN"}}`."""
    require_few(body, "setMemberAccess")
    wishes = {}
    for name in body:
        level = text_of(mapping_of(body, name), "level", required=False)
        if level is not None:
            wishes[name] = access.level_named(level)
    flows.change_levels(caller=caller, handle=entity_id, wishes=wishes, actor=caller.actor)
    return {"id": _id(entity_id)}


def remove_member(caller: HasAccount, body: Body, entity_id: str) -> dict[str, Any]:
    """Take a person out of the organization, with its projects, whose ids are the keys of `projects`; oneself: leave it."""
    username = text_of(body, "user")
    for name in ("revokeProjectPermissions", "revokeAppPermissions"):
        if flag_of(body, name) is False:
            raise InvalidInput(reason=f'Whoever is removed loses the projects of the organization. Leave "{name}" out, or give true')
    if spelling.username_of(username) == caller.user.username:
        lost = flows.leave(caller=caller, handle=entity_id, actor=caller.actor)
    else:
        lost = flows.remove(caller=caller, handle=entity_id, username=username, actor=caller.actor)
    return {"id": _id(entity_id), "projects": dict.fromkeys(lost.get("project", []), "NONE"), "apps": {}}


def update_org(caller: HasAccount, body: Body, entity_id: str) -> dict[str, Any]:
    """Change name and policies, both or none; `autoLogoutAfter` in minutes, null for none of the organization's own."""
    name, policies = text_of(body, "name", required=False), mapping_of(body, "policies")
    wishes = _wishes(policies) if policies else None
    org = flows.update(caller=caller, handle=entity_id, name=name, wishes=wishes, actor=caller.actor)
    return {"id": org.public_id}


def _described(membership: Membership, wanted: set[str]) -> dict[str, Any]:
    org = membership.org
    described: dict[str, Any] = {
        "id": org.public_id,
        "class": "org",
        "name": org.name,
        "handle": org.handle,
        "created": milliseconds(org.created),
        "level": membership.level,
        "policies": _policies(org),
        **MEMBER_ACCESS,
    }
    if "admins" in wanted:
        described["admins"] = _admins(org)
    return {name: value for name, value in described.items() if name in wanted}


def _policies(org: Organization) -> dict[str, Any]:
    return {
        **SETTLED,
        "autoLogoutAfter": org.auto_logout_after_minutes,
        "require2fa": org.second_factor_from is not None,
        "require2faFrom": milliseconds(org.second_factor_from) if org.second_factor_from else None,
        "gracePeriodDays": org.second_factor_grace_days,
        "longestTokenLife": org.longest_token_life_days,
        "tokensAllowed": org.tokens_allowed,
        "resetWaitHours": org.reset_wait_hours,
    }


def _admins(org: Organization) -> list[str]:
    admins = Membership.objects.filter(org=org).admins().select_related("user").order_by("user__username")
    return [admin.user.public_id for admin in admins]


def _person(user: User) -> dict[str, Any]:
    return {"id": user.public_id, "class": "user", "handle": user.username, "first": user.first_name, "last": user.last_name}


def _id(entity_id: str) -> str:
    return access.PREFIX + access.handle_of(entity_id)


def _page(memberships: Any, body: Body, key: str) -> tuple[list[Membership], str | None]:
    rows = whole_of(body, "limit", default=FIND_DEFAULT_ROWS, least=1, most=FIND_MAX_ROWS)
    start = text_of(body, "starting", required=False)
    if start is not None:
        memberships = memberships.filter(**{f"{key}__gte": start.replace("\x00", "")})
    found = list(memberships[: rows + 1])
    if len(found) <= rows:
        return found, None
    after = found[rows]
    return found[:rows], after.org.handle if key == "org__handle" else after.user.username


def _wishes(asked: Body) -> PolicyWishes:
    for name, settled in SETTLED.items():
        if name in asked and asked[name] != settled:
            raise InvalidInput(reason=f'"{name}" is the same in every organization here. Leave it out')
    known = {"autoLogoutAfter", "require2fa", "gracePeriodDays", "longestTokenLife", "tokensAllowed", "resetWaitHours", *SETTLED}
    if unknown := sorted(set(asked) - known):
        raise InvalidInput(reason=f"There is no policy {unknown[0][:100]!r}")
    return PolicyWishes(
        auto_logout_after=_number(asked, "autoLogoutAfter"),
        require_second_factor=_flag(asked, "require2fa"),
        grace_days=UNSAID if asked.get("gracePeriodDays") is None else _whole(asked, "gracePeriodDays"),
        longest_token_life=_number(asked, "longestTokenLife"),
        tokens_allowed=_flag(asked, "tokensAllowed"),
        reset_wait_hours=_number(asked, "resetWaitHours"),
    )


def _number(asked: Body, name: str) -> int | None | Unsaid:
    if name not in asked:
        return UNSAID
    return None if asked[name] is None else _whole(asked, name)


def _whole(asked: Body, name: str) -> int:
    value = asked[name]
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInput(reason=f'"{name}" must be a whole number')
    return value


def _flag(asked: Body, name: str) -> bool | Unsaid:
    flag = flag_of(asked, name)
    return UNSAID if flag is None else flag


ROUTES = {
    "system/findOrgs": find_orgs,
    "org-{id}/describe": describe_org,
    "org-{id}/findMembers": find_members,
    "org-{id}/invite": invite,
    "org-{id}/setMemberAccess": set_member_access,
    "org-{id}/removeMember": remove_member,
    "org-{id}/update": update_org,
}
