"""State of the second factor: the app's key, backup codes, half-made set-ups, wrong codes."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.db import models
from django.utils import timezone
from django_otp.models import Device, TimestampMixin

from accounts import limits as account_limits
from accounts.ids import ID_PATTERN, new_id
from accounts.models import Session, User
from twofactor import backup_codes, limits, vault
from twofactor.backup_codes import Hashed


class AuthenticatorManager(models.Manager["Authenticator"]):
    """Questions about authenticators."""

    def devices_for_user(self, user: User, confirmed: bool | None = None) -> "models.QuerySet[Authenticator]":
        """Return what `user` has; django-otp asks under this name. There are no unconfirmed ones: a set-up is another table."""
        return self.filter(user=user) if confirmed is not False else self.none()


class Authenticator(TimestampMixin, Device):
    """A person's key in an app on their phone, once it is on; at most one.

    `last_step` is the newest step whose code counted: no code of it or before it counts again (OTP-02). `missed_step` is the step of
    the last wrong code that a clock off by minutes would have made, at the step `missed_at`: only the clock doctor reads them.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    secret = models.BinaryField()  # twofactor.vault
    last_step = models.BigIntegerField(default=-1)
    missed_step = models.BigIntegerField(null=True)
    missed_at = models.BigIntegerField(null=True)

    objects = AuthenticatorManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user"], name="twofactor_one_authenticator")]

    @property
    def key(self) -> bytes:
        """The secret. Raises vault.Unreadable where no key that settings name opens it."""
        return vault.unseal(self.secret, user_id=self.user_id)


class BackupCodeQuerySet(models.QuerySet["BackupCode"]):
    """Questions about backup codes."""

    def of(self, user: User) -> Self:
        """The codes of one person, used ones too."""
        return self.filter(user=user)

    def left(self) -> Self:
        """Those that can still be used."""
        return self.filter(used_at=None)

    def replace(self, user: User, codes: list[str]) -> None:
        """Let `codes` be the only ones of the person, whose row is locked."""
        self.of(user).delete()
        hashes = [backup_codes.hashed(backup_codes.parse(code) or code, user_id=user.pk) for code in codes]
        self.bulk_create(BackupCode(user=user, salt=one.salt, key_name=one.key_name, digest=one.digest) for one in hashes)


class BackupCode(models.Model):
    """What is stored of a backup code (twofactor.backup_codes). It is used by one conditional UPDATE (BKP-02)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="backup_codes")
    salt = models.CharField(max_length=32)
    key_name = models.CharField(max_length=12)
    digest = models.CharField(max_length=64)
    created = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    objects = BackupCodeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["key_name"], condition=models.Q(used_at=None), name="twofactor_codes_by_key")]

    def __str__(self) -> str:
        return f"backup code {self.pk} of user {self.user_id}"

    @property
    def hashed(self) -> Hashed:
        """What is stored of it."""
        return Hashed(salt=self.salt, key_name=self.key_name, digest=self.digest)


class WrongCode(models.Model):
    """One wrong code of a person, or one that is being looked at: rows of the last 24 hours are the budget (OTP-04)."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["user", "at"], name="twofactor_wrong_of_user"),
            models.Index(fields=["at"], name="twofactor_wrong_old"),
        ]

    def __str__(self) -> str:
        return f"wrong code of user {self.user_id}"


def shown_since() -> datetime:
    """Return the moment after which a set-up must have begun, or codes been made, to be there still."""
    return timezone.now() - timedelta(seconds=limits.SHOWN_LIFE_SECONDS)


