"""What the security log says of tokens. Never the text, never the digest."""

from dataclasses import dataclass, field
from datetime import datetime

from accounts.audit import Event, Payload
from accounts.events import EndedBySupport
from accounts.wording import spell_moment, spell_wait
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
    projects: dict[str, str] = field(default_factory=dict)
    made_with: str = ""

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


class TokenRetired(EndOfToken, Payload, event=Event.TOKEN_RETIRED, title="Token retired"):
    """A credential change logged a command-line login out, or another token has replaced it."""


@dataclass(frozen=True)
class TokenExpired(AboutToken, Payload, event=Event.TOKEN_EXPIRED, title="Token expired"):
    """A token reached its end."""

    token_id: str
    label: str

    def sentence(self) -> str:
        """Name the token."""
        return f"“{self.label}”"


@dataclass(frozen=True)
class TokenRenamed(AboutToken, Payload, event=Event.TOKEN_RENAMED, title="Token renamed"):
    """A token has another label."""

    token_id: str
    label: str
    label_before: str

    def sentence(self) -> str:
        """Both labels."""
        return f"from “{self.label_before}” to “{self.label}”"


@dataclass(frozen=True)
class TokenRotated(AboutToken, Payload, event=Event.TOKEN_ROTATED, title="Token rotated"):
    """A new token, `new_id`, has taken the label; the old one is called `label_now` and goes on for `overlap_seconds`."""

    token_id: str
    label: str
    new_id: str
    label_now: str
    overlap_seconds: int

    def sentence(self) -> str:
        """The token, and how long the old text goes on."""
        overlap = (
            f"the old text works for {spell_wait(self.overlap_seconds)} more" if self.overlap_seconds else "the old text ended at once"
        )
        return f"“{self.label}” has a new text; {overlap}, as “{self.label_now}”"


@dataclass(frozen=True)
class TokenShortened(AboutToken, Payload, event=Event.TOKEN_SHORTENED, title="Token ends earlier"):
    """An organization of the owner allows no longer life than until `expires`, ISO 8601 with zone."""

    token_id: str
    label: str
    expires: str
    org_name: str

    def sentence(self) -> str:
        """The token, its new end, and who says so."""
        until = spell_moment(datetime.fromisoformat(self.expires))
        return f"“{self.label}” is valid until {until}: {self.org_name} allows no longer life"


@dataclass(frozen=True)
class TokenRefused(AboutToken, Payload, event=Event.TOKEN_REFUSED, title="A dead token was tried"):
    """Somebody presented a token that is revoked or expired; `state` says which. Once an hour for each address."""

    token_id: str
    label: str
    state: str

    def sentence(self) -> str:
        """Which one; that it opened nothing."""
        return f"“{self.label}”, {self.state}; it was refused"


class SupportRevokedTokens(EndedBySupport, Payload, event=Event.SUPPORT_REVOKED_TOKENS, title="Tokens revoked by support"):
    """Support revoked tokens, each of which has an event of its own."""
