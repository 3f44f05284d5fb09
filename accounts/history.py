"""Sessions and events as people read them."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from accounts import audit
from accounts.clients import device_icon, device_name
from accounts.models import SecurityEvent, Session, User


@dataclass(frozen=True)
class ShownSession:
    """One row of the list of sessions; never holds a key (SES-11)."""

    public_id: str
    device: str
    icon: str
    place: str
    last_activity: datetime
    created: datetime
    is_current: bool


@dataclass(frozen=True)
class ShownEvent:
    """One entry of the history."""

    public_id: str
    title: str
    text: str
    at: datetime
    place: str
    device: str
    page: str = ""


def show_session(row: Session, current: Session | None) -> ShownSession:
    """Return `row` for the list; `current` is the session of the request."""
    return ShownSession(
        public_id=row.public_id, device=device_name(row.user_agent), icon=device_icon(row.user_agent), place=row.ip or "address unknown",
        last_activity=row.last_activity, created=row.created, is_current=current is not None and row.pk == current.pk,
    )  # fmt: skip


def of(user: User) -> QuerySet[SecurityEvent]:
    """Return the person's own security log, newest first."""
    return SecurityEvent.objects.filter(subject=user).order_by("-at", "-id")


def latest(user: User, rows: int) -> list[ShownEvent]:
    """Return the newest `rows` entries of the person's history."""
    return [show_event(row) for row in of(user)[:rows]]


def show_event(row: SecurityEvent) -> ShownEvent:
    """Return an event with its words; one that this release no longer knows keeps its name."""
    payload = audit.payload_of(row)
    title = payload.title if payload else row.event
    by_time = row.door == "worker"
    return ShownEvent(
        public_id=row.public_id, title=title, text=payload.sentence() if payload else "", at=row.at,
        place="" if by_time else row.ip or "address unknown", device="" if by_time else device_name(row.user_agent),
        page=payload.page if payload else "",
    )  # fmt: skip
