"""Sessions, and why they ended."""

from datetime import datetime, timedelta
from typing import Self

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils import timezone

from accounts.ids import ID_PATTERN, new_id
from accounts.models.people import User


class SessionQuerySet(models.QuerySet["Session"]):
    """Questions about sessions."""

    def of(self, user: User) -> Self:
        """The sessions of one person."""
        return self.filter(user=user)

    def pick(self, public_id: str) -> Self:
        """The one of this id, if `public_id` can be an id at all (a database may refuse other text)."""
        return self.filter(public_id=public_id) if ID_PATTERN.fullmatch(public_id) else self.none()

    def live(self, now: datetime) -> Self:
        """Not past their absolute life and not idle for longer than their own limit. Asks first which limits there are."""
        awake = models.Q(pk__in=[])
        for limit in self.order_by().values_list("idle_limit_seconds", flat=True).distinct():
            awake |= models.Q(idle_limit_seconds=limit, last_activity__gt=now - timedelta(seconds=limit))
        return self.filter(awake, expire_date__gt=now)


class Session(AbstractBaseSession):
    """A browser that is signed in (or, without `user`, one that holds a reset key or a pending login for a while).

    `session_key` is the SHA-256 of the cookie, so that a dump of the table opens nothing. `expire_date` is the end of the
    absolute life; the idle end is `last_activity + idle_limit_seconds`, computed where it is needed.
    """

    session_key = models.CharField(max_length=64, primary_key=True)
    expire_date = models.DateTimeField(db_index=True)
    public_id = models.CharField(max_length=32, unique=True, default=new_id)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    epoch = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(default=timezone.now)
    last_activity = models.DateTimeField(default=timezone.now)
    idle_limit_seconds = models.PositiveIntegerField()
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=512, blank=True)
    second_factor_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True)  # when the password was last given in this session
    rehearsed_limit_seconds = models.PositiveIntegerField(null=True)  # a stricter limit that an organization tries out (orgs.rehearsals)

    objects = SessionQuerySet.as_manager()  # type: ignore[assignment, misc]  # not the manager that decodes and encodes

    class Meta:
        indexes = [models.Index(fields=["idle_limit_seconds", "last_activity"], name="accounts_session_idle")]

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """Named by AbstractBaseSession; the store decodes, the row does not."""
        raise NotImplementedError("read sessions through accounts.sessions.SessionStore")

    @property
    def idle_end(self) -> datetime:
        """The moment from which the session counts as idle for too long."""
        return self.last_activity + timedelta(seconds=self.idle_limit_seconds)


class WhyEnded(models.TextChoices):
    """Why a session is over, where no credential change ended it (those name themselves: accounts.credentials.Change)."""

    IDLE = "idle", "idle for too long"
    EXPIRED = "expired", "24 hours passed"
    SIGNED_OUT = "signed-out", "signed out"
    ENDED = "ended", "ended from another session"
    CREDENTIALS = "credentials", "a credential was changed"
    SUPPORT = "by-support", "ended by support"
    CROWDED = "crowded", "too many sessions"
    RESTORED = "restored", "the server was restored from a backup"
    DEACTIVATED = "deactivated", "the account was switched off"


class EndedSession(models.Model):
    """Remembers for a day why a session ended, so that its browser can be told at its next request."""

    session_key = models.CharField(max_length=64, primary_key=True)
    why = models.CharField(max_length=30)  # a WhyEnded, or the name of a credential change
    idle_limit_seconds = models.PositiveIntegerField()
    ended = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.why
