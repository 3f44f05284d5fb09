"""What of this room is thrown away when it is of no more use; the worker calls it now and then."""

from datetime import timedelta

from django.utils import timezone

from accounts.batches import delete_batch
from twofactor import budget, limits
from twofactor.models import Enrolment, Handout


def sweep() -> int:
    """Delete half-made set-ups and shown codes whose 15 minutes are over, and old wrong codes, up to 5,000 of each; return how many."""
    over = timezone.now() - timedelta(seconds=max(limits.ENROLMENT_LIFE_SECONDS, limits.HANDOUT_LIFE_SECONDS))
    return budget.sweep() + sum(delete_batch(rows.objects.filter(created__lt=over)) for rows in (Enrolment, Handout))
