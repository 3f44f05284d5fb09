"""State of the ground floor: people, their sessions and links, what was counted, what happened, what is to be mailed."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import limits
from accounts.ids import ID_PATTERN, new_id
from accounts.spelling import USERNAME_PATTERN, fold_email, fold_username, normalise_password


class UserQuerySet(models.QuerySet["User"]):
    """Questions about people."""

    def active(self) -> Self:
        """People who may sign in."""
        return self.filter(is_active=True)

    def with_email(self, email: str) -> Self:
        """The person whose confirmed address this is, at most one."""
        return self.filter(email=fold_email(email))


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]  # a class made at run time
    """Makes users, and locks one for a change."""

    def create_user(self, username: str, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return a new user, folded and saved; without `password` no password signs in."""
        user = User(username=fold_username(username), email=fold_email(email), **fields)
        user.set_password(password)
        user.full_clean(exclude=["password"])
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, email: str, password: str | None = None, **fields: Any) -> "User":
        """Return a new user with all rights, for `manage.py createsuperuser`."""
        return self.create_user(username, email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Return the user of this name, folded; raises User.DoesNotExist."""
        user: User = self.get(username=fold_username(username or ""))
        return user

    def lock(self, pk: int) -> "User":
        """Return the user with its row locked until the transaction ends; the first lock of every act (CRD-06)."""
        # Not FOR UPDATE: a row that names the user (an event, a token) takes FOR KEY SHARE on it when it is inserted, and an
        # act that holds other locks by then would wait for us while we wait for it.
        user: User = self.select_for_update(no_key=True).get(pk=pk)
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person. `session_epoch` rises with every credential change; what was made under an older epoch is dead."""

    username = models.CharField(
        max_length=limits.USERNAME_MAX_CHARS,
        unique=True,
        validators=[RegexValidator(rf"^{USERNAME_PATTERN.pattern}\Z", "3 to 30 of a-z 0-9 . _, beginning with a letter")],
    )
    email = models.EmailField(max_length=limits.EMAIL_MAX_CHARS)
    first_name = models.CharField(max_length=150, blank=True)
    last_name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)
    password_changed = models.DateTimeField(default=timezone.now)
    session_epoch = models.PositiveIntegerField(default=1)
    # Of the session that this request came with: when a second factor was given in it. No column.
    verified_at: datetime | None = None
    # Django's own would cost a write at each login; the security log knows every login.
    last_login = None
    # What a request knows of the person without another query; the password hash is not among it.
    REQUEST_COLUMNS: ClassVar[tuple[str, ...]] = (
        "id", "username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser", "date_joined",
        "password_changed", "session_epoch",
    )  # fmt: skip

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    objects = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(username=Lower("username")), name="accounts_user_username_folded"),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="accounts_user_email_folded"),
            # By an expression, not `unique=True`: PostgreSQL takes FOR UPDATE on a row whose key column changes, and would wait
            # for every act that has just recorded an event of this person while that act waits for us.
            models.UniqueConstraint(Lower("email"), name="accounts_user_email_once"),
        ]

    def __str__(self) -> str:
        return self.username

    def set_password(self, raw_password: str | None) -> None:
        """Set the hash of a password, spelt as every door spells it. Slow on purpose, like every hash."""
        super().set_password(None if raw_password is None else normalise_password(raw_password))

    def is_verified(self) -> bool:
        """Return whether a second factor was given in the session of this request; django-otp asks under this name."""
        return self.verified_at is not None

    @property
    def public_id(self) -> str:
        """`user-<username>`, the id in REST and in the dx protocol."""
        return f"user-{self.username}"

    @property
    def display_name(self) -> str:
        """First and last name, or the username where neither is known."""
        return f"{self.first_name} {self.last_name}".strip() or self.username

    @property
    def initials(self) -> str:
        """One or two capitals for the account menu."""
        words = self.display_name.split()
        return (words[0][:1] + (words[-1][:1] if len(words) > 1 else "")).upper()

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Covers the epoch and not the password: a re-hash with newer parameters is no credential change (LOG-12),
        # and every change of a credential raises the epoch. Overridden here, below get_session_auth_hash(),
        # so that SECRET_KEY_FALLBACKS work too (SES-09).
        return salted_hmac("accounts.User.session", f"{self.pk}:{self.session_epoch}", secret=secret, algorithm="sha256").hexdigest()


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
    must_enrol_at = models.DateTimeField(null=True)  # from then on the person must set two-factor authentication up first

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
    CROWDED = "crowded", "too many sessions"
    DEACTIVATED = "deactivated", "the account was switched off"


class EndedSession(models.Model):
    """Remembers for a day why a session ended, so that its browser can be told at its next request."""

    session_key = models.CharField(max_length=64, primary_key=True)
    why = models.CharField(max_length=30)  # a WhyEnded, or the name of a credential change
    idle_limit_seconds = models.PositiveIntegerField()
    ended = models.DateTimeField(default=timezone.now, db_index=True)

    def __str__(self) -> str:
        return self.why


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


class SecurityEventQuerySet(models.QuerySet["SecurityEvent"]):
    """Adds and reads; changes and deletes nothing (S9.2)."""

    def update(self, **kwargs: Any) -> int:
        """Refused: a security event is never changed."""
        raise TypeError("a security event is never changed")

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refused: a security event stays."""
        raise TypeError("a security event is never deleted")


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
        indexes = [
            models.Index(fields=["subject", "-at", "-id"], name="accounts_event_of_subject"),
            models.Index(fields=["about", "-at", "-id"], condition=~models.Q(about=""), name="accounts_event_about"),
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
        ]

    def __str__(self) -> str:
        return f"{self.state}: {self.subject}"
