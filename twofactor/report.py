"""The section of this room in the report of what was touched (accounts.reporting)."""

from datetime import datetime

from django.db.models import Q

from accounts import reporting
from accounts.models import SecurityEvent, User
from accounts.reporting import Section

_FAMILIES = ("two-factor.", "two-factor-reset.", "backup-code.", "backup-codes.", "codes.")


def second_factor(user: User, since: datetime) -> Section:
    """Return what became of the app's key, the backup codes, and resets by support. One query."""
    ours = Q()
    for family in _FAMILIES:
        ours |= Q(event__startswith=family)
    events = SecurityEvent.objects.filter(ours, subject=user)
    return reporting.of_events(events, since=since, title="Two-factor authentication", empty="It was not touched.", family="two-factor.")
