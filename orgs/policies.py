"""What the organizations of a person demand of them: of several policies the strictest holds."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Min, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.sessions import IdleLimits
from orgs.models import Organization, Policy, Rehearsal

SECONDS_PER_MINUTE = 60


def idle_limit_for(user: User) -> int:
    """Return after how many seconds without activity a session of `user` ends.

    The smallest `auto_logout_after_minutes` among the organizations, else IDLE_LIMIT_SECONDS. One query.
    """
    return idle_limits_for(user).seconds


def idle_limits_for(user: User) -> IdleLimits:
    """Return that limit, and the strictest that an organization only tries out (settings.IDLE_LIMIT_POLICY names this). One query."""
    tried = Q(rehearsals__policy=Policy.AUTO_LOGOUT)
    strictest = Organization.objects.of(user).aggregate(
        minutes=Min("auto_logout_after_minutes"), tried=Min("rehearsals__value", filter=tried)
    )
    minutes, rehearsed = strictest["minutes"], strictest["tried"]
    return IdleLimits(
        seconds=settings.IDLE_LIMIT_SECONDS if minutes is None else minutes * SECONDS_PER_MINUTE,
        rehearsed_seconds=None if rehearsed is None else rehearsed * SECONDS_PER_MINUTE,
    )


@dataclass(frozen=True)
class SecondFactorRule:
    """An organization requires two-factor authentication of its members, `since` a moment that may be ahead."""

    org_name: str
    since: datetime


def second_factor_rule(user: User) -> SecondFactorRule | None:
    """Return the rule that holds first for `user`; None where no organization of theirs has one. One query."""
    first = Organization.objects.of(user).with_second_factor_rule().first()
    return SecondFactorRule(first.name, first.second_factor_from) if first and first.second_factor_from else None


@dataclass(frozen=True)
class TokenRules:
    """What the organizations of a person say of tokens: `days` is how long one lives at most, `limited_by` the name of who says so,
    `refused_by` the name of one that allows no API tokens. `rehearsed`: rules that are only tried out, as rows.
    """

    days: int | None = None
    limited_by: str = ""
    refused_by: str = ""
    rehearsed: tuple[Rehearsal, ...] = ()


def token_rules_for(user: User) -> TokenRules:
    """Return what holds for the tokens of `user`, the strictest of several. One query."""
    # Policies and what is tried out in one: an organization stands in as many rows as it tries things out.
    rows = Organization.objects.of(user).order_by("pk").values_list(
        "name", "longest_token_life_days", "tokens_allowed", "rehearsals__id", "rehearsals__policy", "rehearsals__value", "pk"
    )  # fmt: skip
    days, limited_by, refused_by, rehearsed = None, "", "", []
    for name, most, allowed, pk, policy, value, org in rows:
        if most is not None and (days is None or most < days):
            days, limited_by = most, name
        refused_by = refused_by or ("" if allowed else name)
        if policy in (Policy.TOKEN_LIFE, Policy.TOKENS):
            rehearsed.append(Rehearsal(pk=pk, org_id=org, policy=policy, value=value))
    return TokenRules(days=days, limited_by=limited_by, refused_by=refused_by, rehearsed=tuple(rehearsed))


def reset_wait_hours_for(user: User) -> int:
    """Return for how many hours `user` can object to a reset of their second factor: the longest wait among their organizations.

    An organization without a word on it waits as long as the house (settings.RESET_WAIT_HOURS), and so does a person without one.
    """
    waits = Organization.objects.of(user).values_list(Coalesce("reset_wait_hours", settings.RESET_WAIT_HOURS), flat=True)
    return max(waits, default=settings.RESET_WAIT_HOURS)


def hold_rules(user_id: int) -> None:
    """Let no policy of the organizations of this person change before the transaction ends, nor any membership in them.

    For an act that a policy forbids, or whose outcome one decides. Call it before the row of the person is locked: organizations come
    first, in the order of their ids.
    """
    orgs = Organization.objects.filter(memberships__user=user_id).order_by("pk")
    list(orgs.select_for_update(no_key=True, of=("self",)).values_list("pk"))


def second_factor_days(user: OuterRef) -> "QuerySet[Organization, datetime | None]":
    """Return the moment that `second_factor_rule` would name, as a subquery for the person that `user` refers to."""
    rules = Organization.objects.filter(memberships__user=user).with_second_factor_rule()
    return rules.values_list("second_factor_from", flat=True)[:1]
