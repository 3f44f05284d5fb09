"""What this room tells the floors above. Each signal has one sender; receivers run inside the sender's transaction."""

from django.dispatch import Signal

# Tokens were revoked. Only tokens.flows.revoke sends it, once per act.
# sender=Token; tokens: list[Token] (locked, already revoked); actor: Actor; why: str (an EndReason, or the name of the
# credential change). A receiver that raises undoes the act.
token_revoked = Signal()

# A question: what runs on these tokens? Only tokens.running.on sends it.
# sender=Token; tokens: list[Token]. A receiver returns `list[tuple[int, Running]]`, ids of rows with what runs, and changes nothing.
running_asked = Signal()
