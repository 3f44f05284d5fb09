"""Who must have two-factor authentication (S6.9): members of organizations that require it, from a day on.

A session of somebody who must and has not carries that day in its row, written at the login and when a rule changes, so that a
request pays no look-up. From then on the middleware leads it to the set-up before anything else.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from django.db.models import Case, Exists, OuterRef, QuerySet, Subquery, Value, When
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts import sessions
from accounts.models import Session, User
from accounts.sessions import SessionStore
from orgs import policies
from twofactor.models import Authenticator

GetResponse = Callable[[HttpRequest], HttpResponseBase]
# Where somebody who must set it up may go: there, out, and to the page that explains.
OPEN_VIEWS = frozenset({"twofactor:enable", "accounts:logout", "accounts:session", "accounts:help"})


def must_enrol_from(user: User) -> datetime | None:
    """Return from when on `user` can do nothing before setting it up; None: they have it, or nobody requires it.

    settings.ENROLMENT_RULE names this; a login writes it into the session.
    """
    rule = policies.second_factor_rule(user)
    return None if rule is None or Authenticator.objects.filter(user=user).exists() else rule.since


def mark_sessions(people: QuerySet[User]) -> int:
    """Write the present rules into the live sessions of `people`, in one statement; return how many sessions they have.

    Call it in the transaction in which a rule or a membership changed.
    """
    has_it = Exists(Authenticator.objects.filter(user=OuterRef("user")))
    since = Subquery(policies.second_factor_days(OuterRef("user")))
    return Session.objects.filter(user__in=people).update(must_enrol_at=Case(When(has_it, then=Value(None)), default=since))


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
