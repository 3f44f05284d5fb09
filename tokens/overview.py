"""What this room tells an organization of its members (settings.MEMBER_FACTS): counts and ages, no label (ORG-05)."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from accounts.models import User
from orgs import limits
from orgs.models import Organization
from tokens.models import Token, TokenKind


def member_facts(org: Organization, users: list[User]) -> dict[int, dict[str, Any]]:
    """Return by id of user how many live API tokens reach `org`'s matters, how many of them lie unused, and since when the oldest is.

    Those that reach all projects, or a project of `org`: what reaches chosen projects of others is none of its business. One query.
    """
    reaching = _reaching(org).filter(user__in=users).order_by()
    rows = reaching.values_list("user").annotate(
        count=Count("pk"), stale=Count("pk", filter=_unused()), oldest=Min("created")
    )  # fmt: skip
    return {user: {"tokens": count, "stale_tokens": stale, "oldest": oldest} for user, count, stale, oldest in rows}


def to_look_at(org: Organization) -> Q:
    """Return the condition, on members of `org`, that such a token of theirs was not used for long."""
    return Q(Exists(_reaching(org).filter(_unused(), user=OuterRef("user"))))


def _reaching(org: Organization) -> QuerySet[Token]:
    return Token.objects.live().reaching(org).filter(kind=TokenKind.API)


def _unused() -> Q:
    since = timezone.now() - timedelta(days=limits.STALE_TOKEN_DAYS)
    return Q(last_used_at__lte=since) | Q(last_used_at=None, created__lte=since)
