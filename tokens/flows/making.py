"""Making an API token."""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts.audit import Actor
from accounts.models import User
from orgs import policies
from orgs.policies import TokenRules
from tokens import expiry, idempotency, labels, minting, rules, scope
from tokens.idempotency import Repeatable
from tokens.minting import Minted
from tokens.models import Token, TokenKind
from tokens.scope import Scope


def create(
    *, user: User, label: str, expires: datetime | None, kind: TokenKind, actor: Actor, presenter: Token | None = None,
    reach: Scope | None = None, confirmed: bool = False, once: Repeatable | None = None, begins: Callable[[Token], None] | None = None,
) -> Minted:  # fmt: skip
    """Return a new token of `user`, as read for this request.

    Without `expires` it lives one calendar month, without `reach` it has the scope of the token that asks, else all projects.
    `presenter` is that token, None for a web session, which must be `confirmed` (the password given in the last 10 minutes) where
    the new token reaches PHI. `once` names the request, so that its repeat makes no second token.
    `begins` is called with the new row, in the same transaction: what is to run on it from its first moment.

    Raises LabelRefused, LabelTaken, ExpiryRefused, TokensNotAllowed, ScopeTooWide, ProjectNotFound, WiderThanToken, JobTokenMakesNone,
    TooManyGenerations, ConfirmationNeeded, TokenLimit, TooManyAttempts (60 an hour), AlreadyMade and KeyReused (a repeat), and
    StaleProof or a DeadToken where a credential change or a revoke came first.
    """
    label, now = labels.clean(label), timezone.now()
    idempotency.require_new(user, once)
    parent = minting.carrier(presenter) if kind == TokenKind.JOB else presenter

    def settled() -> tuple[TokenRules, datetime]:
        allowed = policies.token_rules_for(user)
        rules.require_allowed(allowed, kind)
        return allowed, minting.within(parent, expires, expiry.chosen(expires, now=now, rules=allowed))

    settled()  # what is refused is not counted
    minting.spend_budget(user, presenter, kind=kind)
    with transaction.atomic():
        if kind == TokenKind.API:
            policies.hold_rules(user.pk)
        minting.require_still_allowed(User.objects.lock(user.pk), asked_as=user, presenter=presenter)
        allowed, ends = settled()  # again: a rule may have come while the locks were waited for
        idempotency.require_new(user, once)
        chosen = scope.chosen(reach, user=user, presenter=presenter)
        minting.require_confirmed(chosen, user=user, confirmed=confirmed or presenter is not None)
        minted = minting.mint(Token(user=user, label=label, kind=kind, expires=ends, parent=parent), reach=chosen, actor=actor)
        rules.rehearse(allowed, minted.token)
        idempotency.remember(user, once, minted.token)
        if begins is not None:
            begins(minted.token)
        return minted
