"""The section of this room in the report of what was touched (accounts.reporting)."""

from dataclasses import replace
from datetime import datetime

from accounts import history, reporting
from accounts.models import SecurityEvent, User
from accounts.reporting import Row, Section


def changes(user: User, since: datetime) -> Section:
    """Return what the person, or whoever acted as them, did in organizations: members, invitations, policies. One query."""
    return acted(user, since, family="org.", title="Organizations", empty="You changed no organization, invited and removed nobody.")


def acted(user: User, since: datetime, *, family: str, title: str, empty: str) -> Section:
    """Return a section of what `user` did of a family of events, each with whom it hit. One query."""
    done = SecurityEvent.objects.filter(actor=user, event__startswith=family, at__gte=since).select_related("subject")
    found = list(done.order_by("-at", "-id")[: reporting.ROWS + 1])
    rows = [_row(event, user) for event in found[: reporting.ROWS]]
    more = reporting.history_page(since, family) if len(found) > reporting.ROWS else ""
    return Section(title, empty, rows, more)


def _row(event: SecurityEvent, user: User) -> Row:
    shown = history.show_event(event)
    row = Row(shown.at, shown.title, shown.text, place=reporting.place_of(shown.place, shown.device), page=shown.page)
    if event.subject is None or event.subject == user:
        return row
    return replace(row, title=f"{shown.title}: {event.subject.username}")
