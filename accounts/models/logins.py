"""Mailed links, what was tried too often, logins that stopped."""

from datetime import datetime, timedelta
from typing import Self

from django.db import models
from django.utils import timezone

from accounts import limits
from accounts.ids import new_id
from accounts.models.people import User


class EmailChangeQuerySet(models.QuerySet["EmailChange"]):
    """Questions about wished addresses."""

    def pending(self) -> Self:
        """Neither confirmed, nor cancelled, nor replaced; at most one of a person."""
        return self.filter(state="pending")

    def alive(self, now: datetime) -> Self:
        """Pending, within their day, of the epoch that the person is in, and of a person who may sign in."""
        return self.pending().filter(expires__gt=now, epoch=models.F("user__session_epoch"), user__is_active=True)


class EmailChange(models.Model):
    """A wish for another address. Nothing changes before it is confirmed; the old address can cancel it."""

    class State(models.TextChoices):
        """Only a pending change can do anything."""

        PENDING = "pending"
        CONFIRMED = "confirmed"
        CANCELLED = "cancelled"
        REPLACED = "replaced"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="email_changes")
    old_email = models.EmailField(max_length=limits.EMAIL_MAX_CHARS)
    new_email = models.EmailField(max_length=limits.EMAIL_MAX_CHARS)
    confirm_digest = models.CharField(max_length=64, unique=True)
    cancel_digest = models.CharField(max_length=64, unique=True)
    epoch = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PENDING)
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()

    objects = EmailChangeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=models.Q(state="pending"), name="accounts_one_pending_email_change")
        ]

    def __str__(self) -> str:
        return f"{self.state}, of user {self.user_id}"


class PasswordResetQuerySet(models.QuerySet["PasswordReset"]):
    """Questions about reset links."""

    def alive(self, now: datetime) -> Self:
        """Unused, within their hour, of the epoch that the person is in, and of a person who may sign in (RST-02)."""
        return self.filter(used_at=None, expires__gt=now, epoch=models.F("user__session_epoch"), user__is_active=True)

    def replace(self, user: User | None, *, uid: str, key_digest: str) -> None:
        """Let this link be the only one of the person, whose row is locked; of nobody, for an answer that must cost the same."""
        self.filter(user=user).delete()
        expires = timezone.now() + timedelta(seconds=limits.RESET_LINK_LIFE_SECONDS)
        self.create(user=user, uid=uid, key_digest=key_digest, epoch=user.session_epoch if user else 0, expires=expires)


class PasswordReset(models.Model):
    """A reset link: single use, one hour, dead once the epoch it was made under is over (RST-02)."""

    # Null for an address that nobody has: the answer must cost the same, so the row is written all the same (RST-01).
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="password_resets")
    uid = models.CharField(max_length=32, unique=True, default=new_id)
    key_digest = models.CharField(max_length=64, unique=True)
    epoch = models.PositiveIntegerField()
    created = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField(db_index=True)
    used_at = models.DateTimeField(null=True)

    objects = PasswordResetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=models.Q(used_at=None), name="accounts_one_reset_link_of_a_person")
        ]

    def __str__(self) -> str:
        return f"{self.uid}, of user {self.user_id}"


class Counter(models.Model):
    """What was tried too often: one row per key, raised before the secret is looked at (LOG-04)."""

    key = models.CharField(max_length=100, primary_key=True)
    count = models.PositiveIntegerField(default=0)
    in_a_row = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now, db_index=True)
    blocked_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key


class StoppedLogin(models.Model):
    """A login whose password was right and that has not gone on yet, one for each address and device (accounts.stopped)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    door = models.CharField(max_length=10)
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=512, blank=True)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return f"of user {self.user_id}, from {self.ip}"
