"""Whom policies would hit, before they are saved (S7.2, N1): sessions here, second factors and tokens by asking the rooms above."""

import copy
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils import timezone

from accounts import throttle
from accounts.audit import Actor
from accounts.clients import network_of
from accounts.models import User
from accounts.wording import counted
from orgs import drafting, limits, settling
from orgs.drafting import Draft, PolicyWishes
from orgs.models import Organization, Policy
from orgs.policies import SECONDS_PER_MINUTE
from orgs.signals import policies_weighed

NAMES_SHOWN = 5


@dataclass(frozen=True)
class Hit:
    """Whom one policy would hit: `count` things or people of a `kind`, with the usernames of the first few; never more of a person than
    that they are hit (ORG-05). `lead` is the part of the sentence that counts, `rest` what becomes of them.
    """

    policy: str
    kind: str
    count: int
    lead: str
    rest: str
    names: tuple[str, ...] = ()
    report_only: bool = False

    @property
    def sentence(self) -> str:
        """The whole sentence."""
        return f"{self.lead} {self.rest}"


def named(names: Collection[str], count: int) -> str:
    """Return " (amy, ben and 3 more)" for people of whom `names` are the first; empty where there are none."""
    if not names:
        return ""
    more = count - len(names)
    return f" ({', '.join(names)}{f' and {more} more' if more > 0 else ''})"


def weigh(org: Organization, wishes: PolicyWishes) -> list[Hit]:
    """Return whom `wishes` would hit if they were saved now. Changes nothing. Raises PolicyRefused."""
    return weigh_draft(drafting.draft(org, wishes))


def ask(draft: Draft, *, user: User, actor: Actor) -> list[Hit]:
    """Return whom the draft would hit, for somebody who asks before it is saved. That may look at many rows, and so it is counted:
    raises TooManyAttempts beyond 60 a minute by one person, 300 from one address, through whatever door.
    """
    minute = limits.MINUTE_SECONDS
    person, place = f"orgs.previews:{user.pk}", f"orgs.previews-from:{network_of(actor.ip)}"
    throttle.spend(person, limit=limits.PREVIEWS_PER_PERSON_AND_MINUTE, window_seconds=minute)
    throttle.spend(place, limit=limits.PREVIEWS_PER_ADDRESS_AND_MINUTE, window_seconds=minute)
    return weigh_draft(draft)


def weigh_draft(draft: Draft) -> list[Hit]:
    """Return whom the draft would hit, the policies that it would only try out among them."""
    hits = _hits(draft.org, draft.changed, report_only=False)
    tried = draft.tried_changed & set(draft.tried)
    return hits + (_hits(_as_tried(draft, tried), tried, report_only=True) if tried else [])


def standing(org: Organization) -> list[Hit]:
    """Return whom the policies that `org` has concern now: who has no second factor."""
    held = {Policy.SECOND_FACTOR} if org.second_factor_from else set()
    return _hits(org, held, report_only=False)


def _as_tried(draft: Draft, tried: set[Policy]) -> Organization:
    """Return the organization as it would be if what it tries out held."""
    org = copy.copy(draft.org)
    if Policy.AUTO_LOGOUT in tried:
        org.auto_logout_after_minutes = draft.tried[Policy.AUTO_LOGOUT]
    if Policy.TOKEN_LIFE in tried:
        org.longest_token_life_days = draft.tried[Policy.TOKEN_LIFE]
    if Policy.SECOND_FACTOR in tried:
        org.second_factor_from = timezone.now() + timedelta(days=org.second_factor_grace_days)
    org.tokens_allowed = org.tokens_allowed and Policy.TOKENS not in tried
    return org


def _hits(org: Organization, changed: set[Policy], *, report_only: bool) -> list[Hit]:
    if not changed:
        return []
    hits = _sessions_hit(org) if Policy.AUTO_LOGOUT in changed else []
    answers: list[tuple[Any, Any]] = policies_weighed.send(Organization, org=org, changed=changed)
    hits += [hit for _, told in answers for hit in told or []]
    return [Hit(**{**vars(hit), "report_only": report_only}) for hit in hits]


def _sessions_hit(org: Organization) -> list[Hit]:
    now = timezone.now()
    open_now = settling.sessions_of_members(org).live(now)  # type: ignore[attr-defined]  # django-stubs loses the query set's class
    # Its own word before and after, and the house: what sessions have by other organizations is none of its business (ORG-05).
    before = Organization.objects.values_list("auto_logout_after_minutes", flat=True).get(pk=org.pk)
    old, new = _limit_seconds(before), _limit_seconds(org.auto_logout_after_minutes)
    total = 0 if new == old else open_now.order_by().count()
    if not total:
        return []
    kind, words = ("sessions-shortened", "shorter") if new < old else ("sessions-lengthened", "longer")
    hit = _hit(kind, total, f"{total} of {counted(total, 'open session')}", f"{'gets' if total == 1 else 'get'} a {words} limit")
    return [hit, *_ended(open_now.order_by().filter(last_activity__lte=now - timedelta(seconds=new)))]


def _limit_seconds(minutes: int | None) -> int:
    return settings.IDLE_LIMIT_SECONDS if minutes is None else minutes * SECONDS_PER_MINUTE


def _ended(over: "QuerySet[Any]") -> list[Hit]:
    """Return those that are idle for so long already that they end at once."""
    counts = over.aggregate(sessions=Count("pk"), people=Count("user", distinct=True))
    ended, people = counts["sessions"], counts["people"]
    if not ended:
        return []
    first = tuple(over.order_by("user__username").values_list("user__username", flat=True).distinct()[:NAMES_SHOWN])
    return [_hit("sessions-ended", ended, str(ended), f"{'ends' if ended == 1 else 'end'} at once{named(first, people)}", first)]


def _hit(kind: str, count: int, lead: str, rest: str, names: tuple[str, ...] = ()) -> Hit:
    return Hit(policy=str(Policy.AUTO_LOGOUT), kind=kind, count=count, lead=lead, rest=rest, names=names)
