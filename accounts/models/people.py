"""People."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts import limits
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
    # From then on the person can do nothing before setting two-factor authentication up, and neither can their tokens (twofactor.gate).
    must_enrol_at = models.DateTimeField(null=True, blank=True)
    # Of the session that this request came with: when a second factor was given in it. No column.
    verified_at: datetime | None = None
    # Django's own would cost a write at each login; the security log knows every login.
    last_login = None
    # What a request knows of the person without another query; the password hash is not among it.
    REQUEST_COLUMNS: ClassVar[tuple[str, ...]] = (
        "id", "username", "email", "first_name", "last_name", "is_active", "is_staff", "is_superuser", "date_joined",
        "password_changed", "session_epoch", "must_enrol_at",
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

    @property
    def must_enrol(self) -> bool:
        """Whether the person can do nothing yet but set two-factor authentication up."""
        return self.must_enrol_at is not None and timezone.now() >= self.must_enrol_at

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Covers the epoch and not the password: a re-hash with newer parameters is no credential change (LOG-12),
        # and every change of a credential raises the epoch. Overridden here, below get_session_auth_hash(),
        # so that SECRET_KEY_FALLBACKS work too (SES-09).
        return salted_hmac("accounts.User.session", f"{self.pk}:{self.session_epoch}", secret=secret, algorithm="sha256").hexdigest()
