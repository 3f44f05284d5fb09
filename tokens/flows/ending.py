"""How the authority of tokens ends: revoked, retired, expired. Locks: the person first, then tokens in the order of their ids
(CRD-06).
"""

from collections.abc import Iterable

from django.db import transaction

from accounts.audit import Actor
from accounts.failpoints import failpoint
from accounts.models import User
from tokens import ends, limits
from tokens.events import TokenRetired, TokenRevoked
from tokens.models import EndReason, Token, TokenKind, TokenState
from tokens.running import Blast, answered
from tokens.signals import token_revoked


def find_family(*, tokens: Iterable[Token]) -> list[Token]:
    """Return what revoking `tokens` would end now: those of them that can do something, and what was made with them."""
    return list(Token.objects.with_authority().filter(pk__in=ends.with_descendants({token.pk for token in tokens})).order_by("label", "pk"))


def revoke(*, tokens: Iterable[Token], actor: Actor, why: str) -> Blast:
    """End the authority of `tokens`, and of all that were made with them; return those that had any, and what ran on them.

    A second call ends nothing. `why` is an EndReason or the name of a credential change. The only sender of
    `token_revoked`, whose receivers end what runs.
    """
    chosen = {token.pk: token.user_id for token in tokens}
    with transaction.atomic():
        for user_id in sorted(set(chosen.values())):
            User.objects.lock(user_id)  # nobody makes a token with one of these meanwhile
        rows = ends.lock(pk__in=ends.with_descendants(set(chosen)))
        if not rows:
            return Blast()
        own = [row for row in rows if row.pk in chosen]
        made = [row for row in rows if row.pk not in chosen]
        ends.end(own, TokenState.REVOKED, why=why, actor=actor)
        ends.end(made, TokenState.REVOKED, why=EndReason.PARENT.value, actor=actor)
        ends.record(rows, TokenRevoked, actor=actor)
        ended = answered(token_revoked.send(Token, tokens=rows, actor=actor, why=why))
        failpoint("tokens.revoked")
        return Blast(rows, ended)


def revoke_all(*, user: User, actor: Actor, why: str) -> Blast:
    """Revoke every token of `user` that can still do something, retired ones too; return them, and what ran on them."""
    return revoke(tokens=Token.objects.of(user).with_authority().only("pk", "user"), actor=actor, why=why)


def retire_logins(*, user: User, actor: Actor, why: str) -> int:
    """Log out the command-line logins of `user`, and what was made with them: what they began may end, nothing new begins.

    Return how many tokens it were.
    """
    with transaction.atomic():
        logins = Token.objects.of(user).filter(kind=TokenKind.CLI, state=TokenState.ACTIVE)
        rows = ends.lock(pk__in=ends.with_descendants(set(logins.values_list("pk", flat=True))), state=TokenState.ACTIVE)
        ends.end(rows, TokenState.RETIRED, why=why, actor=actor)
        ends.record(rows, TokenRetired, actor=actor)
        failpoint("tokens.retired")
        return len(rows)


def retire_due() -> int:
    """Retire the replaced tokens whose overlap is over; return how many. The worker calls it, safely twice."""
    with transaction.atomic():
        due = Token.objects.replaced().select_related("user").order_by("pk")
        rows = list(due.select_for_update(of=("self",), skip_locked=True)[: limits.EXPIRY_BATCH_ROWS])
        ends.retire(rows, actor=Actor.worker())
        return len(rows)


def expire_due() -> int:
    """Mark and record the tokens past their end, in batches; return how many. The worker calls it, safely twice."""
    total = 0
    while ended := _expire_batch():
        total += ended
    return total


def _expire_batch() -> int:
    with transaction.atomic():
        due = Token.objects.due().select_related("user").order_by("pk")
        return ends.expire(list(due.select_for_update(of=("self",), skip_locked=True)[: limits.EXPIRY_BATCH_ROWS]))
