"""How a token comes into being: its text, its row, its scope; never wider than what asks for it. The acts are in tokens.flows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit, throttle
from accounts.audit import Actor
from accounts.digests import digest
from accounts.errors import ConfirmationNeeded, StaleProof
from accounts.failpoints import failpoint
from accounts.models import User
from accounts.wording import spell_moment
from tokens import ends, keys, limits, scope
from tokens.authentication import require_live
from tokens.errors import ExpiryRefused, JobTokenMakesNone, LabelTaken, OutlivesToken, TokenLimit, TokenUnknown, TooManyGenerations
from tokens.events import TokenCreated
from tokens.models import Token, TokenKind, TokenState
from tokens.scope import Scope


@dataclass(frozen=True)
class Minted:
    """A new token and its text, which is told once and kept nowhere; it stays out of `repr` (TOK-02)."""

    token: Token
    text: str = field(repr=False)


def within(presenter: Token | None, wish: datetime | None, ends: datetime) -> datetime:
    """Return when a token that `presenter` makes ends: with it at the latest. Raises OutlivesToken where more was wished for."""
    if presenter is None or ends <= presenter.end_of_use:
        return ends
    if wish is not None:
        raise OutlivesToken(reason=f"ends at {spell_moment(presenter.end_of_use)}; a token made by it cannot live longer")
    return presenter.end_of_use


def carrier(presenter: Token | None) -> Token | None:
    """Return what the token of a job hangs on: the presenter, or what has replaced it. A job begun in an overlap goes on after it."""
    while presenter is not None and (successor := Token.objects.filter(replaces=presenter.pk).first()) is not None:
        presenter = successor
    return presenter


def ancestors(token: Token) -> Iterator[Token]:
    """Yield what `token` was made with, what that was made with, and so on. A query each."""
    while token.parent is not None:
        token = token.parent
        yield token


def require_still_allowed(locked: User, *, asked_as: User, presenter: Token | None) -> None:
    """Return if the person and their token may still make one, read again under the person's lock.

    A token made while a credential change or a revoke commits would outlive it.
    """
    if not locked.is_active:
        raise TokenUnknown()
    if presenter is None:
        if locked.session_epoch != asked_as.session_epoch:
            raise StaleProof()
        return
    if presenter.kind == TokenKind.JOB:
        raise JobTokenMakesNone()
    require_live(Token.objects.select_for_update().get(pk=presenter.pk))


def spend_budget(user: User, presenter: Token | None, *, kind: TokenKind = TokenKind.API) -> None:
    """Count a token that is to be made; raise TooManyAttempts beyond 60 an hour, 3,000 for those of jobs.

    Tokens of chosen projects have a count of their own, so that a leaked one keeps nobody from replacing it.
    """
    if kind == TokenKind.JOB:
        throttle.spend(f"tokens.made-for-jobs:{user.pk}", limit=limits.JOBS_MADE_PER_HOUR, window_seconds=limits.HOUR_SECONDS)
        return
    has_account = presenter is None or presenter.reads_account
    key = f"tokens.made:{user.pk}" if has_account else f"tokens.made-by-narrow:{user.pk}"
    throttle.spend(key, limit=limits.MADE_PER_HOUR, window_seconds=limits.HOUR_SECONDS)


def require_confirmed(reach: Scope, *, user: User, confirmed: bool) -> None:
    """Return unless a token of this scope reaches PHI and nobody gave the password for it; then raise ConfirmationNeeded."""
    if not confirmed and scope.reached(reach, user).filter(phi=True).exists():
        raise ConfirmationNeeded()


def mint(token: Token, *, actor: Actor, reach: Scope = scope.ALL) -> Minted:
    """Give `token`, not yet stored, its text and store it. The caller holds the lock on the person, so that the limits count right.

    Raises TokenLimit, TooManyGenerations, ExpiryRefused and LabelTaken.
    """
    ends.expire(_due_of(token))
    _require_room(token)
    _require_few_generations(token)
    token.created = timezone.now()
    if token.expires <= token.created:
        # It passed while a password was checked or a lock was waited for: no token is dead at birth.
        raise ExpiryRefused(reason="The expiry has passed. Choose a later one")
    text = keys.mint()
    token.digest, token.prefix, token.everywhere = digest(text), text[: limits.PREFIX_SHOWN_CHARS], reach.everywhere
    token.made_ip, token.made_agent = actor.ip, actor.user_agent
    _insert(token)
    scope.store(token, reach)
    audit.record(_created(token, reach), subject=token.user, actor=actor)
    failpoint("tokens.minted")
    return Minted(token=token, text=text)


def _require_room(token: Token) -> None:
    live, for_jobs = Token.objects.of(token.user).live(), token.kind == TokenKind.JOB
    most = limits.JOBS_LIVE_PER_USER if for_jobs else limits.LIVE_PER_USER
    counted = live.filter(kind=TokenKind.JOB) if for_jobs else live.exclude(kind=TokenKind.JOB)
    if counted.count() >= most:
        raise TokenLimit(limit=most)


def _created(token: Token, reach: Scope) -> TokenCreated:
    made_with = token.parent.public_id if token.parent else ""
    return TokenCreated(
        token_id=token.public_id, label=token.label, kind=str(token.kind), expires=token.expires.isoformat(),
        projects=dict(reach.as_json()), made_with=made_with,
    )  # fmt: skip


def _require_few_generations(token: Token) -> None:
    generations = 0
    for one in (token, *ancestors(token)):
        # A token that renewed itself is what it was, and no generation further.
        generations += one.parent is not None and not one.renewed_itself
    if generations > limits.GENERATIONS_MOST:
        raise TooManyGenerations()


def _insert(token: Token) -> None:
    try:
        # A savepoint: on PostgreSQL a violated constraint would spoil the whole transaction.
        with transaction.atomic():
            token.save(force_insert=True)
    except IntegrityError as clash:
        holder = Token.objects.filter(user_id=token.user_id, label=token.label, state=TokenState.ACTIVE).first()
        if holder is None:
            raise
        raise _label_taken(token, holder) from clash


def _label_taken(token: Token, holder: Token) -> LabelTaken:
    # A token of chosen projects does not reach the account, and so not the name of what else is in it.
    has_account = token.parent is None or token.parent.reads_account
    return LabelTaken(token_id=holder.public_id if has_account else "")


def _due_of(token: Token) -> list[Token]:
    due = Token.objects.of(token.user).due().filter(label=token.label)
    return list(due.select_related("user").select_for_update(of=("self",)))
