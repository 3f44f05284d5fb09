"""What the organizations of a person demand of them: of several policies the strictest holds."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Min, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from accounts.models import User
from orgs import limits
from orgs.models import Organization

SECONDS_PER_MINUTE = 60


def idle_limit_for(user: User) -> int:
    """Return after how many seconds without activity a session of `user` ends (settings.IDLE_LIMIT_POLICY names this).

    The smallest `auto_logout_after_minutes` among the organizations, else IDLE_LIMIT_SECONDS. One query.
    """
    strictest = Organization.objects.of(user).aggregate(minutes=Min("auto_logout_after_minutes"))["minutes"]
    limit: int = settings.IDLE_LIMIT_SECONDS if strictest is None else strictest * SECONDS_PER_MINUTE
    return limit


@dataclass(frozen=True)
class SecondFactorRule:
    """An organization requires two-factor authentication of its members, `since` a moment that may be ahead."""

    org_name: str
    since: datetime


def second_factor_rule(user: User) -> SecondFactorRule | None:
    """Return the rule that holds first for `user`; None where no organization of theirs has one. One query."""
    first = Organization.objects.of(user).with_second_factor_rule().first()
    return SecondFactorRule(first.name, first.second_factor_from) if first and first.second_factor_from else None


def longest_token_life_for(user: User) -> int | None:
    """Return for how many days a token of `user` lives at most, by the strictest of their organizations; None: none says. One query."""
    days: int | None = Organization.objects.of(user).aggregate(days=Min("longest_token_life_days"))["days"]
    return days


def org_without_tokens(user: User) -> Organization | None:
    """Return an organization of `user` that allows no API tokens, or None. One query."""
    return Organization.objects.of(user).filter(tokens_allowed=False).order_by("pk").first()


def reset_wait_hours_for(user: User) -> int:
    """Return for how many hours `user` can object to a reset of their second factor: the longest wait among their organizations.

    An organization without a word on it waits as long as the house (RESET_WAIT_MOST_HOURS), and so does a person without one.
    """
    waits = Organization.objects.of(user).values_list(Coalesce("reset_wait_hours", limits.RESET_WAIT_MOST_HOURS), flat=True)
    return max(waits, default=limits.RESET_WAIT_MOST_HOURS)


def second_factor_days(user: OuterRef) -> "QuerySet[Organization, datetime | None]":
    """Return the moment that `second_factor_rule` would name, as a subquery for the person that `user` refers to."""
    rules = Organization.objects.filter(memberships__user=user).with_second_factor_rule()
    return rules.values_list("second_factor_from", flat=True)[:1]
