"""Whom rules of an organization for tokens would hit. Members and how many tokens; never what these are called (N1, ORG-05)."""

from datetime import timedelta

from django.db.models import Count, QuerySet
from django.utils import timezone

from accounts.wording import counted
from orgs.impact import NAMES_SHOWN, Hit, named
from orgs.models import Organization, Policy
from tokens.models import Token, TokenKind


def long_lived(org: Organization) -> list[Hit]:
    """Return how many tokens of members live longer than `org` allows, and whose."""
    days = org.longest_token_life_days
    if days is None:
        return []
    mine = _of_members(org).exclude(kind=TokenKind.JOB).filter(expires__gt=timezone.now() + timedelta(days=days))
    count, people, names = _tally(mine)
    if not count:
        return []
    live = f"{'lives' if count == 1 else 'live'} longer than that{named(names, people)}."
    rest = f"{live} {'It keeps its' if count == 1 else 'They keep their'} date; new ones get at most {counted(days, 'day')}."
    return [Hit(str(Policy.TOKEN_LIFE), "tokens-longer", count, counted(count, "token"), rest, names)]


def owners(org: Organization) -> list[Hit]:
    """Return how many members have API tokens."""
    _, people, names = _tally(_of_members(org).filter(kind=TokenKind.API))
    if not people:
        return []
    has = f"{'has' if people == 1 else 'have'} API tokens{named(names, people)}."
    rest = f"{has} These keep their date; no new ones can be made. dx login works."
    return [Hit(str(Policy.TOKENS), "members-with-tokens", people, counted(people, "member"), rest, names)]


def _of_members(org: Organization) -> "QuerySet[Token]":
    return Token.objects.live().filter(user__memberships__org=org, user__is_active=True)


def _tally(tokens: "QuerySet[Token]") -> tuple[int, int, tuple[str, ...]]:
    """Return how many tokens these are, of how many people, and the first of them, each with a number."""
    sums = tokens.order_by().aggregate(tokens=Count("pk"), people=Count("user", distinct=True))
    if not sums["tokens"]:
        return 0, 0, ()
    first = tokens.order_by().values("user__username").annotate(tokens=Count("pk")).order_by("-tokens", "user__username")[:NAMES_SHOWN]
    return sums["tokens"], sums["people"], tuple(f"{row['user__username']} {row['tokens']}" for row in first)
