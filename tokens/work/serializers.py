"""JSON of jobs and transfers in REST (DESIGN 5): one serializer for input, one for output."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, NotRequired, TypedDict

from rest_framework import serializers

from accounts.rest import Input, Output, StrictIntegerField, TextField
from tokens.serializers import ScopeField
from tokens.work import limits, words
from tokens.work.flows import Progress, Started
from tokens.work.models import Job, JobState, Transfer, TransferKind, TransferState, Work

_RAW_FACTOR = 4  # a bound on work; the rules and their sentences are in tokens.work.naming


class EndJSON(TypedDict):
    """How work ended; every value is null while it runs."""

    ended: datetime | None
    ended_by: Annotated[str | None, "Who ended it, where a person did."]
    ended_from: Annotated[str | None, "From which address."]
    end_act: Annotated[str | None, "By which act, such as `revoked-by-its-owner` or `password-changed`."]
    failure_reason: Annotated[str | None, "`AuthError`: its token was revoked, or expired."]
    failure_message: str | None


class WorkJSON(EndJSON):
    """What runs on a token."""

    id: str
    name: str
    project: str | None
    token_id: Annotated[str | None, "The token that carries it; null in what is another person's."]
    started: datetime
    started_from: Annotated[str | None, "From which address; null in what is another person's."]
    seconds: Annotated[int, "For how long it ran, until now or until its end."]


class JobJSON(WorkJSON):
    """A job."""

    state: JobState
    launched_by: str
    launched_with: Annotated[str | None, "The token that launched it; null: a web session did."]
    progress: Annotated[int | None, "In percent, as its executor says."]
    note: str
    exit_code: int | None
    lease_seconds: Annotated[int, "It fails where its executor is not heard of for so long."]
    leased_until: datetime
    heard: datetime


class StartedJobJSON(JobJSON):
    """A new job, with the text of its token."""

    token: Annotated[str, "The text of the job's own token, in this answer and in no other. It ends with the job."]


class LeaseJSON(TypedDict):
    """What a heartbeat is answered."""

    id: str
    state: JobState
    leased_until: datetime
    next_seconds: Annotated[float, "When to be heard of again."]


class TransferJSON(WorkJSON):
    """An upload, or a download session."""

    kind: TransferKind
    state: TransferState
    file: str | None
    moved: Annotated[int, "How many bytes went so far, those that went twice too."]
    total: Annotated[int | None, "How many there are, where that is known."]
    last: Annotated[datetime, "When the last bytes went."]


class WorkQuery(TypedDict, total=False):
    """What a list of work can be asked for."""

    state: Annotated[Literal["running", "done", "failed", "terminated"], "Only those in this state."]
    project: Annotated[str, "Only those in this project."]


class NewJobInput(Input):
    """What a new job is to be."""

    name = TextField(max_length=_RAW_FACTOR * limits.JOB_NAME_MAX_CHARS)
    project = TextField(max_length=limits.REASON_MAX_CHARS, help_text="`project-…`, with CONTRIBUTE at least.")
    projects = ScopeField(
        required=False, allow_null=True, default=None,
        help_text="What the job's token reaches; without it, its project alone. Never more than the token that asks.",
    )  # fmt: skip
    expires = serializers.DateTimeField(
        required=False, allow_null=True, default=None, help_text="When the job's token ends at the latest; without it, as any token."
    )
    lease_seconds = StrictIntegerField(
        required=False, default=limits.LEASE_SECONDS, min_value=limits.LEASE_LEAST_SECONDS, max_value=limits.LEASE_MOST_SECONDS,
        help_text="It fails where no heartbeat comes for so long.",
    )  # fmt: skip

    example: ClassVar[dict[str, Any]] = {"name": "variant-call-0412", "project": "project-Q48K0vG2k8gx6xf89y20bqBJ"}


class BeatInput(Input):
    """How far a job is."""

    progress = StrictIntegerField(required=False, allow_null=True, default=None, min_value=0, max_value=100, help_text="In percent.")
    note = TextField(
        required=False, allow_null=True, default=None, allow_blank=True, max_length=limits.PROGRESS_NOTE_MAX_CHARS,
        help_text="A few words on what it does now.",
    )  # fmt: skip

    example: ClassVar[dict[str, Any]] = {"progress": 62, "note": "chromosome 14"}

    @property
    def said(self) -> Progress:
        """What was said."""
        return Progress(percent=self.validated_data["progress"], note=self.validated_data["note"])


class FinishInput(Input):
    """How a job ended."""

    exit_code = StrictIntegerField(
        required=False, allow_null=True, default=None, min_value=-(2**31), max_value=2**31 - 1, help_text="0, or nothing: it is done."
    )
    message = TextField(
        required=False, default="", allow_blank=True, max_length=limits.FAILURE_MESSAGE_MAX_CHARS, help_text="Why it failed."
    )

    example: ClassVar[dict[str, Any]] = {"exit_code": 0}


def _work_json(work: Work) -> WorkJSON:
    """Return what both kinds say; addresses, tokens and acts only to the owner (tokens.work.finding.for_reader)."""
    own = getattr(work, "is_readers", True)
    return {
        "id": work.public_id,
        "name": work.name,
        "project": work.project.public_id if work.project else None,
        "token_id": work.token.public_id if own else None,
        "started": work.started,
        "started_from": work.address if own else None,
        "seconds": work.seconds,
        "ended": work.ended_at,
        "ended_by": work.ended_by.public_id if work.ended_by else None,
        "ended_from": work.ended_ip if own else None,
        "end_act": (work.end_why if own else "") or None,
        "failure_reason": work.failure_reason or None,
        "failure_message": (work.failure_message if own else words.for_others(work.failure_message)) or None,
    }


class JobOutput(Output[Job]):
    """One job."""

    example: ClassVar[JobJSON] = {
        "id": "job-Q48K0vG2k8gx6xf89y20bqBJ",
        "name": "variant-call-0412",
        "project": "project-Q48K0vG2k8gx6xf89y20bqBJ",
        "token_id": "token-Q48K0vG2k8gx6xf89y20bqBJ",
        "started": datetime(2026, 11, 24, 11, 0, 48, tzinfo=UTC),
        "started_from": "192.0.2.10",
        "seconds": 840,
        "ended": None,
        "ended_by": None,
        "ended_from": None,
        "end_act": None,
        "failure_reason": None,
        "failure_message": None,
        "state": JobState.RUNNING,
        "launched_by": "user-amy",
        "launched_with": "token-K48K0vG2k8gx6xf89y20bqBJ",
        "progress": 62,
        "note": "chromosome 14",
        "exit_code": None,
        "lease_seconds": 60,
        "leased_until": datetime(2026, 11, 24, 11, 15, 48, tzinfo=UTC),
        "heard": datetime(2026, 11, 24, 11, 14, 48, tzinfo=UTC),
    }

    def to_representation(self, instance: Job) -> JobJSON:
        """Return the public fields; project, token with its parent, and people were fetched along."""
        return {
            **_work_json(instance),
            "state": JobState(instance.state),
            "launched_by": instance.user.public_id,
            "launched_with": instance.token.parent.public_id if instance.token.parent and getattr(instance, "is_readers", True) else None,
            "progress": instance.progress,
            "note": instance.note,
            "exit_code": instance.exit_code,
            "lease_seconds": instance.lease_seconds,
            "leased_until": instance.leased_until,
            "heard": instance.heard_at,
        }


class StartedOutput(Output[Started]):
    """The job that was just registered, and the text of its token."""

    example: ClassVar[StartedJobJSON] = {**JobOutput.example, "token": "ght_dYkL0123456789ABCDEFGHIJKLMN"}

    def to_representation(self, instance: Started) -> StartedJobJSON:
        """Return the job's public fields, and the text."""
        return {**JobOutput().to_representation(instance.job), "token": instance.text}


