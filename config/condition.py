"""How the server is: what waits, what the worker did last, what the last check of the database's contents found.

For those who run it: the console's page, the metrics, /readyz. Nothing here reads a whole table: a number that may be large is counted up
to a bound.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Min, QuerySet
from django.utils import timezone

from accounts.models import OutboxMail, Session, StateCheck, WorkerBeat
from accounts.verifying import Depth
from config.schedule import TASKS, Task
from tokens.work.models import Job, Transfer

LATE_SECONDS = 120  # F13
COUNTED_MOST = 10_000
# Whoever has just started has not heard of the worker yet: it starts beside, and writes some seconds later.
_started = timezone.now()


@dataclass(frozen=True)
class Count:
    """How many there are; `is_bound`: that or more."""

    number: int
    is_bound: bool

    def __str__(self) -> str:
        return f"{self.number:,}{' or more' if self.is_bound else ''}"


@dataclass(frozen=True)
class TaskState:
    """A task of the worker, and the last round of it that was written down, if there was one."""

    task: Task
    beat: WorkerBeat | None
    is_late: bool


@dataclass(frozen=True)
class Outbox:
    """Mails: those whose turn it is, since when the first of them waits for it, those that are tried again, those that were given up."""

    due: Count
    oldest_due: datetime | None
    retried: Count
    failed: Count


def count(rows: "QuerySet[Any]") -> Count:
    """Return how many `rows` there are, counted up to 10,000."""
    number = rows.order_by()[:COUNTED_MOST].count()
    return Count(number, number == COUNTED_MOST)


def tasks() -> list[TaskState]:
    """Return every task of the worker with its last round, in their order; one query."""
    now, beats = timezone.now(), {beat.task: beat for beat in WorkerBeat.objects.all()}
    return [TaskState(task, beats.get(task.name), _is_late(task, beats.get(task.name), now)) for task in TASKS]


def late_tasks() -> list[str]:
    """Return the names of tasks of which no round ended for two minutes more than their period."""
    return [state.task.name for state in tasks() if state.is_late]


def _is_late(task: Task, beat: WorkerBeat | None, now: datetime) -> bool:
    ended = beat.ended_at if beat is not None else None
    # A round far in the future was one of a clock that was ahead, and says nothing of now; another machine may be somewhat ahead (F11).
    heard = ended if ended is not None and ended <= now + timedelta(seconds=LATE_SECONDS) else _started
    return now - max(_started, heard) > timedelta(seconds=LATE_SECONDS + task.period_seconds)


def outbox() -> Outbox:
    """Return what waits in the outbox, and what was given up in the last 30 days."""
    now = timezone.now()
    waiting = OutboxMail.objects.filter(state=OutboxMail.State.WAITING)
    due = waiting.filter(next_try__lte=now)
    return Outbox(
        due=count(due),
        oldest_due=due.aggregate(oldest=Min("next_try"))["oldest"],
        retried=count(waiting.filter(attempts__gt=0)),
        failed=count(OutboxMail.objects.filter(state=OutboxMail.State.FAILED)),
    )


def running_jobs() -> Count:
    """Return how many jobs run."""
    return count(Job.objects.running())


def running_transfers() -> Count:
    """Return how many uploads and downloads are under way."""
    return count(Transfer.objects.running())


def last_check() -> StateCheck | None:
    """Return the newest look at the state that came to its end, or None.

    One that found something stands until another one has looked as deep: the worker's daily look does not see what `verify_state` does.
    """
    looks, depths = StateCheck.objects.filter(ended_at__isnull=False).order_by("-pk"), list(Depth)
    newest: StateCheck | None = looks.first()
    if newest is None or newest.findings:
        return newest
    for least in range(depths.index(Depth(newest.depth)) + 1, len(depths)):
        deeper: StateCheck | None = looks.filter(depth__in=depths[least:]).first()
        if deeper is not None and deeper.findings:
            return deeper
    return newest


def sessions() -> Count:
    """Return how many browsers are signed in; those that are over count until the worker ends them, half a minute later."""
    return count(Session.objects.filter(user__isnull=False))
