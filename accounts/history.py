"""Sessions and events as people read them."""

from dataclasses import dataclass, replace
from datetime import datetime

from accounts import audit, logbook
from accounts.clients import device_icon, device_name
from accounts.models import SecurityEvent, SecurityEventQuerySet, Session, User


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
    who: str = ""
    whom: str = ""
    door: str = ""


def show_session(row: Session, current: Session | None) -> ShownSession:
    """Return `row` for the list; `current` is the session of the request."""
    return ShownSession(
        public_id=row.public_id, device=device_name(row.user_agent), icon=device_icon(row.user_agent), place=row.ip or "address unknown",
        last_activity=row.last_activity, created=row.created, is_current=current is not None and row.pk == current.pk,
    )  # fmt: skip


def of(user: User) -> SecurityEventQuerySet:
    """Return the person's own security log, newest first."""
    return SecurityEvent.objects.filter(subject=user).order_by("-at", "-id")


def of_thing(public_id: str) -> SecurityEventQuerySet:
    """Return the log of the thing with this public id, such as an organization, each event with who did it and to whom."""
    return SecurityEvent.objects.about(public_id).select_related("actor", "subject")


def latest(user: User, rows: int) -> list[ShownEvent]:
    """Return the newest `rows` entries of the person's history."""
    return [show_event(row) for row in of(user)[:rows]]


def show_between(row: SecurityEvent) -> ShownEvent:
    """Return an event with who did what to whom, by which door; without where from, which is theirs alone (ORG-05)."""
    return replace(
        show_event(row), place="", device="", page="", door=logbook.DOORS.get(row.door, row.door),
        who=row.actor.public_id if row.actor else "", whom=row.subject.public_id if row.subject else "",
    )  # fmt: skip


def show_whole(row: SecurityEvent) -> ShownEvent:
    """Return an event with all that support may see of it in a list."""
    device = device_name(row.user_agent) if row.user_agent else ""
    return replace(show_between(row), place=row.ip or "", device=device)


# What stands where otherwise the address does. Where the desk of support is, is nothing to the person.
_HIDDEN = {"worker": "", audit.SUPPORT_DOOR: "support", "shell": "the server"}


def is_by_another(row: SecurityEvent) -> bool:
    """Return whether somebody else did it to the person, such as an admin of their organization: where from is theirs alone (ORG-05)."""
    return row.actor_id is not None and row.actor_id != row.subject_id


def show_event(row: SecurityEvent) -> ShownEvent:
    """Return an event with its words; one that this release no longer knows keeps its name."""
    payload = audit.payload_of(row)
    title = payload.title if payload else row.event
    hidden = _HIDDEN.get(row.door, "somebody else" if is_by_another(row) else None)
    return ShownEvent(
        public_id=row.public_id, title=title, text=payload.sentence() if payload else "", at=row.at,
        place=hidden if hidden is not None else row.ip or "address unknown",
        device="" if hidden is not None else device_name(row.user_agent),
        page=payload.page if payload else "",
    )  # fmt: skip