class BeatOutput(Output[Job]):
    """The answer to a heartbeat."""

    example: ClassVar[LeaseJSON] = {
        "id": JobOutput.example["id"],
        "state": JobState.RUNNING,
        "leased_until": JobOutput.example["leased_until"],
        "next_seconds": limits.BEAT_SECONDS,
    }

    def to_representation(self, instance: Job) -> LeaseJSON:
        """Return what the executor needs."""
        return {
            "id": instance.public_id, "state": JobState(instance.state), "leased_until": instance.leased_until,
            "next_seconds": limits.BEAT_SECONDS,
        }  # fmt: skip


class TransferOutput(Output[Transfer]):
    """One transfer."""

    example: ClassVar[TransferJSON] = {
        "id": "transfer-Q48K0vG2k8gx6xf89y20bqBJ",
        "name": "scan-batch-77.tar",
        "project": "project-Q48K0vG2k8gx6xf89y20bqBJ",
        "token_id": "token-Q48K0vG2k8gx6xf89y20bqBJ",
        "started": datetime(2026, 11, 24, 11, 0, 48, tzinfo=UTC),
        "started_from": "192.0.2.10",
        "seconds": 84,
        "ended": datetime(2026, 11, 24, 11, 2, 12, tzinfo=UTC),
        "ended_by": "user-amy",
        "ended_from": "192.0.2.10",
        "end_act": "revoked-by-its-owner",
        "failure_reason": "AuthError",
        "failure_message": "The upload can no longer continue (AuthError): its authentication token has been revoked or has expired "
        "(revoked by its owner)",
        "kind": TransferKind.UPLOAD,
        "state": TransferState.FAILED,
        "file": "file-Q48K0vG2k8gx6xf89y20bqBJ",
        "moved": 18_400_000,
        "total": None,
        "last": datetime(2026, 11, 24, 11, 2, 12, tzinfo=UTC),
    }

    def to_representation(self, instance: Transfer) -> TransferJSON:
        """Return the public fields; file, project and token were fetched along."""
        return {
            **_work_json(instance),
            "kind": TransferKind(instance.kind),
            "state": TransferState(instance.state),
            "file": instance.file.public_id if instance.file else None,
            "moved": instance.moved,
            "total": instance.total,
            "last": instance.last_at,
        }


_ForNewJob = {"Idempotency-Key": NotRequired[Annotated[str, "Names this request for 24 hours: a repeat of it registers no second job."]]}
NewJobHeaders = TypedDict("NewJobHeaders", _ForNewJob)  # type: ignore[misc]  # a name with a dash, said once
