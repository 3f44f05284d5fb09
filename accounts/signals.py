"""What this room tells the floors above. Each signal has one sender; receivers run inside the sender's transaction."""

from django.dispatch import Signal

# A credential of a person changed. Only accounts.credentials.announce sends it, with `send`, inside the transaction.
# sender=User; user: User (locked); change: Change; actor: Actor; revoke_tokens: bool.
# A receiver returns what it ended as `list[Casualties]`; one that raises undoes the change.
credentials_changed = Signal()

# Somebody signed in. Only accounts.login.finish sends it, inside its transaction.
# sender=User; user: User (locked); actor: Actor; second_factor: bool (whether a code was given).
signed_in = Signal()

# Support forgot the failures of a person (flows.unlock): whatever else makes them wait is to be forgotten, too.
# Only accounts.flows.support.unlock sends it, inside its transaction. sender=User; user: User (locked); actor: Actor.
# A receiver returns how many failures it forgot; one that raises undoes the act.
unlocked = Signal()

# A session was used again after a pause that a limit which is only tried out would not have allowed. Only accounts.sessions.touch sends
# it, outside of any transaction. sender=Session; user: User; pause_seconds: int.
long_pause = Signal()

# A question: what would a credential change with *Revoke Active Tokens* end? Only accounts.credentials.casualties sends it.
# sender=User; user: User. A receiver returns `list[Casualties]` and changes nothing.
casualties_asked = Signal()
