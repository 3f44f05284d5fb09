"""What runs on a token: transfers and jobs. Both keep the record of their end: when, by whom, by which act, from where."""

from typing import Any, Self, TypeVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from accounts.ids import is_public_id, new_public_id
from accounts.models import User
from orgs.projects.models import Project
from tokens.models import Token, reason_words
from tokens.work import limits
from tokens.work.models.files import File, Part

W = TypeVar("W", bound="Work")


def new_job_id() -> str:
    """Return a fresh `job-…` id."""
    return new_public_id("job")


def new_transfer_id() -> str:
    """Return a fresh `transfer-…` id."""
    return new_public_id("transfer")


class Reason(models.TextChoices):
    """Why work failed; the names of the dx ecosystem where it has one (DX_PROTOCOL 7.3)."""

    AUTH = "AuthError"
    ENDED = "Terminated"
    ACCESS = "PermissionDenied"
    ABANDONED = "Abandoned"
    VANISHED = "UnresponsiveWorker"
    APP = "AppError"


class TransferState(models.TextChoices):
    """Of a transfer."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobState(models.TextChoices):
    """Of a job; names of the dx protocol."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    TERMINATED = "terminated"


class WorkQuerySet(models.QuerySet[W]):
    """Questions that transfers and jobs are asked alike."""

    def running(self) -> Self:
        """What has not ended."""
        return self.filter(state="running")

    def of(self, user: User) -> Self:
        """What one person's tokens carry."""
        return self.filter(user=user)

    def on(self, token_ids: Any) -> Self:
        """What these tokens carry."""
        return self.filter(token__in=token_ids)

    def of_id(self, public_id: str) -> Self:
        """The one of this id, if it can be one at all."""
        return self.filter(public_id=public_id) if is_public_id(public_id, self.model.id_kind) else self.none()

    def whole(self) -> Self:
        """The same, with the rows that every answer names."""
        return self.select_related("user", "project__billed_to", "project__org", "token__parent", "ended_by")

    def newest_first(self) -> Self:
        """In the order of beginning, the last one first."""
        return self.order_by("-started", "-pk")


class Work(models.Model):
    """Something that began on a token, and ends with it at the latest."""

    # Set by tokens.work.overview, where rows of a list say how many there are in all.
    among: int
    # Set by tokens.work.finding.for_reader.
    is_readers: bool

    id_kind: str
    noun: str

    public_id: str
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token = models.ForeignKey(Token, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=max(limits.FILE_NAME_MAX_CHARS, limits.JOB_NAME_MAX_CHARS))
    started = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    ended_ip = models.GenericIPAddressField(null=True)
    end_why = models.CharField(max_length=40, blank=True)
    failure_reason = models.CharField(max_length=limits.REASON_MAX_CHARS, blank=True)
    failure_message = models.CharField(max_length=limits.FAILURE_MESSAGE_MAX_CHARS, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return bool(self.state == "running")  # type: ignore[attr-defined]  # each kind has its own choices

    @property
    def seconds(self) -> int:
        """For how long it ran, in whole seconds, until now where it still does."""
        return max(0, int(((self.ended_at or timezone.now()) - self.started).total_seconds()))

    @property
    def act_words(self) -> str:
        """Which act ended it, as people read it; empty where none did."""
        return reason_words(self.end_why) if self.end_why else ""


def end_is_recorded(name: str) -> models.CheckConstraint:
    """Return the constraint that what has ended says when."""
    running, ended = models.Q(state="running", ended_at=None), ~models.Q(state="running") & models.Q(ended_at__isnull=False)
    return models.CheckConstraint(condition=running | ended, name=name)


class TransferKind(models.TextChoices):
    """Which way the bytes go."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


class TransferQuerySet(WorkQuerySet["Transfer"]):
    """Questions about transfers."""

    def uploads(self) -> Self:
        """Those that bring bytes."""
        return self.filter(kind=TransferKind.UPLOAD)


class Transfer(Work):
    """An upload of a file, or one download session of it. `moved` counts every byte that went, again and again where it was repeated."""

    id_kind = "transfer"

    public_id = models.CharField(max_length=40, unique=True, default=new_transfer_id, editable=False)
    kind = models.CharField(max_length=8, choices=TransferKind.choices)
    file = models.ForeignKey(File, on_delete=models.SET_NULL, null=True, related_name="transfers")
    state = models.CharField(max_length=7, choices=TransferState.choices, default=TransferState.RUNNING)
    moved = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True)
    last_at = models.DateTimeField(default=timezone.now)
    reached_end = models.BooleanField(default=False)  # of a download: its last byte went
    by_link = models.BooleanField(default=False)  # a download whose address alone is enough (preauthenticated)
    agent = models.CharField(max_length=512, blank=True)

    objects = TransferQuerySet.as_manager()

    class Meta:
        constraints = [
            end_is_recorded("work_transfer_end_recorded"),
            models.UniqueConstraint(fields=["file"], condition=models.Q(kind="upload"), name="work_transfer_one_upload"),
        ]
        indexes = [
            models.Index(fields=["token"], condition=models.Q(state="running"), name="work_transfer_running_on"),
            models.Index(fields=["user", "-started"], name="work_transfer_of_user"),
            models.Index(fields=["user"], condition=models.Q(state="running"), name="work_transfer_running_of"),
            models.Index(fields=["project"], condition=models.Q(state="running"), name="work_transfer_running_in"),
            models.Index(fields=["last_at"], condition=models.Q(state="running"), name="work_transfer_idle"),
        ]

    @property
    def noun(self) -> str:  # type: ignore[override]  # of two kinds
        """ "upload" or "download"."""
        return str(self.kind)


class Job(Work):
    """A job that an executor outside runs. `token` is its own, derived from what launched it (`token.parent`)."""

    id_kind, noun = "job", "job"

    public_id = models.CharField(max_length=32, unique=True, default=new_job_id, editable=False)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.RUNNING)
    lease_seconds = models.PositiveIntegerField(default=limits.LEASE_SECONDS)
    leased_until = models.DateTimeField()
    heard_at = models.DateTimeField(default=timezone.now)
    progress = models.PositiveSmallIntegerField(null=True)  # percent
    note = models.CharField(max_length=limits.PROGRESS_NOTE_MAX_CHARS, blank=True)
    exit_code = models.IntegerField(null=True)
    modified = models.DateTimeField(default=timezone.now)

    objects = WorkQuerySet["Job"].as_manager()

    class Meta:
        constraints = [
            end_is_recorded("work_job_end_recorded"),
            models.UniqueConstraint(fields=["token"], name="work_job_one_token"),
            models.CheckConstraint(condition=models.Q(progress=None) | models.Q(progress__lte=100), name="work_job_progress_percent"),
        ]
        indexes = [
            models.Index(fields=["token"], condition=models.Q(state="running"), name="work_job_running_on"),
            models.Index(fields=["user", "-started"], name="work_job_of_user"),
            models.Index(fields=["user"], condition=models.Q(state="running"), name="work_job_running_of"),
            models.Index(fields=["project", "-started"], name="work_job_in_project"),
            models.Index(fields=["leased_until"], condition=models.Q(state="running"), name="work_job_lease"),
        ]


__all__ = [
    "Job", "JobState", "Part", "Reason", "Transfer", "TransferKind", "TransferState", "Work", "WorkQuerySet",
    "end_is_recorded",
]  # fmt: skip
