"""Who is in an organization, as its admins see it (S7.3): second factor, tokens, last activity; nothing of other organizations, no label,
no address (ORG-05). What rooms above know of members, they tell by settings.MEMBER_FACTS and settings.MEMBERS_TO_LOOK_AT.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, Q, Subquery
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.audit import Event
from accounts.models import SecurityEvent, Session, User
from orgs import limits
from orgs.models import Membership, MembershipQuerySet, Organization


@dataclass(frozen=True)
class Entry:
    """A member, and what an admin may know of them; `facts` is empty for anybody else who looks."""

    membership: Membership
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_long_away(self) -> bool:
        """Whether they did nothing for so long that somebody should ask."""
        seen = self.facts.get("last_activity") or self.membership.created
        return bool(self.facts) and timezone.now() - seen > timedelta(days=limits.LONG_AWAY_DAYS)


def members(org: Organization, *, search: str = "") -> MembershipQuerySet:
    """Return the members of `org` whose username or name holds `search`, in the order of usernames, each with their account."""
    found = Membership.objects.filter(org=org).select_related("user").order_by("user__username")
    if not search:
        return found
    named = Q(user__username__icontains=search) | Q(user__first_name__icontains=search) | Q(user__last_name__icontains=search)
    return found.filter(named)


def to_look_at(org: Organization, found: MembershipQuerySet) -> MembershipQuerySet:
    """Return those of `found` that an admin should look at: without a second factor, with unused tokens, or long away.

    Asked row by row, in the order of an index: the first page of a hundred thousand members costs what it shows, and no more.
    """
    wanted = _is_long_away()
    for path in settings.MEMBERS_TO_LOOK_AT:
        wanted |= import_string(path)(org)
    return found.filter(wanted).order_by("user_id")


def with_facts(org: Organization, memberships: Sequence[Membership]) -> list[Entry]:
    """Return the entries of one page of members with what an admin may know; a few queries, however many they are."""
    users = [membership.user for membership in memberships]
    told = [_activity(org, users), *(import_string(path)(org, users) for path in settings.MEMBER_FACTS)] if users else []
    return [
        Entry(membership, {name: value for facts in told for name, value in facts.get(membership.user_id, {}).items()})
        for membership in memberships
    ]


def without_facts(memberships: Sequence[Membership]) -> list[Entry]:
    """Return the entries of one page of members as their peers see them: names and levels."""
    return [Entry(membership) for membership in memberships]


def _activity(org: Organization, users: list[User]) -> dict[int, dict[str, datetime | None]]:
    """Return by id of user when they last did something in a session that lives, or signed in."""
    live = Session.objects.filter(user__in=users).live(timezone.now()).order_by()
    seen: dict[int, datetime] = dict(live.values_list("user").annotate(at=Max("last_activity")))
    of_member = SecurityEvent.objects.filter(subject=OuterRef("user"), event=Event.LOGIN_PASSED.value).order_by("-at", "-pk")
    logins = Membership.objects.filter(org=org, user__in=users).values_list("user", Subquery(of_member.values("at")[:1]))
    return {pk: {"last_activity": max(filter(None, (at, seen.get(pk))), default=None)} for pk, at in logins}


def _is_long_away() -> Q:
    since = timezone.now() - timedelta(days=limits.LONG_AWAY_DAYS)
    here = Exists(Session.objects.filter(user=OuterRef("user"), last_activity__gt=since))
    came = Exists(SecurityEvent.objects.filter(subject=OuterRef("user"), event=Event.LOGIN_PASSED.value, at__gt=since))
    return Q(~here, ~came, created__lte=since)
