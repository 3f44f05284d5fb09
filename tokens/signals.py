"""What this room tells the floors above. Each signal has one sender; receivers run inside the sender's transaction."""

from django.dispatch import Signal

# Tokens were revoked. Only tokens.flows.revoke sends it, once per act.
# sender=Token; tokens: list[Token] (locked, already revoked); actor: Actor; why: str (an EndReason, or the name of the
# credential change). A receiver returns what it ended as `list[Casualties]`; one that raises undoes the act.
token_revoked = Signal()

# Tokens are past their end, and marked so. Only tokens.ends.expire sends it.
# sender=Token; tokens: list[Token] (locked, already expired); actor: Actor (the worker).
token_expired = Signal()

# A question: what runs on each of these tokens? Only tokens.running.on sends it, for lists.
# sender=Token; tokens: list[Token]. A receiver returns `list[tuple[int, Running]]`, ids of rows with what runs, and changes nothing.
running_asked = Signal()

# A question: how much would end with these tokens? Only tokens.running.blast_of sends it.
# sender=Token; tokens: list[Token]. A receiver returns `list[Casualties]` and changes nothing.
work_asked = Signal()
