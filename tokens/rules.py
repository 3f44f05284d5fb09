"""What the organizations of a person allow their tokens, and what those would have done that only try a rule out (S7.2, N5)."""

from datetime import timedelta

from orgs import rehearsals
from orgs.models import Policy, Rehearsal
from orgs.policies import TokenRules
from tokens.errors import TokensNotAllowed
from tokens.models import Token, TokenKind


def require_allowed(rules: TokenRules, kind: str) -> None:
    """Return if a token of this kind can be made; raise TokensNotAllowed for an API token. Logins and the tokens of jobs stay possible."""
    if kind == TokenKind.API and rules.refused_by:
        raise TokensNotAllowed(org=rules.refused_by)


def refusal_by(rules: TokenRules) -> str:
    """Return what a person reads who can make no API tokens; empty for anybody else."""
    return f"{TokensNotAllowed(org=rules.refused_by)}." if rules.refused_by else ""


def rehearse(rules: TokenRules, token: Token) -> None:
    """Count the new `token` where a rule that is only tried out would have refused it or shortened its life."""
    hit = [row for row in rules.rehearsed if _would_hit(row, token)]
    # What reaches chosen projects of others is none of an organization's business (ORG-05).
    rehearsals.note_at([row for row in hit if Token.objects.filter(pk=token.pk).reaching(row.org_id).exists()], token.user)


def _would_hit(row: Rehearsal, token: Token) -> bool:
    if row.policy == Policy.TOKENS:
        return token.kind == TokenKind.API
    return row.value is not None and token.expires > token.created + timedelta(days=row.value)
