"""Policies that are only tried out (N5): they change nothing, and count whom they would have hit within 14 days."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.db import DatabaseError, transaction
from django.db.models import Case, Count, F, Q, QuerySet, Sum, Value, When
from django.utils import timezone

from accounts.batches import delete_batch
from accounts.models import User
from orgs import limits
from orgs.drafting import Draft, spell_tried
from orgs.models import Organization, Policy, Rehearsal, RehearsalHit

NAMES_SHOWN = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tally:
    """What a policy that is tried out since `since` would have done within 14 days: to how many members, how often in all, and the
    first twenty of them, those whom it would have hit most often first.
    """

    policy: Policy
    value: int | None
    since: datetime
    members: int
    times: int
    most_hit: tuple[RehearsalHit, ...]

    @property
    def words(self) -> str:
        """What is tried out, as people read it: "10 minutes", "required"."""
        return spell_tried(self.policy, self.value)

    @property
    def more(self) -> int:
        """How many members are not among those who are named."""
        return self.members - len(self.most_hit)


def store(org: Organization, draft: Draft) -> None:
    """Let `org` try out what the draft says; another value begins a new tally. Call it under the lock of the organization."""
    if not draft.tried_changed:
        return
    gone = Rehearsal.objects.filter(org=org, policy__in=draft.tried_changed)
    # Locked first: from now on no hit is added that the deletion would not see, and the commit refuse.
    list(gone.order_by("pk").select_for_update().values_list("pk"))
    gone.delete()
    Rehearsal.objects.bulk_create(
        Rehearsal(org=org, policy=policy, value=draft.tried[policy])
        for policy in Policy
        if policy in draft.tried_changed & set(draft.tried)
    )


def note(user: User, policy: Policy, *, least: int | None = None) -> None:
    """Count that `policy` would have hit `user`, wherever an organization of theirs tries it out.

    With `least`, a number that was reached (minutes or days), only where the value that is tried out is not above it. One query where
    nobody tries anything out.
    """
    tried = Rehearsal.objects.filter(policy=policy, org__memberships__user=user)
    note_at(list(tried if least is None else tried.filter(value__lte=least)), user)


def note_at(tried: list[Rehearsal], user: User) -> None:
    """Count a hit of `user` at each of `tried`, once the present transaction is committed: a count never stops an act, nor waits in it.

    At one that ends in this moment nothing is counted.
    """
    for one in tried:
        transaction.on_commit(partial(_count, one.pk, user.pk, timezone.now()), robust=True)


def _count(rehearsal: int, user: int, now: datetime) -> None:
    # Every statement is a transaction of its own, so that this never holds one row and waits for another.
    try:
        _count_at(rehearsal, user, now)
    except DatabaseError as error:
        # The organization stopped trying it out meanwhile, say.
        logger.warning("a hit of rehearsal %d was not counted: %s", rehearsal, type(error).__name__)


def _count_at(rehearsal: int, user: int, now: datetime) -> None:
    known = RehearsalHit.objects.filter(user=user, rehearsal=rehearsal)
    over = Q(last_at__lt=_oldest(now))
    # What no tally counts any more begins anew.
    again = {"times": Case(When(over, then=Value(1)), default=F("times") + 1)}
    again["first_at"] = Case(When(over, then=Value(now)), default=F("first_at"))
    if not known.update(last_at=now, **again):
        fresh = RehearsalHit(rehearsal_id=rehearsal, user_id=user, first_at=now, last_at=now)
        RehearsalHit.objects.bulk_create([fresh], ignore_conflicts=True)


def tallies(org: Organization) -> list[Tally]:
    """Return what each policy that `org` tries out would have done, in the order of the policies. Two queries for each."""
    tried = {row.policy: row for row in Rehearsal.objects.filter(org=org)}
    return [_tally(tried[policy]) for policy in Policy if policy in tried]


def sweep() -> int:
    """Delete up to 5,000 hits that no tally counts any more; return how many. The worker calls it, safely twice."""
    return delete_batch(RehearsalHit.objects.filter(last_at__lt=_oldest(timezone.now())))


def _tally(row: Rehearsal) -> Tally:
    hits = _counted(row)
    sums = hits.aggregate(members=Count("pk"), times=Sum("times"))
    most_hit = tuple(hits.select_related("user").order_by("-times", "user__username")[:NAMES_SHOWN])
    return Tally(Policy(row.policy), row.value, row.since, sums["members"], sums["times"] or 0, most_hit)


def _counted(row: Rehearsal) -> "QuerySet[RehearsalHit]":
    return RehearsalHit.objects.filter(rehearsal=row, last_at__gte=_oldest(timezone.now()))


def _oldest(now: datetime) -> datetime:
    return now - timedelta(days=limits.REHEARSED_DAYS)
