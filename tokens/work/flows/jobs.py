"""A job: registered by an executor with a token, kept alive by heartbeats, ended once (DESIGN 3, Work)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.credentials import Casualties
from accounts.failpoints import failpoint
from accounts.models import User
from orgs.projects import access
from orgs.projects.access import HasAccess
from orgs.projects.models import Level, Project
from tokens import flows as token_flows
from tokens.caller import Caller
from tokens.errors import ScopeRefused
from tokens.idempotency import Repeatable
from tokens.models import EndReason, Token, TokenKind
from tokens.scope import Scope
from tokens.work import authority, endings, events, finding, limits, naming, words
from tokens.work.errors import AccessEnded, AuthorityEnded, JobNotFound, TooManyJobs, WorkOver
from tokens.work.models import Job, JobState, Reason
from tokens.work.models.running import new_job_id

_LABEL_NAME_CHARS = 64 - 29  # the id of the job, behind a blank, fills the rest of a label


@dataclass(frozen=True)
class Started:
    """A new job, and the text of its token, which is told once and kept nowhere."""

    job: Job
    text: str = field(repr=False)


@dataclass(frozen=True)
class Progress:
    """What an executor says of its job. None: it does not say, and what it said before stays."""

    percent: int | None = None
    note: str | None = None


def start(
    *, caller: HasAccess, presenter: Token | None, project_id: str, name: str, actor: Actor, reach: Scope | None = None,
    expires: datetime | None = None, lease_seconds: int = limits.LEASE_SECONDS, confirmed: bool = False, once: Repeatable | None = None,
) -> Started:  # fmt: skip
    """Register a job that an executor begins now, and return it with the text of the token that was derived for it.

    Without `reach` that token has the job's project alone, at the caller's level there; never more than the presenter has. It ends with
    the presenter, and with the job. Raises ProjectNotFound, LevelTooLow below CONTRIBUTE, JobValueRefused, TooManyJobs, and what
    tokens.flows.create raises.
    """
    name, job_id = naming.clean_job_name(name), new_job_id()
    if Job.objects.of(caller.user).running().count() >= limits.JOBS_PER_PERSON:
        raise TooManyJobs(limit=limits.JOBS_PER_PERSON)
    made: list[Job] = []
    with transaction.atomic():
        # Or it would be deleted under a job that has just begun. Before the person, as who deletes a project locks them.
        project = access.lock(caller, project_id, Level.CONTRIBUTE)
        reach = _with_project(reach, project)
        minted = token_flows.create(
            user=caller.user, label=f"{name[:_LABEL_NAME_CHARS].strip()} {job_id}", expires=expires, kind=TokenKind.JOB,
            presenter=presenter, reach=reach, confirmed=confirmed, once=once,
            actor=actor, begins=_registers(made, Job(public_id=job_id, name=name, lease_seconds=lease_seconds), project, actor),
        )  # fmt: skip
    return Started(made[0], minted.text)


def _with_project(reach: Scope | None, project: Project) -> Scope:
    """Return the scope of a job's token: as wished, else its project alone. Raises ScopeRefused where the job could not work in it."""
    if reach is None:
        return Scope(None, {project.public_id: project.level})
    there = reach.projects.get(project.public_id) if reach.everywhere is None else reach.everywhere
    if there is None or there < Level.CONTRIBUTE:
        raise ScopeRefused(reason="The token of a job needs CONTRIBUTE in the job's own project. Add that project to its scope")
    return reach


def _registers(made: list[Job], job: Job, project: Project, actor: Actor) -> Callable[[Token], None]:
    def register(token: Token) -> None:
        now = timezone.now()
        job.user, job.token, job.project, job.address = token.user, token, project, actor.ip
        job.started, job.heard_at, job.modified, job.leased_until = now, now, now, now + timedelta(seconds=job.lease_seconds)
        job.save(force_insert=True)
        launched_with = token.parent.public_id if token.parent else ""
        event = events.JobStarted(job.public_id, job.name, project.public_id, token_id=token.public_id, launched_with=launched_with)
        audit.record(event, subject=token.user, actor=actor)
        made.append(job)

    return register


def heartbeat(*, caller: Caller, job_id: str, progress: Progress, actor: Actor) -> Job:
    """Note that the executor of a job lives, and how far it is; return the job, its lease renewed.

    Only the job's own token says so. Raises JobNotFound for any other (JOB-05), WorkOver or AuthorityEnded where the job is over, and
    AccessEnded where its person lost the project: the job has failed then.
    """
    job, now = _own(caller, job_id), timezone.now()
    quiet = progress.percent in (None, job.progress) and progress.note in (None, job.note)
    unwritten = timedelta(seconds=min(limits.HEARD_SECONDS, job.lease_seconds / limits.HEARD_PER_LEASE))
    if not job.is_running:
        _refuse_over(job)
    if quiet and job.heard_at > now - unwritten:
        return job  # hundreds ask at once, each every second: most of them cost no write
    try:
        authority.require_access(job, caller.token)
    except AccessEnded as lost:
        _end_without_access(job, message=str(lost))
        raise
    said: dict[str, object] = {"leased_until": now + timedelta(seconds=job.lease_seconds), "heard_at": now}
    if progress.percent is not None:
        said["progress"] = progress.percent
    if progress.note is not None:
        said["note"] = naming.clean_note(progress.note)
    if Job.objects.running().filter(pk=job.pk).update(modified=now, **said) != 1:
        _refuse_over(job)
    for column, value in said.items():
        setattr(job, column, value)
    return job


