"""A report of what was touched in an account since a moment (N7): made of sections, to which every room adds its own.

`settings.REPORT_SECTIONS` names functions that take the person and the moment, and return a `Section`. Each costs a fixed number of
queries and shows 50 rows at most.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.module_loading import import_string

from accounts import history
from accounts.models import SecurityEvent, User

ROWS = 50
MOST_DAYS = 365
MOMENT = "moment"  # of its own, beside those by name
SINCE: dict[str, tuple[str, timedelta]] = {
    "hour": ("The last hour", timedelta(hours=1)),
    "day": ("The last 24 hours", timedelta(days=1)),
    "week": ("The last 7 days", timedelta(days=7)),
    "month": ("The last 30 days", timedelta(days=30)),
}
CHOICES = [*((name, words) for name, (words, _) in SINCE.items()), (MOMENT, "Since a moment")]


@dataclass(frozen=True)
class Row:
    """One thing that was touched. `mark` is a word that stands out, `page` the path of a page that says more."""

    at: datetime
    title: str
    text: str = ""
    place: str = ""
    page: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Section:
    """Things of one kind, the newest first. `more_page`: where the rest of them is; empty where all are here."""

    title: str
    empty: str
    rows: list[Row] = field(default_factory=list)
    more_page: str = ""


def sections(user: User, since: datetime) -> list[Section]:
    """Return what every room has to report of `user` since then."""
    return [import_string(path)(user, since) for path in settings.REPORT_SECTIONS]


def report_page(since: str | datetime) -> str:
    """Return the path of the report since a moment (ISO 8601 where it is a text)."""
    moment = datetime.fromisoformat(since) if isinstance(since, str) else since
    asked = {"since": MOMENT, MOMENT: f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}"}
    return f"{reverse('accounts:report')}?{urlencode(asked)}"


def history_page(since: datetime, event: str) -> str:
    """Return the path of the history since a moment, of one kind or family of events."""
    return f"{reverse('accounts:history')}?{urlencode({'since': f'{since.astimezone(UTC):%Y-%m-%dT%H:%MZ}', 'event': event})}"


def row_of(event: SecurityEvent) -> Row:
    """Return an event as a row."""
    shown = history.show_event(event)
    place = place_of(shown.place, shown.device) if shown.place else ""
    return Row(shown.at, shown.title, shown.text, place=place, page=shown.page)


def of_events(
    events: "QuerySet[SecurityEvent]", *, since: datetime, title: str, empty: str, family: str = "",
    to_row: Callable[[SecurityEvent], Row] = row_of,
) -> Section:  # fmt: skip
    """Return a section of those of `events` that are as new as `since`; more of them are in the history, as `family` there."""
    found = list(events.filter(at__gte=since).order_by("-at", "-id")[: ROWS + 1])
    rows = [to_row(event) for event in found[:ROWS]]
    return Section(title, empty, rows, history_page(since, family) if len(found) > ROWS else "")


def cut(rows: Iterable[Row]) -> tuple[list[Row], bool]:
    """Return the newest 50 of `rows`, and whether there are more."""
    ordered = sorted(rows, key=lambda row: row.at, reverse=True)
    return ordered[:ROWS], len(ordered) > ROWS


def place_of(address: str | None, device: str = "") -> str:
    """Return from where something came, as rows say it."""
    return ", ".join(part for part in (address or "address unknown", device) if part)
