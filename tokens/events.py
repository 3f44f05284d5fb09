"""What the security log says of tokens. Never the text, never the digest."""

from dataclasses import dataclass
from datetime import datetime

from accounts.audit import Event, Payload
from accounts.wording import spell_moment
from tokens.models import reason_words


class AboutToken:
    """An event of one token, which stands in that token's own history."""

    token_id: str

    @property
    def about(self) -> str:
        """The token's public id."""
        return self.token_id


@dataclass(frozen=True)
class TokenCreated(AboutToken, Payload, event=Event.TOKEN_CREATED, title="Token made"):
    """A token was made; `expires` is ISO 8601 with zone."""

    token_id: str
    label: str
    kind: str
    expires: str

    def sentence(self) -> str:
        """Name the token and its end."""
        return f"“{self.label}”, valid until {spell_moment(datetime.fromisoformat(self.expires))}"


@dataclass(frozen=True)
class EndOfToken(AboutToken):
    """An act ended what a token could do; `why` names it."""

    token_id: str
    label: str
    why: str

    def sentence(self) -> str:
        """Name the token and the act."""
        return f"“{self.label}”: {reason_words(self.why)}"


class TokenRevoked(EndOfToken, Payload, event=Event.TOKEN_REVOKED, title="Token revoked"):
    """A token was revoked."""


class TokenRetired(EndOfToken, Payload, event=Event.TOKEN_RETIRED, title="Command-line login ended"):
    """A credential change logged a command-line login out."""


@dataclass(frozen=True)
class TokenExpired(AboutToken, Payload, event=Event.TOKEN_EXPIRED, title="Token expired"):
    """A token reached its end."""

    token_id: str
    label: str

    def sentence(self) -> str:
        """Name the token."""
        return f"“{self.label}”"
