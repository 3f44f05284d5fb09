"""Who acts behind a request of a script, and on what authority."""

from dataclasses import dataclass

from django.db.models import F, Value

from accounts.audit import Actor
from accounts.models import User
from orgs.projects.models import Level, ProjectQuerySet
from tokens.models import Token


@dataclass(frozen=True)
class Caller:
    """A person who asks with a token, and from where. Effective access is the lower of member's and token's, at each request."""

    user: User
    token: Token
    actor: Actor

    @property
    def everywhere(self) -> Level | None:
        """The most that the token can have in any project; None: it reaches chosen ones only."""
        return None if self.token.everywhere is None else Level(self.token.everywhere)

    @property
    def reads_account(self) -> bool:
        """Whether the token reaches the account beside the projects: not where projects were chosen for it (TOK-07)."""
        return self.token.everywhere is not None

    @property
    def controls_account(self) -> bool:
        """Whether nothing narrows the token."""
        return self.token.everywhere == Level.ADMINISTER

    def narrow(self, projects: ProjectQuerySet) -> ProjectQuerySet:
        """Return what of `projects` the token reaches, `held` lowered to the token's level there, by the same query (TOK-06)."""
        if self.token.everywhere == Level.ADMINISTER:
            return projects
        if self.token.everywhere is not None:
            return projects.lowered(Value(self.token.everywhere))
        return projects.filter(token_scopes__token=self.token.pk).lowered(F("token_scopes__level"))
