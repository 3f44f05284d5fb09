"""Mails leave after the transaction they tell of: a row in it, sent by the worker, at least once (REL-02)."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import make_msgid
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import limits
from accounts.batches import delete_batch
from accounts.failpoints import failpoint
from accounts.models import OutboxMail, User

logger = logging.getLogger(__name__)

BATCH_MAILS = 20
FIRST_PAUSE_SECONDS = 30
LONGEST_PAUSE_SECONDS = 3600


@dataclass(frozen=True)
class Letter:
    """One mail to write: `template` without its ending, under templates/."""

    to: str  # empty: to nobody, for an answer that must cost the same (RST-01)
    subject: str
    template: str
    user: User | None = None
    good_for_seconds: int | None = None  # a mail whose link is dead is not sent


def write(letter: Letter, **context: Any) -> OutboxMail:
    """Render the letter and return its row; call it inside the transaction of the act."""
    now = timezone.now()
    full = {
        "at": now,
        "site_url": settings.SITE_URL,
        "support_email": settings.SUPPORT_EMAIL,
        "who": letter.user,
        "subject": letter.subject,
        **context,
    }
    return OutboxMail.objects.create(
        message_id=make_msgid(domain=urlsplit(settings.SITE_URL).hostname or "gatehouse"),
        user=letter.user,
        to=letter.to,
        subject=letter.subject,
        text=render_to_string(f"{letter.template}.txt", full, using="text"),
        html=render_to_string(f"{letter.template}.html", full),
        good_until=now + timedelta(seconds=letter.good_for_seconds) if letter.good_for_seconds else None,
    )


def deliver_due() -> int:
    """Send what is due, oldest first, and return how many mails left. Safe in several workers at once."""
    sent = 0
    for pk in _due(timezone.now()):
        mail = _lease(pk)
        if mail is not None:
            sent += _deliver(mail)
    return sent


def sweep(now: datetime) -> int:
    """Delete mails done with 30 days ago; return how many."""
    return delete_batch(OutboxMail.objects.filter(done_at__lt=now - timedelta(seconds=limits.OUTBOX_KEEP_SECONDS)))


def _due(now: datetime) -> list[int]:
    return list(next_in_line().filter(_is_due(now)).order_by("pk").values_list("pk", flat=True)[:BATCH_MAILS])


def next_in_line() -> QuerySet[OutboxMail]:
    """Return the mails that wait for nothing but their time. The order per person is kept: a later one waits for an earlier one to the same
    address.
    """
    waiting = OutboxMail.objects.filter(state=OutboxMail.State.WAITING)
    earlier = waiting.exclude(to="").filter(to=OuterRef("to"), pk__lt=OuterRef("pk"))
    return waiting.exclude(Exists(earlier))


def _is_due(now: datetime) -> Q:
    # No pause is as long as two of the longest: such a try was written before the clock went back (F11).
    return Q(next_try__lte=now) | Q(next_try__gt=now + timedelta(seconds=2 * LONGEST_PAUSE_SECONDS))


def _lease(pk: int) -> OutboxMail | None:
    now = timezone.now()
    lease_end = now + timedelta(seconds=limits.OUTBOX_LEASE_SECONDS)
    with transaction.atomic():
        mine = OutboxMail.objects.filter(_is_due(now), pk=pk, state=OutboxMail.State.WAITING)
        taken = mine.update(next_try=lease_end, attempts=F("attempts") + 1)
        return OutboxMail.objects.get(pk=pk) if taken == 1 else None


def _deliver(mail: OutboxMail) -> int:
    failpoint("outbox.leased")
    if not _is_still_mine(mail):
        return 0  # this process slept longer than its lease: another one may have sent it (F13)
    if not mail.to:
        return _done(mail, OutboxMail.State.NOBODY)
    if mail.good_until is not None and mail.good_until <= timezone.now():
        return _done(mail, OutboxMail.State.EXPIRED)
    try:
        _message(mail).send()
    except Exception:
        # Whatever a mail server answers, the letter stays and is tried again; the traceback holds no body.
        logger.warning("mail not sent", extra={"mail": mail.pk, "attempts": mail.attempts}, exc_info=True)
        return _retry(mail)
    failpoint("outbox.sent")
    return _done(mail, OutboxMail.State.SENT)


def _is_still_mine(mail: OutboxMail) -> bool:
    mine = OutboxMail.objects.filter(pk=mail.pk, state=OutboxMail.State.WAITING, attempts=mail.attempts)
    return timezone.now() < mail.next_try and mine.exists()


def _message(mail: OutboxMail) -> EmailMultiAlternatives:
    headers = {
        "Message-ID": mail.message_id,
        "Date": mail.created.strftime("%a, %d %b %Y %H:%M:%S +0000"),
        "Auto-Submitted": "auto-generated",
    }
    message = EmailMultiAlternatives(mail.subject, mail.text, settings.DEFAULT_FROM_EMAIL, [mail.to], headers=headers)
    message.attach_alternative(mail.html, "text/html")
    return message


def _done(mail: OutboxMail, state: OutboxMail.State) -> int:
    # The body may hold a link: it goes as soon as it is of no more use.
    waiting = OutboxMail.objects.filter(pk=mail.pk, state=OutboxMail.State.WAITING)
    done = waiting.update(state=state, done_at=timezone.now(), text="", html="")
    return done if state is OutboxMail.State.SENT else 0


def _retry(mail: OutboxMail) -> int:
    now = timezone.now()
    if not _is_still_mine(mail):
        return 0
    if now - mail.created > timedelta(seconds=limits.OUTBOX_GIVE_UP_SECONDS):
        return _done(mail, OutboxMail.State.FAILED)
    pause = min(FIRST_PAUSE_SECONDS * 2 ** min(mail.attempts, 10), LONGEST_PAUSE_SECONDS)
    OutboxMail.objects.filter(pk=mail.pk).update(next_try=now + timedelta(seconds=pause))
    return 0
