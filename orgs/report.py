"""The section of this room in the report of what was touched (accounts.reporting)."""

from dataclasses import replace
from datetime import datetime

from accounts import reporting
from accounts.clients import device_name
from accounts.models import SecurityEvent, User
from accounts.reporting import Row, Section


def changes(user: User, since: datetime) -> Section:
    """Return what the person, or whoever acted as them, did in organizations: members, invitations, policies. One query."""
    return acted(user, since, family="org.", title="Organizations", empty="You changed no organization, invited and removed nobody.")


def acted(user: User, since: datetime, *, family: str, title: str, empty: str) -> Section:
    """Return a section of what `user` did of a family of events, each with whom it hit. One query."""
    done = SecurityEvent.objects.filter(actor=user, event__startswith=family).select_related("subject")
    return reporting.of_events(done, since=since, title=title, empty=empty, family=family, to_row=_own)


def _own(event: SecurityEvent) -> Row:
    # They were there themselves, whoever it hit.
    row = replace(reporting.row_of(event), place=reporting.place_of(event.ip, device_name(event.user_agent)))
    if event.subject is None or event.subject_id == event.actor_id:
        return row
    return replace(row, title=f"{row.title}: {event.subject.username}")
