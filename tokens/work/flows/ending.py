"""Work that a person ends from a page, and work that time ends. What ends with a token is in tokens.work.receivers."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.audit import Actor
from accounts.models import User
from orgs.projects.access import HasAccess
from tokens.models import EndReason
from tokens.work import authority, endings, limits, words
from tokens.work.errors import WorkNotFound, WorkOver
from tokens.work.flows.jobs import end_by_person
from tokens.work.models import Job, Reason, Transfer, TransferKind, TransferState


def find_own(*, user: User, public_id: str) -> Job | Transfer:
    """Return a job or a transfer of `user`, running or over, with all that its page names. Raises WorkNotFound."""
    rows = (Job.objects if public_id.startswith("job-") else Transfer.objects).of(user).of_id(public_id)
    found: Job | Transfer | None = rows.whole().first()
    if found is None:
        raise WorkNotFound()
    return found


def end_by_hand(*, caller: HasAccess, public_id: str, actor: Actor) -> Job | Transfer:
    """End what runs for the caller's person, a job or a transfer, and return it as it is then (S5.6).

    Raises WorkNotFound, what authority.require_may_end raises, and WorkOver where it has ended: the first end stays.
    """
    user = caller.user
    work = find_own(user=user, public_id=public_id)
    authority.require_may_end(caller, work)
    if isinstance(work, Job):
        return end_by_person(job=work, actor=actor)
    why, message = EndReason.ENDED.value, words.ended(work.noun, actor)
    if not endings.end_one(work, reason=Reason.ENDED, message=message, why=why, actor=actor):
        raise WorkOver(work=work.public_id, state=work.failure_message or work.state)
    return find_own(user=user, public_id=public_id)


def give_up_uploads_due() -> int:
    """Give up the uploads of which nothing came for 24 hours, up to 500; return how many. The worker calls it, safely twice."""
    quiet = timezone.now() - timedelta(seconds=limits.UPLOAD_IDLE_SECONDS)
    due = Transfer.objects.running().filter(kind=TransferKind.UPLOAD, last_at__lt=quiet).values_list("pk", flat=True)
    late = list(due[: limits.SWEEP_ROWS])
    if not late:
        return 0
    with transaction.atomic():
        ended = endings.end(
            endings.transfers_where(pk__in=late, last_at__lt=quiet),
            reason=Reason.ABANDONED, message=words.abandoned, why=EndReason.IDLE.value, actor=Actor.worker(),
        )  # fmt: skip
    return sum(casualty.count for casualty in ended)


def end_downloads_due() -> int:
    """End, as done, the downloads of which nothing was read for a minute; return how many. The worker calls it, safely twice.

    A client says nothing when it has all that it wants. What is recorded is when the last byte went. One that goes on is opened again.
    """
    quiet = timezone.now() - timedelta(seconds=limits.DOWNLOAD_QUIET_SECONDS)
    due = Transfer.objects.running().filter(kind=TransferKind.DOWNLOAD, last_at__lt=quiet).values_list("pk", flat=True)
    late = list(due[: limits.SWEEP_ROWS])
    return Transfer.objects.running().filter(pk__in=late, last_at__lt=quiet).update(state=TransferState.DONE, ended_at=F("last_at"))
