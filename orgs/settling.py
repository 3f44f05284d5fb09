"""Policies act at once: the limits in the rows of live sessions follow when a policy or a membership changes (ORG-03, S2.3)."""

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, IntegerField, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.models import Session
from orgs import limits
from orgs.models import Membership, Organization, Policy
from orgs.policies import SECONDS_PER_MINUTE

NONE = 0  # seconds; stands for no limit where two are compared


def settle_idle_limits(sessions: "QuerySet[Session]") -> int:
    """Let the present policies hold for those of `sessions` that have other limits, in one statement; return how many those are.

    Call it in the transaction in which a policy or a membership changed, after the rows of people, whose locks come first. The rows
    are locked in the order of their keys, as whoever ends sessions locks them. Meanwhile no request waits (accounts.sessions.touch).
    """
    limit, rehearsed = limit_of_session(), _rehearsed_limit_of_session()
    aliases = {"limit": limit, "tried": Coalesce(rehearsed, NONE), "tried_now": Coalesce("rehearsed_limit_seconds", NONE)}
    unlike = ~Q(idle_limit_seconds=F("limit")) | ~Q(tried_now=F("tried"))
    # Whose they are, in a query of its own: PostgreSQL would else compare the limits of every session there is, to find those of a few.
    theirs = Session.objects.filter(pk__in=sessions.values("pk"), user__isnull=False)
    due = theirs.alias(**aliases).filter(unlike).order_by("pk")
    chosen = Session.objects.filter(pk__in=due.select_for_update(no_key=True).values("pk"))
    settled: int = chosen.update(idle_limit_seconds=limit, rehearsed_limit_seconds=rehearsed)
    return settled


def take_time() -> None:
    """Let the statements of this transaction take longer than those of a request: an organization may have very many members."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [limits.POLICY_STATEMENT_MS])


def settle_recent() -> int:
    """Do the same for sessions of the last 10 minutes whose people had a policy or a membership changed in that time.

    A login that read the policies before such a change was committed wrote what held then, and the change did not see its row yet.
    The worker calls it, safely twice. Return how many sessions had another limit.
    """
    since = timezone.now() - timedelta(seconds=limits.SETTLING_SECONDS)
    changed = Membership.objects.ruled_anew_since(since).filter(user=OuterRef("user"))
    with transaction.atomic():
        return settle_idle_limits(Session.objects.filter(Exists(changed), created__gt=since))


def sessions_of_members(org: Organization) -> "QuerySet[Session]":
    """Return the sessions of the members of `org`."""
    return Session.objects.filter(user__in=Membership.objects.filter(org=org).values("user"))


def limit_of_session() -> Coalesce:
    """Return what `policies.idle_limit_for` says of the person of a session, in seconds, as an expression for queries of sessions."""
    return Coalesce(_strictest(Membership.objects.all(), F("org__auto_logout_after_minutes")), settings.IDLE_LIMIT_SECONDS)


def _rehearsed_limit_of_session() -> Subquery:
    tried = Membership.objects.filter(org__rehearsals__policy=Policy.AUTO_LOGOUT)
    return _strictest(tried, F("org__rehearsals__value"))


def _strictest(memberships: "QuerySet[Membership]", minutes: Combinable) -> Subquery:
    own = memberships.filter(user=OuterRef("user")).order_by().values("user")
    least = own.annotate(seconds=Min(minutes, output_field=IntegerField()) * SECONDS_PER_MINUTE)
    return Subquery(least.values("seconds"), output_field=IntegerField())
