"""How work ends in its rows: set-wise, whatever their number, and only what still runs; the first end stays (JOB-09).

The acts are in tokens.work.flows, and in receivers of what happens on the floors below. Each calls this inside its transaction.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import Count, QuerySet, Window
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.credentials import NAMES_SHOWN, Casualties
from accounts.failpoints import failpoint
from accounts.models import User
from orgs.projects.models import Project
from tokens.models import EndReason, Token
from tokens.work import events, words
from tokens.work.models import File, FileState, Job, Reason, Transfer, TransferKind, TransferState

# Each kind of work: its noun, and how to ask for it.
Kinds = dict[str, QuerySet[Any]]
Chooser = Callable[[QuerySet[Any]], QuerySet[Any]]


def running_kinds() -> Kinds:
    """Return what runs, by kind: the nouns stand in sentences, dialogs and events."""
    transfers = Transfer.objects.running()
    return {
        "job": Job.objects.running(),
        "upload": transfers.filter(kind=TransferKind.UPLOAD),
        "download": transfers.filter(kind=TransferKind.DOWNLOAD),
    }


def casualties(chosen: Chooser, *, verb: str = "Stops") -> list[Casualties]:
    """Return how much runs of what `chosen` picks from each kind, with the first names; kinds without any are left out."""
    told = []
    for noun, rows in running_kinds().items():
        # Each row says how many there are in all, so that the first names and the number are one query.
        picked = chosen(rows).annotate(among=Window(Count("pk"))).order_by("name", "pk")
        if first := list(picked.values_list("name", "among")[:NAMES_SHOWN]):
            told.append(Casualties(noun, first[0][1], [name for name, _ in first], verb=verb))
    return told


def on_tokens(tokens: Iterable[Token]) -> Chooser:
    """Return what picks the work that these tokens carry."""
    ids = [token.pk for token in tokens]
    return lambda rows: rows.filter(token__in=ids)


def end(chosen: Chooser, *, reason: Reason, message: Callable[[str], str], why: str, actor: Actor) -> list[Casualties]:
    """End what `chosen` picks of what runs, and return it by kind. `message` makes the sentence for a noun.

    A fixed number of statements. What was moved and how long it ran stays in the rows; an upload's file is never closed.
    """
    ended: list[Casualties] = []
    for casualty in casualties(chosen, verb="Ended"):
        rows = chosen(running_kinds()[casualty.noun])
        # Files before transfers, as who closes one locks them; and no join in what is updated, for PostgreSQL looks again at the row
        # alone when it had to wait for it.
        files = _lock_files(rows) if casualty.noun == "upload" else []
        count = rows.update(state=TransferState.FAILED, **record(reason=reason, message=message(casualty.noun), why=why, actor=actor))
        File.objects.filter(pk__in=files, state=FileState.OPEN).update(state=FileState.DROPPED)
        ended.append(replace(casualty, count=count))
        failpoint("work.ended")
    return [casualty for casualty in ended if casualty.count]


def end_with_tokens(tokens: list[Token], *, why: str, actor: Actor) -> list[Casualties]:
    """End what runs on `tokens`, whose authority has just ended, and record it for each person; return what that was."""
    told: list[Casualties] = []
    for user, own in _by_person(tokens).items():
        ended = end(on_tokens(own), reason=Reason.AUTH, message=lambda noun: words.auth_error(noun, why), why=why, actor=actor)
        if ended:
            audit.record(events.ended(ended, why=why), subject=user, actor=actor)
        told += ended
    return told


def end_for_each(chosen: Chooser, *, reason: Reason, message: Callable[[str], str], why: str, actor: Actor) -> None:
    """End what `chosen` picks, and tell each person in their own log what of theirs it was. Some statements for each person."""
    people = {row[0] for rows in running_kinds().values() for row in chosen(rows).values_list("user")}
    for user in User.objects.filter(pk__in=people).order_by("pk"):
        ended = end(_of(user, chosen), reason=reason, message=message, why=why, actor=actor)
        if ended:
            audit.record(events.ended(ended, why=why), subject=user, actor=actor)


def end_with_files(project: Project, files: list[int], *, actor: Actor) -> None:
    """End the transfers of files (ids of rows) that a person takes out of `project`."""
    chosen = transfers_where(project=project, file__in=files)
    end_for_each(chosen, reason=Reason.ENDED, message=lambda noun: words.ended(noun, actor), why=EndReason.ENDED.value, actor=actor)


def _of(user: User, chosen: Chooser) -> Chooser:
    return lambda rows: chosen(rows).filter(user=user)


def end_without_access(transfer: Transfer, *, message: str) -> None:
    """End a transfer whose person, or token, lost the project; a job hears of it with its heartbeat."""
    end_one(transfer, reason=Reason.ACCESS, message=message, why=EndReason.ACCESS.value, actor=Actor.worker())


def end_one(transfer: Transfer, *, reason: Reason, message: str, why: str, actor: Actor) -> bool:
    """End one transfer with its event, and return whether it ran."""
    with transaction.atomic():
        ended = end(transfers_where(pk=transfer.pk), reason=reason, message=lambda _: message, why=why, actor=actor)
        if ended:
            audit.record(events.ended(ended, why=why, work_id=transfer.public_id, message=message), subject=transfer.user, actor=actor)
    return bool(ended)


def transfers_where(**which: Any) -> Chooser:
    """Return what picks transfers, and no jobs."""
    return lambda rows: rows.filter(**which) if rows.model is Transfer else rows.none()


def record(*, reason: Reason | None, message: str, why: str, actor: Actor) -> dict[str, Any]:
    """Return the columns that say how work ended: when, by whom, from where, by which act, and why in words; no reason, no failure."""
    return {
        "ended_at": timezone.now(), "ended_by": actor.user, "ended_ip": actor.ip, "end_why": why,
        "failure_reason": reason.value if reason else "", "failure_message": message,
    }  # fmt: skip


def _lock_files(uploads: QuerySet[Any]) -> list[int]:
    ids = list(uploads.values_list("file", flat=True))
    return list(File.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk").values_list("pk", flat=True))


def _by_person(tokens: list[Token]) -> dict[User, list[Token]]:
    found: dict[User, list[Token]] = {}
    for token in tokens:
        found.setdefault(token.user, []).append(token)
    return found
