"""The security log: typed events, written in the transaction of the act they tell of, never changed."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, ClassVar

from django.http import HttpRequest

from accounts import meters
from accounts.clients import client_address, user_agent
from accounts.models import SecurityEvent, User

SUPPORT_DOOR = "admin"


class Event(StrEnum):
    """Names of events, `subject.past-participle`; public API, searched by machines for years."""

    ACCOUNT_CREATED = "account.created"
    LOGIN_PASSED = "login.passed"
    LOGIN_FAILED = "login.failed"
    LOGIN_REFUSED = "login.refused"
    LOGIN_STOPPED = "login.stopped"
    SESSION_ENDED = "session.ended"
    PASSWORD_CHANGED = "password.changed"
    PASSWORD_RESET_ASKED = "password.reset-asked"
    PASSWORD_RESET = "password.reset"
    CONFIRMATION_FAILED = "confirmation.failed"
    SUPPORT_ENDED_SESSIONS = "support.sessions-ended"
    SUPPORT_REVOKED_TOKENS = "support.tokens-revoked"
    SUPPORT_MAILED_RESET = "support.reset-mailed"
    SUPPORT_UNLOCKED = "support.unlocked"
    SUPPORT_DEACTIVATED = "support.deactivated"
    SUPPORT_REACTIVATED = "support.reactivated"
    SUPPORT_APPOINTED = "support.appointed"
    SUPPORT_DISMISSED = "support.dismissed"
    EMAIL_CHANGE_ASKED = "email.change-asked"
    EMAIL_CHANGE_CANCELLED = "email.change-cancelled"
    EMAIL_CHANGED = "email.changed"
    CODE_REFUSED = "code.refused"
    CODES_LOCKED = "codes.locked"
    BACKUP_CODE_USED = "backup-code.used"
    BACKUP_CODES_RENEWED = "backup-codes.renewed"
    TWO_FACTOR_ON = "two-factor.turned-on"
    TWO_FACTOR_OFF = "two-factor.turned-off"
    TWO_FACTOR_RESET_ASKED = "two-factor-reset.asked"
    TWO_FACTOR_RESET_AGREED = "two-factor-reset.agreed"
    TWO_FACTOR_RESET_WITHDRAWN = "two-factor-reset.withdrawn"
    TWO_FACTOR_RESET_OBJECTED = "two-factor-reset.objected"
    TWO_FACTOR_RESET_OVERTAKEN = "two-factor-reset.overtaken"
    TWO_FACTOR_RESET_DONE = "two-factor-reset.done"
    ACCOUNT_SECURED = "account.secured"
    TOKEN_CREATED = "token.created"
    TOKEN_REVOKED = "token.revoked"
    TOKEN_RETIRED = "token.retired"
    TOKEN_EXPIRED = "token.expired"
    TOKEN_RENAMED = "token.renamed"
    TOKEN_ROTATED = "token.rotated"
    TOKEN_SHORTENED = "token.shortened"
    TOKEN_REFUSED = "token.refused"
    JOB_STARTED = "job.started"
    WORK_ENDED = "work.ended"
    FILES_REMOVED = "files.removed"
    PROJECT_CREATED = "project.created"
    PROJECT_CHANGED = "project.changed"
    PROJECT_DELETED = "project.deleted"
    PROJECT_MEMBER_ADDED = "project.member-added"
    PROJECT_MEMBER_CHANGED = "project.member-changed"
    PROJECT_MEMBER_REMOVED = "project.member-removed"
    LOG_EXPORTED = "log.exported"
    SERVER_RESTORED = "server.restored"
    ORG_CREATED = "org.created"
    ORG_RENAMED = "org.renamed"
    ORG_POLICIES_CHANGED = "org.policies-changed"
    ORG_INVITED = "org.invited"
    ORG_INVITATION_WITHDRAWN = "org.invitation-withdrawn"
    ORG_INVITATION_DECLINED = "org.invitation-declined"
    ORG_MEMBER_ADDED = "org.member-added"
    ORG_MEMBER_CHANGED = "org.member-changed"
    ORG_MEMBER_REMOVED = "org.member-removed"


class Payload:
    """What an event says beside who, whom, when and where. A subclass is a frozen dataclass that names its event and a
    title for people; the rooms declare theirs beside their acts (`events.py`).
    """

    event: ClassVar[Event]
    title: ClassVar[str]
    by_event: ClassVar[dict[str, type["Payload"]]] = {}

    def __init_subclass__(cls, *, event: Event, title: str) -> None:
        cls.event, cls.title = event, title
        Payload.by_event[event.value] = cls

    def sentence(self) -> str:
        """Return what a person reads under the title; empty where the title says it all."""
        return ""

    @property
    def page(self) -> str:
        """The path of a page that says more; empty where there is none."""
        return ""

    @property
    def about(self) -> str:
        """The public id of the thing that the event tells of, if it has a history of its own."""
        return ""


@dataclass(frozen=True)
class Actor:
    """Who acts, and from where. `user` is None for a stranger and for the worker."""

    user: User | None
    door: str
    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""

    @classmethod
    def from_request(cls, request: HttpRequest, *, door: str, user: User | None = None) -> "Actor":
        """Return the actor behind `request`; `door` is "web", "rest" or "dx"."""
        return cls(
            user=user, door=door, ip=client_address(request), user_agent=user_agent(request),
            request_id=getattr(request, "request_id", ""),
        )  # fmt: skip

    @classmethod
    def worker(cls) -> "Actor":
        """Return the actor of what time does: expiry, sweeping."""
        return cls(user=None, door="worker")


def record(data: Payload, *, subject: User | None, actor: Actor) -> SecurityEvent:
    """Add one event and return it. Call it inside the act's transaction."""
    event = SecurityEvent.objects.create(**_row(data, subject=subject, actor=actor))
    meters.events([event])
    return event


def record_many(entries: list[tuple[Payload, User | None]], *, actor: Actor) -> None:
    """Add several events in one statement, in the given order."""
    rows = [SecurityEvent(**_row(data, subject=subject, actor=actor)) for data, subject in entries]
    SecurityEvent.objects.bulk_create(rows)
    meters.events(rows)


def payload_of(row: SecurityEvent) -> Payload | None:
    """Return the typed payload of a stored event; None where this release no longer knows the event, or not with this data."""
    kind = Payload.by_event.get(row.event)
    if kind is None:
        return None
    known = getattr(kind, "__dataclass_fields__", {})
    try:
        return kind(**{name: value for name, value in row.data.items() if name in known})
    except TypeError:
        # Of a release in which the event said less.
        return None


def _row(data: Payload, *, subject: User | None, actor: Actor) -> dict[str, Any]:
    return {
        "event": data.event.value,
        "subject_id": subject.pk if subject else None,
        "actor_id": actor.user.pk if actor.user else None,
        "door": actor.door,
        "ip": actor.ip,
        "user_agent": actor.user_agent,
        "request_id": actor.request_id,
        "about": data.about,
        "data": asdict(data),  # type: ignore[call-overload]  # every subclass is a dataclass
    }
