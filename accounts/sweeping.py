"""Tidying what is of no more use: dead links, old counters, old mails. Nothing waits for it; the worker calls it now and then."""

from datetime import datetime, timedelta

from django.utils import timezone

from accounts import limits, outbox, throttle
from accounts.batches import delete_batch
from accounts.models import EmailChange, PasswordReset

DEAD_LINK_KEEP_SECONDS = limits.DAY_SECONDS


def sweep() -> int:
    """Delete up to 5,000 rows of each kind and return how many went. Safe in several workers at once."""
    now = timezone.now()
    return throttle.sweep(now) + outbox.sweep(now) + _dead_links(now)


def _dead_links(now: datetime) -> int:
    old = now - timedelta(seconds=DEAD_LINK_KEEP_SECONDS)
    return sum(delete_batch(links.objects.filter(expires__lt=old)) for links in (PasswordReset, EmailChange))
