"""What the API says of sessions and events. Written by hand: a column of a model is not public by itself (STYLE B7)."""

from typing import Any

from rest_framework import serializers

from accounts import audit
from accounts.clients import device_name
from accounts.models import SecurityEvent, Session


class SessionOutput(serializers.BaseSerializer[Session]):
    """One session. `id` is opaque; the key is nowhere."""

    def to_representation(self, instance: Session) -> dict[str, Any]:
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


class SecurityEventOutput(serializers.BaseSerializer[SecurityEvent]):
    """One entry of the security log."""

    def to_representation(self, instance: SecurityEvent) -> dict[str, Any]:
        """Return the public fields; `event` is a stable name, `data` depends on it."""
        payload = audit.payload_of(instance)
        return {
            "id": instance.public_id,
            "at": instance.at,
            "event": instance.event,
            "title": payload.title if payload else instance.event,
            "text": payload.sentence() if payload else "",
            "actor": instance.actor.public_id if instance.actor else None,
            "door": instance.door,
            "address": instance.ip,
            "device": device_name(instance.user_agent) if instance.user_agent else None,
            "data": instance.data,
        }
