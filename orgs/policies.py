"""What the organizations of a person demand of them: of several policies the strictest holds."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Min, OuterRef, QuerySet

from accounts.models import User
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


def second_factor_days(user: OuterRef) -> "QuerySet[Organization, datetime | None]":
    """Return the moment that `second_factor_rule` would name, as a subquery for the person that `user` refers to."""
    rules = Organization.objects.filter(memberships__user=user).with_second_factor_rule()
    return rules.values_list("second_factor_from", flat=True)[:1]
