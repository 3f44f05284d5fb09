"""Who must have two-factor authentication (S6.9): members of organizations that require it, from a day on, and whoever had it taken off
for a reason that calls for a new one.

The day stands in the row of somebody who must and has not (`User.must_enrol_at`), written at the login, when a rule or a membership
changes, and when it is turned on or off, so that a request pays no look-up. From then on the middleware leads them to the set-up
before anything else, and their tokens are refused (ORG-04).
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

from django.db import transaction
from django.db.models import Case, DateTimeField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from accounts.sessions import SessionStore
from orgs import limits, policies
from orgs.models import Membership
from twofactor.models import Authenticator, EnrolmentDue

GetResponse = Callable[[HttpRequest], HttpResponseBase]
# Where somebody who must set it up may go: there, out, and to the page that explains.
OPEN_VIEWS = frozenset({"twofactor:enable", "accounts:logout", "accounts:session", "accounts:help"})


def must_enrol_from(user: User) -> datetime | None:
    """Return from when on `user` can do nothing before setting it up; None: they have it, or nobody requires it. One query.

    settings.ENROLMENT_RULE names this; a login notes it.
    """
    return _ruled().filter(pk=user.pk).get()


def settle(people: QuerySet[User]) -> int:
    """Note the present rules at those of `people` for whom they are others than before, in one statement; return how many those are.

    Call it in the transaction in which a rule, a membership, or the second factor itself changed, before any row of a session is
    locked.
    """
    unlike = Q(must_enrol_at=None, rule__isnull=False) | Q(must_enrol_at__isnull=False, rule=None)
    unlike |= Q(must_enrol_at__isnull=False, rule__isnull=False) & ~Q(must_enrol_at=F("rule"))
    changed = User.objects.filter(pk__in=people.values("pk")).alias(rule=_rule()).filter(unlike).order_by("pk")
    # In the order of their ids, as every act locks people: two that settle the same ones do not wait for each other in a ring.
    locked = User.objects.filter(pk__in=changed.select_for_update(no_key=True).values("pk"))
    settled: int = locked.update(must_enrol_at=_rule())
    return settled


def settle_recent() -> int:
    """Do the same for people whose organizations changed rules, or took them in, within the last 10 minutes.

    Whoever read the rules, or whether somebody has it, before such a change was committed wrote what held then. The worker calls it,
    safely twice.
    """
    since = timezone.now() - timedelta(seconds=limits.SETTLING_SECONDS)
    with transaction.atomic():
        return settle(User.objects.filter(pk__in=Membership.objects.ruled_anew_since(since).values("user")))


@cache
def _ruled() -> "QuerySet[User, datetime | None]":
    # Made once: putting the rule together takes twice as long as the rest of the look-up, and every login pays it.
    ruled: QuerySet[User, datetime | None] = User.objects.values_list(_rule(), flat=True)
    return ruled


def _rule() -> Case:
    has_it = Exists(Authenticator.objects.filter(user=OuterRef("pk")))
    own = Subquery(EnrolmentDue.objects.filter(user=OuterRef("pk")).values("since"))
    days = Subquery(policies.second_factor_days(OuterRef("pk")))
    return Case(When(has_it, then=Value(None)), default=Coalesce(own, days), output_field=DateTimeField())


class SecondFactorMiddleware:
    """Leads who must set two-factor authentication up to that page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer; the work is in `process_view`."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Return the way to the set-up, or None to go on. Views that are open to all are, and pay for no session."""
        if not getattr(view, "login_required", True) or not request.user.is_authenticated:
            return None
        row = cast(SessionStore, request.session).row
        view_name = request.resolver_match.view_name if request.resolver_match else ""
        if row is None or not sessions.must_enrol(row) or view_name in OPEN_VIEWS:
            return None
        return HttpResponseRedirect(reverse("twofactor:enable"))
