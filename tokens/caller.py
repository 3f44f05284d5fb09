"""Who acts behind a request of a script, and on what authority."""

from dataclasses import dataclass

from accounts.audit import Actor
from accounts.models import User
from tokens.models import Token


@dataclass(frozen=True)
class Caller:
    """A person who asks, the token they present (None: a web session), and from where."""

    user: User
    token: Token | None
    actor: Actor
