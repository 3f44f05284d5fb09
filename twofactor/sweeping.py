"""What of this room is thrown away when it is of no more use; the worker calls it now and then."""

from accounts.batches import delete_batch
from twofactor import budget
from twofactor.models import Enrolment, Handout, shown_since


def sweep() -> int:
    """Delete half-made set-ups and shown codes whose 15 minutes are over, and old wrong codes, up to 5,000 of each; return how many."""
    over = shown_since()
    return budget.sweep() + sum(delete_batch(rows.objects.filter(created__lt=over)) for rows in (Enrolment, Handout))
