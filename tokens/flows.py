"""What a person can do with tokens. Each act is one transaction. Where the user is locked, that lock comes first; tokens are
locked in the order of their ids (CRD-06).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit, login, throttle
from accounts.audit import Actor, Payload
from accounts.digests import digest
from accounts.errors import GatehouseError, StaleProof, StepRefused
from accounts.failpoints import failpoint
from accounts.login import Checked
from accounts.models import User
from accounts.wording import spell_moment
from tokens import expiry, keys, labels, limits, repeats
from tokens.authentication import require_live
from tokens.errors import ExpiryRefused, JobTokenMakesNone, LabelTaken, TokenLimit, TokenUnknown, WiderThanToken
from tokens.events import TokenCreated, TokenExpired, TokenRetired, TokenRevoked
from tokens.models import EndReason, Token, TokenKind, TokenState
from tokens.repeats import LoginBody
from tokens.signals import token_revoked


@dataclass(frozen=True)
class Minted:
    """A new token and its text, which is told once and kept nowhere; it stays out of `repr` (TOK-02)."""

    token: Token
    text: str = field(repr=False)


def create(*, user: User, label: str, expires: datetime | None, kind: TokenKind, actor: Actor, presenter: Token | None = None) -> Minted:
    """Return a new token of `user`, as read for this request; without `expires` it lives one calendar month.

    `presenter` is the token that asks, None for a web session. Raises LabelRefused, LabelTaken, ExpiryRefused,
    WiderThanToken, JobTokenMakesNone, TokenLimit, TooManyAttempts (60 an hour), and StaleProof or a DeadToken where a
    credential change or a revoke came first.
    """
    label, now = labels.clean(label), timezone.now()
    ends = _within(presenter, expires, expiry.chosen(expires, now=now))
    throttle.spend(f"tokens.made:{user.pk}", limit=limits.MADE_PER_HOUR, window_seconds=limits.HOUR_SECONDS)
    with transaction.atomic():
        _require_still_allowed(User.objects.lock(user.pk), asked_as=user, presenter=presenter)
        return _mint(user=user, label=label, expires=ends, kind=kind, actor=actor)


def log_in(*, asked: LoginBody, expires: datetime | None, actor: Actor) -> Minted:
    """Return the token of a new command-line login: password, stages and counters are those of the web (CLI-02).

    It ends when asked, after 30 days at most. The same body again within two minutes is answered as CLI-04 says. Raises what
    accounts.login raises, and TokenLimit.
    """
    before = repeats.recall(asked)
    if before is not None and before.token_id is None:
        raise before.refusal or StepRefused()
    checked = _check_login(asked, actor)
    known = Token.objects.of(checked.user).filter(kind=TokenKind.CLI, made_ip=actor.ip).exists()
    return login.finish(checked, actor=actor, new_device=not known, opens=lambda user: _open_login(user, asked, expires, actor))


def revoke(*, tokens: Iterable[Token], actor: Actor, why: str) -> list[Token]:
    """End the authority of `tokens` and return those that had any. A second call ends nothing and returns none.

    `why` is an EndReason or the name of a credential change. The only sender of `token_revoked`, whose receivers end
    what runs.
    """
    with transaction.atomic():
        rows = _lock(pk__in=[token.pk for token in tokens])
        if not rows:
            return []
        _end(rows, TokenState.REVOKED, why=why, actor=actor)
        _record(rows, TokenRevoked, why=why, actor=actor)
        token_revoked.send(Token, tokens=rows, actor=actor, why=why)
        failpoint("tokens.revoked")
        return rows


def revoke_all(*, user: User, actor: Actor, why: str) -> list[Token]:
    """Revoke every token of `user` that can still do something, retired logins too; return them."""
    return revoke(tokens=Token.objects.of(user).with_authority().only("pk"), actor=actor, why=why)


def retire_logins(*, user: User, actor: Actor, why: str) -> int:
    """Log out the command-line logins of `user`: what they began may end, nothing new begins. Return how many."""
    with transaction.atomic():
        rows = _lock(user=user, kind=TokenKind.CLI, state=TokenState.ACTIVE)
        _end(rows, TokenState.RETIRED, why=why, actor=actor)
        _record(rows, TokenRetired, why=why, actor=actor)
        failpoint("tokens.retired")
        return len(rows)


def expire_due() -> int:
    """Mark and record the tokens past their end, in batches; return how many. The worker calls it, safely twice."""
    total = 0
    while ended := _expire_batch():
        total += ended
    return total


def _within(presenter: Token | None, wish: datetime | None, ends: datetime) -> datetime:
    if presenter is None or ends <= presenter.expires:
        return ends
    if wish is not None:
        raise WiderThanToken(end=spell_moment(presenter.expires))
    return presenter.expires


def _require_still_allowed(locked: User, *, asked_as: User, presenter: Token | None) -> None:
    # Read again under the user's lock: a token made while a credential change or a revoke commits would outlive it.
    if not locked.is_active:
        raise TokenUnknown()
    if presenter is None:
        if locked.session_epoch != asked_as.session_epoch:
            raise StaleProof()
        return
    if presenter.kind == TokenKind.JOB:
        raise JobTokenMakesNone()
    require_live(Token.objects.select_for_update().get(pk=presenter.pk))


def _mint(*, user: User, label: str, expires: datetime, kind: TokenKind, actor: Actor) -> Minted:
    """Make the row; the caller holds the lock on the user, so that the limit counts right."""
    _expire(_due_of(user, label))
    if Token.objects.of(user).live().count() >= limits.LIVE_PER_USER:
        raise TokenLimit(limit=limits.LIVE_PER_USER)
    created = timezone.now()
    if expires <= created:
        # It passed while a password was checked or a lock was waited for: no token is dead at birth.
        raise ExpiryRefused(reason="The expiry has passed. Choose a later one")
    text = keys.mint()
    token = Token(
        user=user, label=label, kind=kind, created=created, expires=expires, digest=digest(text),
        prefix=text[: limits.PREFIX_SHOWN_CHARS], made_ip=actor.ip, made_agent=actor.user_agent,
    )  # fmt: skip
    _insert(token)
    event = TokenCreated(token_id=token.public_id, label=label, kind=kind.value, expires=expires.isoformat())
    audit.record(event, subject=user, actor=actor)
    failpoint("tokens.minted")
    return Minted(token=token, text=text)


def _insert(token: Token) -> None:
    taken = Token.objects.filter(user_id=token.user_id, label=token.label, state=TokenState.ACTIVE)
    if (holder := taken.first()) is not None:
        raise LabelTaken(token=holder.public_id)
    try:
        # A savepoint: on PostgreSQL a violated constraint would spoil the whole transaction.
        with transaction.atomic():
            token.save(force_insert=True)
    except IntegrityError as clash:
        holder = taken.first()
        if holder is None:
            raise
        raise LabelTaken(token=holder.public_id) from clash


def _check_login(asked: LoginBody, actor: Actor) -> Checked:
    try:
        checked = login.check_password(username=asked.username, password=asked.password, device=None, actor=actor)
        return login.pass_stages(checked, asked.otp, actor)
    except GatehouseError as refusal:
        repeats.remember_refusal(asked, refusal)
        raise


def _open_login(user: User, asked: LoginBody, expires: datetime | None, actor: Actor) -> Minted:
    ends, label, acting = expiry.of_login(expires, now=timezone.now()), _login_label(user, actor), replace(actor, user=user)
    minted = _mint(user=user, label=label, expires=ends, kind=TokenKind.CLI, actor=acting)
    # Looked up again, now under the user's lock: of two copies of one body that come at once the second finds the first.
    before = repeats.recall(asked)
    if before is not None and before.token_id is not None:
        # The answer to the first was lost, or its token would have been used.
        unused = Token.objects.of(user).filter(public_id=before.token_id, last_used_at=None)
        revoke(tokens=unused, actor=acting, why=EndReason.REPEATED.value)
    spent_code = bool(asked.otp and settings.LOGIN_STAGES)
    repeats.remember_login(asked, token_id=None if spent_code else minted.token.public_id)
    return minted


def _login_label(user: User, actor: Actor) -> str:
    """Return "dx login from <address>", numbered where live logins have that label already."""
    label = f"dx login from {actor.ip or 'an unknown address'}"
    alike = Token.objects.of(user).filter(state=TokenState.ACTIVE, label__startswith=label)
    taken = set(alike.values_list("label", flat=True))
    numbered = (label if number == 1 else f"{label} ({number})" for number in range(1, len(taken) + 2))
    return next(one for one in numbered if one not in taken)


def _lock(**which: object) -> list[Token]:
    """Return the rows that can still do something, locked in the order of their ids, each with its user."""
    rows = Token.objects.with_authority().filter(**which).select_related("user")
    return list(rows.order_by("pk").select_for_update(of=("self",)))


def _end(rows: list[Token], state: TokenState, *, why: str, actor: Actor) -> None:
    now, by = timezone.now(), actor.user.pk if actor.user else None
    record = {"state": state, "ended_at": now, "ended_by_id": by, "ended_ip": actor.ip, "end_why": why}
    Token.objects.filter(pk__in=[row.pk for row in rows]).update(**record)
    for row in rows:
        row.state, row.ended_at, row.ended_by_id, row.ended_ip, row.end_why = state, now, by, actor.ip, why


def _record(rows: list[Token], kind: type[TokenRevoked] | type[TokenRetired], *, why: str, actor: Actor) -> None:
    audit.record_many([(kind(token_id=row.public_id, label=row.label, why=why), row.user) for row in rows], actor=actor)


def _due_of(user: User, label: str) -> list[Token]:
    return list(Token.objects.of(user).due().filter(label=label).select_related("user").select_for_update(of=("self",)))


def _expire_batch() -> int:
    with transaction.atomic():
        due = Token.objects.due().select_related("user").order_by("pk")
        return _expire(list(due.select_for_update(of=("self",), skip_locked=True)[: limits.EXPIRY_BATCH_ROWS]))


def _expire(rows: list[Token]) -> int:
    if rows:
        worker = Actor.worker()
        _end(rows, TokenState.EXPIRED, why=EndReason.EXPIRED.value, actor=worker)
        events: list[tuple[Payload, User | None]] = [(TokenExpired(token_id=row.public_id, label=row.label), row.user) for row in rows]
        audit.record_many(events, actor=worker)
    return len(rows)
