"""What this room does after a restore from a backup (accounts.restoring)."""

from accounts.batches import batches
from accounts.restoring import Ended, Restore
from tokens import flows
from tokens.models import EndReason, Token


def revoke_tokens(chosen: Restore) -> Ended:
    """Revoke the tokens made after the chosen moment, with all that was made with them and all that runs on them."""
    if chosen.revoke_issued_after is None:
        return {"tokens": 0}
    issued = Token.objects.with_authority().filter(created__gt=chosen.revoke_issued_after)
    revoked = 0
    for batch in batches(issued.only("pk", "user")):
        revoked += len(flows.revoke(tokens=batch, actor=chosen.actor, why=EndReason.RESTORED.value).tokens)
    return {"tokens": revoked}
