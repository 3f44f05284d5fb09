"""Whom rules of an organization for tokens would hit. Members and how many tokens; never what these are called (N1, ORG-05)."""

from datetime import timedelta

from django.db.models import Count
from django.utils import timezone

from accounts.wording import counted
from orgs.impact import NAMES_SHOWN, Hit, named
from orgs.models import Organization, Policy
from tokens import settling
from tokens.models import Token, TokenKind, TokenQuerySet


def long_lived(org: Organization) -> list[Hit]:
    """Return how many tokens of members live longer than `org` allows, and whose."""
    days = org.longest_token_life_days
    if days is None:
        return []
    mine = settling.longer_than(org, _of_members(org))
    count, people, names = _tally(mine)
    if not count:
        return []
    at_once = mine.filter(created__lte=timezone.now() - timedelta(days=days)).count()
    live = f"{'lives' if count == 1 else 'live'} longer than that{named(names, people)}."
    ends = f"{'It ends' if count == 1 else 'Each ends'} {counted(days, 'day')} after it was made"
    rest = f"{live} {ends}{f', {at_once} of {count} at once' if at_once else ''}."
    return [Hit(str(Policy.TOKEN_LIFE), "tokens-longer", count, counted(count, "token"), rest, names)]


def owners(org: Organization) -> list[Hit]:
    """Return how many members have API tokens."""
    _, people, names = _tally(_of_members(org).filter(kind=TokenKind.API))
    if not people:
        return []
    has = f"{'has' if people == 1 else 'have'} API tokens{named(names, people)}."
    rest = f"{has} These keep their date; no new ones can be made. dx login works."
    return [Hit(str(Policy.TOKENS), "members-with-tokens", people, counted(people, "member"), rest, names)]


def _of_members(org: Organization) -> TokenQuerySet:
    # What reaches chosen projects of others is none of its business, though its limit holds for that, too.
    return Token.objects.live().reaching(org).filter(user__memberships__org=org, user__is_active=True)


def _tally(tokens: TokenQuerySet) -> tuple[int, int, tuple[str, ...]]:
    """Return how many tokens these are, of how many people, and the first of them, each with a number."""
    sums = tokens.order_by().aggregate(tokens=Count("pk"), people=Count("user", distinct=True))
    if not sums["tokens"]:
        return 0, 0, ()
    first = tokens.order_by().values("user__username").annotate(tokens=Count("pk")).order_by("-tokens", "user__username")[:NAMES_SHOWN]
    return sums["tokens"], sums["people"], tuple(f"{row['user__username']} {row['tokens']}" for row in first)
