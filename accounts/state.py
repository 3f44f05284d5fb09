"""What must hold of this room's state (accounts.verifying): sessions, mails, the security log, the database itself."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.db.models import F
from django.utils import timezone

from accounts import appending, limits, outbox, seals, sessions
from accounts.batches import in_batches
from accounts.models import OutboxMail, Session
from accounts.verifying import Depth, long_ago


def live_sessions(depth: Depth) -> Iterator[str]:
    """No session outlives a credential change, its account, or its own limits."""
    of_people = Session.objects.select_related("user").filter(user__isnull=False)
    for row in in_batches(of_people.exclude(epoch=F("user__session_epoch"))):
        yield f"Session {row.public_id} of {row.user} is of epoch {row.epoch}; the account is in epoch {row.user.session_epoch}."
    for row in in_batches(of_people.filter(user__is_active=False)):
        yield f"Session {row.public_id} of {row.user} lives, though the account is switched off."
    for rows, why in sessions.over(long_ago()):
        for row in in_batches(rows.select_related("user")):
            yield f"Session {row.public_id} of {row.user or 'nobody'} is over ({why.label}) and was not swept."


def mails(depth: Depth) -> Iterator[str]:
    """Every mail that waits is taken up in time; what is done with holds no text any more."""
    now = timezone.now()
    late = now - timedelta(seconds=limits.MAIL_LATE_SECONDS)
    for mail in in_batches(outbox.next_in_line().filter(next_try__lt=late).only("pk", "subject", "next_try")):
        yield f"Mail {mail.pk} ({mail.subject}) should have been tried by {mail.next_try:%Y-%m-%d %H:%M:%S} UTC: no worker takes it up."
    far = now + timedelta(seconds=outbox.LONGEST_PAUSE_SECONDS + limits.STATE_GRACE_SECONDS)
    for mail in in_batches(OutboxMail.objects.filter(state=OutboxMail.State.WAITING, next_try__gt=far)):
        yield f"Mail {mail.pk} ({mail.subject}) waits until {mail.next_try:%Y-%m-%d %H:%M:%S} UTC, longer than any pause."
    if depth.is_whole:
        done = OutboxMail.objects.exclude(state=OutboxMail.State.WAITING).exclude(text="", html="")
        for mail in in_batches(done.only("pk", "subject", "state")):
            yield f"Mail {mail.pk} ({mail.subject}) is {mail.state} and still holds its text."


def log(depth: Depth) -> Iterator[str]:
    """The database refuses to change the security log, and every event has its seal. The chain itself: accounts.seals.verify."""
    for table in appending.unprotected(connection):
        yield f"Table {table} has lost triggers that refuse changes: run migrate, and find out who took them away."
    yield from seals.unsealed()


def database(depth: Depth) -> Iterator[str]:
    """What the database says of itself."""
    if not depth.is_whole:
        return
    checks = _POSTGRESQL if connection.vendor == "postgresql" else _SQLITE
    for statement, sentence in checks:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            told = [" ".join(str(part) for part in row) for row in cursor.fetchall()]
        yield from (f"{sentence}: {one}." for one in told if one != "ok")


_SQLITE = (
    ("PRAGMA integrity_check", "The file of the database is damaged"),
    ("PRAGMA foreign_key_check", "A row names one that is not there (table, row, table named, key)"),
)
_POSTGRESQL = (
    (
        "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid OR NOT indisready",
        "An index was not built to its end; drop it and run migrate",
    ),
    ("SELECT conname FROM pg_constraint WHERE NOT convalidated", "A constraint was never checked against all rows"),
)
