"""What happened, and what is to be mailed."""

from collections.abc import Iterable
from typing import Any, Self

from django.db import models
from django.utils import timezone

from accounts import limits
from accounts.ids import new_id
from accounts.models.people import User

# The empty text, written out: SQLite uses the index of what events are about, which holds no event about nothing, only for a
# statement that says so word by word.
NOTHING = models.Func(template="''", output_field=models.CharField())


class SecurityEventQuerySet(models.QuerySet["SecurityEvent"]):
    """Adds and reads; changes and deletes nothing (S9.2)."""

    def about(self, public_id: str) -> Self:
        """The history of the thing with this public id."""
        return self.filter(about=public_id).exclude(about=NOTHING)

    def update(self, **kwargs: Any) -> int:
        """Refused: a security event is never changed."""
        raise TypeError("a security event is never changed")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused: a security event stays."""
        raise TypeError("a security event is never deleted")

    def _raw_delete(self, using: str | None) -> int:
        raise TypeError("a security event is never deleted")

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Add rows; refuse to write over those that are there."""
        if kwargs.get("update_conflicts") or kwargs.get("ignore_conflicts"):
            raise TypeError("a security event is never changed")
        return super().bulk_create(objs, *args, **kwargs)


class SecurityEvent(models.Model):
    """What happened, for good: rows are added and never changed. Written only by accounts.audit.record."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id)
    at = models.DateTimeField(default=timezone.now)
    event = models.CharField(max_length=50)
    subject = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    actor = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    door = models.CharField(max_length=10)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=512, blank=True)
    request_id = models.CharField(max_length=24, blank=True)
    about = models.CharField(max_length=40, blank=True)  # public id of the thing it tells of, for that thing's own history
    data = models.JSONField(default=dict)

    objects = SecurityEventQuerySet.as_manager()

    class Meta:
        base_manager_name = "objects"
        indexes = [
            models.Index(fields=["subject", "-at", "-id"], name="accounts_event_of_subject"),
            models.Index(fields=["about", "-at", "-id"], condition=~models.Q(about=""), name="accounts_event_about"),
            models.Index(fields=["-at", "-id"], name="accounts_event_newest"),
            models.Index(fields=["event", "-at", "-id"], name="accounts_event_of_kind"),
            models.Index(fields=["actor", "-at", "-id"], name="accounts_event_of_actor"),
            models.Index(fields=["door", "-at", "-id"], name="accounts_event_by_door"),
            models.Index(fields=["ip", "-at", "-id"], condition=models.Q(ip__isnull=False), name="accounts_event_from_address"),
            models.Index(fields=["request_id"], name="accounts_event_of_request"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.public_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add the row; refuse to change one that is there (S9.2)."""
        if not self._state.adding:
            raise TypeError("a security event is never changed")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refused: a security event stays."""
        raise TypeError("a security event is never deleted")


class OutboxMail(models.Model):
    """A mail, written in the transaction it tells of and sent after it (REL-02). Bodies are dropped once it is sent."""

    class State(models.TextChoices):
        """`nobody` is the mail to an unknown address: the same work, no letter (RST-01)."""

        WAITING = "waiting"
        SENT = "sent"
        FAILED = "failed"
        EXPIRED = "expired"
        NOBODY = "nobody"

    message_id = models.CharField(max_length=100, unique=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="+")
    to = models.EmailField(max_length=limits.EMAIL_MAX_CHARS, blank=True)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    html = models.TextField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    created = models.DateTimeField(default=timezone.now)
    good_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_try = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["next_try"], condition=models.Q(state="waiting"), name="accounts_outbox_due"),
            models.Index(fields=["to", "id"], condition=models.Q(state="waiting"), name="accounts_outbox_order"),
            models.Index(fields=["done_at"], name="accounts_outbox_done"),
            models.Index(fields=["-done_at", "-id"], condition=models.Q(state="failed"), name="accounts_outbox_failed"),
        ]

    def __str__(self) -> str:
        return f"{self.state}: {self.subject}"