class ShownCodes(models.Model):
    """Backup codes while they can be looked at, by one session and for 15 minutes; they go with the session.

    `codes` is encrypted. The file is handed out once (BKP-04).
    """

    session = models.OneToOneField(Session, on_delete=models.CASCADE, primary_key=True, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    codes = models.BinaryField(null=True)
    created = models.DateTimeField(default=timezone.now, db_index=True)
    downloaded_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True

    def keep(self, codes: list[str]) -> None:
        """Take `codes`, to be shown."""
        self.codes = vault.seal("\n".join(codes).encode(), user_id=self.user_id)

    @property
    def texts(self) -> list[str]:
        """The codes; none before they are made, and none where no key that settings name opens them."""
        try:
            return vault.unseal(self.codes, user_id=self.user_id).decode().split("\n") if self.codes else []
        except vault.Unreadable:
            return []


class Step(models.IntegerChoices):
    """The steps of the set-up, in order; the label stands above the page."""

    APP = 1, "App"
    PASSWORD = 2, "Password"
    SCAN = 3, "Scan"
    CODE = 4, "Code"
    CODES = 5, "Backup codes"

    @property
    def word(self) -> str:
        """What forms, addresses and templates call it."""
        return self.name.lower()


class EnrolmentQuerySet(models.QuerySet["Enrolment"]):
    """Questions about half-made set-ups."""

    def alive(self) -> Self:
        """Those begun within the last 15 minutes, of people who are still in the epoch of then."""
        return self.filter(created__gt=shown_since(), epoch=models.F("user__session_epoch"))


class Enrolment(ShownCodes):
    """A half-made set-up of one session: nothing is on before its last step (OTP-06). `step` is the step reached."""

    app = models.CharField(max_length=64)
    step = models.PositiveSmallIntegerField(choices=Step.choices, default=Step.PASSWORD)
    epoch = models.PositiveIntegerField()
    secret = models.BinaryField(null=True)
    last_step = models.BigIntegerField(default=-1)

    objects = EnrolmentQuerySet.as_manager()

    def __str__(self) -> str:
        return f"set-up of user {self.user_id}"

    @property
    def key(self) -> bytes:
        """The secret, made with the password step. Raises vault.Unreadable."""
        return vault.unseal(self.secret or b"", user_id=self.user_id)

    def save_step(self, **changes: Any) -> None:
        """Store `changes` and the present step."""
        for name, value in changes.items():
            setattr(self, name, value)
        self.save(update_fields=["step", *changes])


class EnrolmentDue(models.Model):
    """Somebody who must set it up before anything else, whatever organizations say: it was taken off for a reason that calls for it."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    since = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"user {self.user_id}, since {self.since}"


class ResetRequestQuerySet(models.QuerySet["ResetRequest"]):
    """Questions about resets by support."""

    def open(self) -> Self:
        """Those that are still to come about; at most one of a person."""
        return self.filter(state__in=ResetRequest.OPEN)

    def due(self, now: datetime) -> Self:
        """Agreed, and waited for long enough."""
        return self.filter(state=ResetRequest.State.AGREED, due_at__lte=now)

    def pick(self, public_id: str) -> Self:
        """The one of this id, if `public_id` can be an id at all (a database may refuse other text)."""
        return self.filter(public_id=public_id) if ID_PATTERN.fullmatch(public_id) else self.none()


class ResetRequest(models.Model):
    """Support wants to take it off for somebody who lost app and codes (S6.11, ADM-05): one asks, another agrees, then a wait in
    which the person can object. A credential change, or a login with a code, ends it.
    """

    class State(models.TextChoices):
        """The first two are open."""

        ASKED = "asked", "waits for a second member of support"
        AGREED = "agreed", "the person can object"
        DONE = "done", "done"
        OBJECTED = "objected", "the person objected"
        WITHDRAWN = "withdrawn", "withdrawn by support"
        OVERTAKEN = "overtaken", "overtaken by the person"

    OPEN: ClassVar[list[str]] = ["asked", "agreed"]

    public_id = models.CharField(max_length=32, unique=True, default=new_id)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=9, choices=State.choices, default=State.ASKED)
    asked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    asked_reason = models.CharField(max_length=account_limits.REASON_MAX_CHARS)
    agreed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    agreed_at = models.DateTimeField(null=True)
    agreed_reason = models.CharField(max_length=account_limits.REASON_MAX_CHARS, blank=True)
    # How long the person can object once it is agreed to, as it was when it was asked for: no policy shortens it in between.
    wait_hours = models.PositiveSmallIntegerField(db_default=24)
    due_at = models.DateTimeField(null=True)
    epoch = models.PositiveIntegerField()  # the person's, when it was asked for
    key_digest = models.CharField(max_length=64, unique=True)  # of the link by which the person objects
    ended_at = models.DateTimeField(null=True)

    objects = ResetRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user"], condition=models.Q(state__in=["asked", "agreed"]), name="twofactor_one_open_reset"),
            models.CheckConstraint(
                condition=models.Q(agreed_by=None) | ~models.Q(agreed_by=models.F("asked_by")), name="twofactor_reset_by_two"
            ),
            models.CheckConstraint(
                condition=~models.Q(state__in=["agreed", "done"])
                | models.Q(agreed_by__isnull=False, agreed_at__isnull=False, due_at__isnull=False),
                name="twofactor_reset_agreed_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(state="agreed"), name="twofactor_reset_due")]

    def __str__(self) -> str:
        return f"{self.state}, of user {self.user_id}"


class Handout(ShownCodes):
    """New backup codes of somebody whose second factor is on already."""

    def __str__(self) -> str:
        return f"new backup codes of user {self.user_id}"
