"""After a restore from a backup (F16): what was ended since the backup is alive again, so everything of a login is ended once more.

`settings.RESTORE_STEPS` names functions of the rooms that take a `Restore`, each in small transactions, and return what they ended by
noun. A step that finds nothing to do does nothing: what was killed half-way is run again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts import audit, limits, sessions
from accounts.audit import Actor
from accounts.batches import batches, delete_batch
from accounts.events import EmailChangeCancelled, ServerRestored
from accounts.models import EmailChange, OutboxMail, PasswordReset, Session, User, WhyEnded

EVER = datetime.min.replace(tzinfo=UTC)  # every token was made after it


@dataclass(frozen=True)
class Restore:
    """What was chosen: tokens made after `revoke_issued_after` are revoked; None keeps them all. `actor` runs the server."""

    revoke_issued_after: datetime | None
    actor: Actor


Ended = dict[str, int]  # how many, by noun
Step = Callable[[Restore], Ended]


def restore(chosen: Restore) -> Ended:
    """Do every step of every room, record the event, and return how much was ended, by noun in the plural."""
    ended: Ended = {}
    for path in settings.RESTORE_STEPS:
        step: Step = import_string(path)
        ended |= step(chosen)
    since = chosen.revoke_issued_after.isoformat() if chosen.revoke_issued_after else ""
    audit.record(ServerRestored(ended=ended, tokens_revoked_since=since), subject=None, actor=chosen.actor)
    return ended


def end_logins(chosen: Restore) -> Ended:
    """Raise every epoch, then end every session and every login under way."""
    people = 0
    for batch in batches(User.objects.only("pk")):
        people += User.objects.filter(pk__in=[user.pk for user in batch]).update(session_epoch=F("session_epoch") + 1)
    ended = 0
    while keys := list(Session.objects.values_list("pk", flat=True)[: limits.SWEEP_BATCH_ROWS]):
        ended += len(sessions.end_sessions(Session.objects.filter(pk__in=keys), why=WhyEnded.RESTORED, actor=chosen.actor))
    return {"epochs": people, "sessions": ended}


def end_links(chosen: Restore) -> Ended:
    """Let every mailed link be dead, and every change of address that waits for one; mails with such a link are not sent any more."""
    links = _deleted(PasswordReset.objects.filter(used_at=None))
    changes = 0
    for batch in batches(EmailChange.objects.pending().select_related("user")):
        changes += _cancel(batch, chosen.actor)
    dead = OutboxMail.objects.filter(state=OutboxMail.State.WAITING, good_until__isnull=False)
    mails = dead.update(state=OutboxMail.State.EXPIRED, done_at=timezone.now(), text="", html="")
    return {"reset links": links, "changes of address": changes, "mails with a link": mails}


def _cancel(changes: list[EmailChange], actor: Actor) -> int:
    with transaction.atomic():
        pending = EmailChange.objects.pending().filter(pk__in=[change.pk for change in changes])
        count = pending.update(state=EmailChange.State.CANCELLED)
        audit.record_many([(EmailChangeCancelled(new=change.new_email), change.user) for change in changes], actor=actor)
    return count


def _deleted(rows: QuerySet[PasswordReset]) -> int:
    total = 0
    while gone := delete_batch(rows):
        total += gone
    return total
