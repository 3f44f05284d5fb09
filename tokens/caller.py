"""Who acts behind a request of a script, and on what authority."""

from functools import cached_property

from django.db.models import F, Value
from django.http import HttpRequest

from accounts.audit import Actor
from orgs.projects.models import Level, ProjectQuerySet
from tokens.models import Token, TokenKind


class Caller:
    """A person who asks with a token, through a door ("rest", "dx").

    Effective access is the lower of member's and token's, at each request.
    """

    def __init__(self, token: Token, *, request: HttpRequest, door: str) -> None:
        self.token, self.user = token, token.user
        self._request, self._door = request, door

    @cached_property
    def actor(self) -> Actor:
        """The person, with door and address, for the security log; most calls only read, and never ask."""
        return Actor.from_request(self._request, door=self._door, user=self.user)

    def address_of(self, path: str) -> str:
        """Return the address of `path`, as whoever asks reaches this server (DX_PROTOCOL 10, trap 18)."""
        return self._request.build_absolute_uri(path)

    @property
    def everywhere(self) -> Level | None:
        """The most that the token can have in any project; None: it reaches chosen ones only."""
        return None if self.token.everywhere is None else Level(self.token.everywhere)

    @property
    def reads_account(self) -> bool:
        """Whether the token does."""
        return self.token.reads_account

    @property
    def controls_account(self) -> bool:
        """Whether nothing narrows the token."""
        return self.token.everywhere == Level.ADMINISTER and self.token.kind != TokenKind.JOB

    def narrow(self, projects: ProjectQuerySet) -> ProjectQuerySet:
        """Return what of `projects` the token reaches, `held` lowered to the token's level there, by the same query (TOK-06)."""
        return narrowed_by(self.token, projects)


def narrowed_by(token: Token, projects: ProjectQuerySet) -> ProjectQuerySet:
    """Return what of `projects` (which carry the member's level as `held`) the token reaches, `held` lowered to its level there."""
    if token.everywhere == Level.ADMINISTER:
        return projects
    if token.everywhere is not None:
        return projects.lowered(Value(token.everywhere))
    return projects.filter(token_scopes__token=token.pk).lowered(F("token_scopes__level"))
