"""What the API says of sessions and events. Written by hand: a column of a model is not public by itself (STYLE B7)."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, TypedDict

from accounts import audit, history
from accounts.clients import device_name
from accounts.models import SecurityEvent, Session
from accounts.rest import Output


class SessionJSON(TypedDict):
    """A browser that is signed in."""

    id: str
    device: str
    address: str | None
    created: datetime
    last_activity: datetime
    idle_limit_seconds: int
    current: Annotated[bool, "Whether it is the session that asks; never so for a token."]


class SecurityEventJSON(TypedDict):
    """What happened to the account once."""

    id: str
    at: datetime
    event: Annotated[str, "A stable name, such as `token.created`."]
    title: Annotated[str, "For people; may be reworded."]
    text: Annotated[str, "For people; may be reworded, and empty."]
    actor: Annotated[str | None, "Who did it: `user-<username>`, or null for a stranger and for what time did."]
    door: Annotated[str, "`web`, `rest`, `dx`, `admin` for acts of support, or `worker` for what time did."]
    address: Annotated[str | None, "Null for what time did, and for what support or somebody else did."]
    device: str | None
    data: Annotated[dict[str, Any], "For programs; what is in it depends on `event`."]


class LogQuery(TypedDict, total=False):
    """What every security log can be asked for."""

    event: Annotated[str, "The name of an event, such as `token.created`, or what names of a family begin with: `token.`"]
    since: Annotated[str, "A day (`2026-11-24`) or a moment (`2026-11-24T07:41Z`) at which to begin; UTC where no zone is said."]
    until: Annotated[str, "A day, which counts to its end, or a moment; none later."]
    door: Annotated[str, "`web`, `rest`, `dx`, `admin` for acts of support, or `worker` for what time did."]


class SecurityLogQuery(LogQuery, total=False):
    """What one's own can be asked for."""

    address: Annotated[str, "One IPv4 or IPv6 address."]


class SessionOutput(Output[Session]):
    """One session. `id` is opaque; the key is nowhere."""

    example: ClassVar[SessionJSON] = {
        "id": "4qBPB3k9qg2j1Q0v2FYffbq5",
        "device": "Firefox on Linux",
        "address": "192.0.2.7",
        "created": datetime(2026, 11, 24, 11, 0, 48, tzinfo=UTC),
        "last_activity": datetime(2026, 11, 24, 11, 42, 5, tzinfo=UTC),
        "idle_limit_seconds": 900,
        "current": False,
    }

    def to_representation(self, instance: Session) -> SessionJSON:
        """Return the public fields; limits are in seconds, times in ISO 8601."""
        current = self.context.get("current")
        return {
            "id": instance.public_id,
            "device": device_name(instance.user_agent),
            "address": instance.ip,
            "created": instance.created,
            "last_activity": instance.last_activity,
            "idle_limit_seconds": instance.idle_limit_seconds,
            "current": current is not None and current.pk == instance.pk,
        }


class SecurityEventOutput(Output[SecurityEvent]):
    """One entry of the security log."""

    example: ClassVar[SecurityEventJSON] = {
        "id": "kJYpJ22KQ7JG0GBv4z3yFB0Q",
        "at": datetime(2026, 11, 24, 11, 0, 48, tzinfo=UTC),
        "event": "token.created",
        "title": "Token made",
        "text": "“laptop”, valid until 24 Dec 2026, 11:00 UTC",
        "actor": "user-amy",
        "door": "web",
        "address": "192.0.2.7",
        "device": "Firefox on Linux",
        "data": {
            "token_id": "token-Q48K0vG2k8gx6xf89y20bqBJ",
            "label": "laptop",
            "kind": "api",
            "expires": "2026-12-24T11:00:48+00:00",
        },
    }

    def to_representation(self, instance: SecurityEvent) -> SecurityEventJSON:
        """Return the public fields; `event` is a stable name, `data` depends on it."""
        payload = audit.payload_of(instance)
        # Where the desk of support stands is nothing to the person, nor where somebody else was (ORG-05).
        hidden = instance.door == audit.SUPPORT_DOOR or history.is_by_another(instance)
        return {
            "id": instance.public_id,
            "at": instance.at,
            "event": instance.event,
            "title": payload.title if payload else instance.event,
            "text": payload.sentence() if payload else "",
            "actor": instance.actor.public_id if instance.actor else None,
            "door": instance.door,
            "address": None if hidden else instance.ip,
            "device": device_name(instance.user_agent) if instance.user_agent and not hidden else None,
            "data": instance.data,
        }


class WholeEventJSON(SecurityEventJSON):
    """An event as support sees it."""

    subject: Annotated[str | None, "In whose log it stands: `user-<username>`."]
    about: Annotated[str | None, "The id of the thing that it tells of."]
    user_agent: str
    request_id: str


class WholeEventOutput(SecurityEventOutput):
    """One entry of the whole security log, for support."""

    def to_representation(self, instance: SecurityEvent) -> WholeEventJSON:
        """Return all fields; the id of the request leads to the log lines of the server."""
        return {
            **super().to_representation(instance),
            "address": instance.ip,
            "device": device_name(instance.user_agent) if instance.user_agent else None,
            "subject": instance.subject.public_id if instance.subject else None,
            "about": instance.about or None,
            "user_agent": instance.user_agent,
            "request_id": instance.request_id,
        }
