"""What this room does after a restore from a backup (accounts.restoring). Half-made set-ups and shown codes go with their sessions."""

from django.db import transaction

from accounts.models import User
from accounts.restoring import Ended, Restore
from twofactor import flows
from twofactor.models import ResetRequest


def end_resets(chosen: Restore) -> Ended:
    """End every reset by support that is under way: the person may have objected since the backup."""
    ended = 0
    for user_id in list(ResetRequest.objects.open().order_by("user").values_list("user", flat=True)):
        with transaction.atomic():
            user = User.objects.lock(user_id)
            ended += flows.overtake(user=user, by="the server was restored from a backup", actor=chosen.actor)
    return {"resets by support": ended}
