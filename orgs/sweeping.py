"""What is of no more use in this room; the worker calls it now and then."""

from datetime import timedelta

from django.utils import timezone

from accounts.batches import delete_batch
from orgs import limits
from orgs.models import Invitation


def sweep() -> int:
    """Delete invitations that have been over for 30 days, with the addresses in them; return how many. Safe in several workers at once."""
    over = timezone.now() - timedelta(seconds=limits.INVITATION_KEEP_SECONDS)
    return delete_batch(Invitation.objects.filter(expires__lt=over))