def finish(*, caller: Caller, job_id: str, exit_code: int | None, message: str, actor: Actor) -> Job:
    """End a job as its executor says: done, or failed with AppError where `exit_code` is not 0. Its token ends with it.

    Raises JobNotFound for any other token than the job's own, and WorkOver where the job is over: the first end stays (JOB-09).
    """
    job = _own(caller, job_id)
    failed = exit_code not in (None, 0)
    told = naming.clean_message(message) or f"The command ended with status {exit_code}" if failed else ""
    state, reason = (JobState.FAILED, Reason.APP) if failed else (JobState.DONE, None)
    executor = replace(actor, user=None)  # no person ended it
    ended = _end(job, state=state, reason=reason, message=told, why=EndReason.JOB.value, actor=executor, exit_code=exit_code)
    if not ended:
        _refuse_over(job)
    return _read(job)


def terminate(*, caller: HasAccess, job_id: str, actor: Actor) -> Job:
    """End a job that runs: one's own, or as who administers its project. The executor hears of it with its next heartbeat.

    Raises JobNotFound, LevelTooLow, and WorkOver where it has ended.
    """
    job = finding.job_of(caller, job_id)
    authority.require_may_end(caller, job)
    return end_by_person(job=job, actor=actor)


def end_by_person(*, job: Job, actor: Actor) -> Job:
    """End a job because a person wants it, with its event. Raises WorkOver where it has ended."""
    why, message = EndReason.ENDED.value, words.ended("job", actor)
    with transaction.atomic():
        if not _end(job, state=JobState.TERMINATED, reason=Reason.ENDED, message=message, why=why, actor=actor):
            row = _read(job)
            raise WorkOver(work=row.public_id, state=row.failure_message or str(row.state))
        _record_end(job, why=why, message=message, actor=actor)
    return _read(job)


def fail_vanished_due() -> int:
    """Fail the jobs whose executor was not heard of for its whole lease, up to 500; return how many. The worker calls it, safely twice."""
    due = list(Job.objects.running().filter(leased_until__lt=timezone.now()).select_related("token")[: limits.SWEEP_ROWS])
    if not due:
        return 0
    actor, why = Actor.worker(), EndReason.LEASE.value
    with transaction.atomic():
        for user_id in sorted({job.user_id for job in due}):
            User.objects.lock(user_id)  # before the jobs, as whoever revokes their tokens does
        rows = Job.objects.running().filter(pk__in=[job.pk for job in due], leased_until__lt=timezone.now()).order_by("pk")
        # What another worker has just ended, or whose executor has just been heard of, is no longer among them.
        late = list(rows.select_for_update(of=("self",)).select_related("token", "user"))
        columns = endings.record(reason=Reason.VANISHED, message=words.VANISHED, why=why, actor=actor)
        Job.objects.filter(pk__in=[job.pk for job in late]).update(state=JobState.FAILED, **columns)
        failpoint("work.vanished")
        for job in late:
            _record_end(job, why=why, message=words.VANISHED, actor=actor)
        token_flows.revoke(tokens=[job.token for job in late], actor=actor, why=why)
        return len(late)


def _end_without_access(job: Job, *, message: str) -> None:
    """Whoever took the project away is in the log of its members; the one who asks here has done nothing."""
    why, worker = EndReason.ACCESS.value, Actor.worker()
    with transaction.atomic():
        if _end(job, state=JobState.FAILED, reason=Reason.ACCESS, message=message, why=why, actor=worker):
            _record_end(job, why=why, message=message, actor=worker)


def _record_end(job: Job, *, why: str, message: str, actor: Actor) -> None:
    event = events.ended([Casualties("job", 1, [job.name])], why=why, work_id=job.public_id, message=message)
    audit.record(event, subject=job.user, actor=actor)


def _own(caller: Caller, job_id: str) -> Job:
    job = Job.objects.of_id(job_id).filter(token=caller.token).first()
    if job is None:
        raise JobNotFound()
    return job


def _end(job: Job, *, state: JobState, reason: Reason | None, message: str, why: str, actor: Actor, exit_code: int | None = None) -> bool:
    """End `job` if it runs, and its token with it; return whether it ran."""
    with transaction.atomic():
        User.objects.lock(job.user_id)  # before the job, as whoever revokes its token does
        columns = endings.record(reason=reason, message=message, why=why, actor=actor)
        if Job.objects.running().filter(pk=job.pk).update(state=state, exit_code=exit_code, modified=timezone.now(), **columns) != 1:
            return False
        failpoint("work.job-ended")
        token_flows.revoke(tokens=[job.token], actor=actor, why=why)
        return True


def _read(job: Job) -> Job:
    return Job.objects.whole().get(pk=job.pk)


def _refuse_over(job: Job) -> None:
    row = _read(job)
    if row.failure_reason:
        raise AuthorityEnded(reason=f"{row.failure_reason}: {row.failure_message}")
    raise WorkOver(work=row.public_id, state=str(row.state))
