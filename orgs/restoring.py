"""What this room does after a restore from a backup (accounts.restoring)."""

from django.db import transaction

from accounts import audit
from accounts.audit import Actor
from accounts.batches import batches
from accounts.restoring import Ended, Restore
from orgs.events import OrgInvitationWithdrawn
from orgs.models import Invitation

_REASON = "The server was restored from a backup"


def end_invitations(chosen: Restore) -> Ended:
    """Withdraw every invitation that nobody has answered: it may have been answered, or withdrawn, since the backup."""
    ended = 0
    for batch in batches(Invitation.objects.pending().select_related("org", "user")):
        ended += _withdraw(batch, chosen.actor)
    return {"invitations": ended}


def _withdraw(invitations: list[Invitation], actor: Actor) -> int:
    with transaction.atomic():
        pending = Invitation.objects.pending().filter(pk__in=[one.pk for one in invitations])
        count: int = pending.update(state=Invitation.State.WITHDRAWN)
        audit.record_many(
            [
                (OrgInvitationWithdrawn(one.org.public_id, one.org.name, _REASON, invitee=one.email, level=one.level), one.user)
                for one in invitations
            ],
            actor=actor,
        )
    return count
