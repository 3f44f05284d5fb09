"""The longest life that an organization allows holds for tokens that are there already, too (TOK-09): their end moves closer, for good."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor, Payload
from accounts.models import User
from orgs import limits
from orgs.models import Membership, Organization
from tokens.events import TokenShortened
from tokens.models import Token, TokenKind, TokenQuerySet


def longer_than(org: Organization, tokens: TokenQuerySet) -> TokenQuerySet:
    """Return those of `tokens` that can still do something for longer than `org` allows, counted from when each was made.

    Those of jobs are left out: they end with their job.
    """
    if org.longest_token_life_days is None:
        return tokens.none()
    return tokens.with_authority().exclude(kind=TokenKind.JOB).filter(expires__gt=_end_by(org))


def of_members(org: Organization) -> TokenQuerySet:
    """Return the tokens of the members of `org`."""
    return Token.objects.filter(user__in=Membership.objects.filter(org=org).values("user"))


def shorten(org: Organization, tokens: TokenQuerySet, *, actor: Actor) -> int:
    """Let those of `tokens` that live longer than `org` allows end when it says, with an event each; return how many those are.

    One whose end is past by that is refused from then on, and the worker ends what runs on it. Call it in a transaction, after the
    rows of people and of sessions are locked; tokens are locked in the order of their ids.
    """
    if org.longest_token_life_days is None:
        return 0
    rows = list(longer_than(org, tokens).select_related("user").order_by("pk").select_for_update(of=("self",)))
    if not rows:
        return 0
    # What reminded of the old end does not remind of the new one.
    Token.objects.filter(pk__in=[row.pk for row in rows]).update(expires=_end_by(org), reminded_days=None)
    events: list[tuple[Payload, User | None]] = []
    for row in rows:
        ends = row.created + timedelta(days=org.longest_token_life_days)
        shortened = TokenShortened(token_id=row.public_id, label=row.label, expires=ends.isoformat(), org_name=org.name)
        events.append((shortened, row.user))
    audit.record_many(events, actor=actor)
    return len(rows)


def settle_recent() -> int:
    """Do the same for organizations that changed policies, or took somebody in, within the last 10 minutes; return how many tokens.

    Whoever read the rules before such a change was committed made a token by what held then. The worker calls it, safely twice.
    """
    since = timezone.now() - timedelta(seconds=limits.SETTLING_SECONDS)
    joined = Exists(Membership.objects.filter(org=OuterRef("pk"), created__gt=since))
    lately = Organization.objects.exclude(longest_token_life_days=None).filter(Q(policies_changed__gt=since) | joined)
    return sum(_settle(org) for org in lately.order_by("pk"))


def _settle(org: Organization) -> int:
    with transaction.atomic():
        return shorten(org, of_members(org), actor=Actor.worker())


def _end_by(org: Organization) -> F:
    return F("created") + timedelta(days=org.longest_token_life_days or 0)  # type: ignore[return-value]  # an expression, all the same
