"""How a token's authority ends in its row and in the log. The acts are in tokens.flows; tokens are locked in the order of their
ids (CRD-06).
"""

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor, Payload
from accounts.models import User
from tokens.events import TokenExpired, TokenRetired, TokenRevoked
from tokens.models import EndReason, Token, TokenKind, TokenState
from tokens.signals import token_expired


def with_descendants(chosen: set[int]) -> set[int]:
    """Return these ids and those of all that was made with them: one query a generation.

    The way leads through dead ones, too: what a token made that is over by now may live on.
    """
    family, parents = set(chosen), chosen
    while parents:
        made = Token.objects.filter(parent__in=parents).values_list("pk", flat=True)
        parents = set(made) - family
        family |= parents
    return family


def lock(**which: object) -> list[Token]:
    """Return the rows that can still do something, locked in the order of their ids, each with its user."""
    rows = Token.objects.with_authority().filter(**which).select_related("user")
    return list(rows.order_by("pk").select_for_update(of=("self",)))


def end(rows: list[Token], state: TokenState, *, why: str, actor: Actor) -> None:
    """Put `rows` (locked) into `state`, for good, with the record of the end: when, by whom, from where, and `why`."""
    now, by = timezone.now(), actor.user.pk if actor.user else None
    record = {"state": state, "ended_at": now, "ended_by_id": by, "ended_ip": actor.ip, "end_why": why}
    if rows:
        Token.objects.filter(pk__in=[row.pk for row in rows]).update(**record)
    for row in rows:
        row.state, row.ended_at, row.ended_by_id, row.ended_ip, row.end_why = state, now, by, actor.ip, why


def record(rows: list[Token], kind: type[TokenRevoked] | type[TokenRetired], *, actor: Actor) -> None:
    """Add the event of each end to the log of the token's owner."""
    audit.record_many([(kind(token_id=row.public_id, label=row.label, why=row.end_why), row.user) for row in told(rows)], actor=actor)


def told(rows: list[Token]) -> list[Token]:
    """Return those whose end is an event of its own: the end of a job's token is told by its job."""
    return [row for row in rows if row.kind != TokenKind.JOB]


def retire(rows: list[Token], *, actor: Actor) -> None:
    """Retire `rows` (locked), which others have replaced."""
    end(rows, TokenState.RETIRED, why=EndReason.REPLACED.value, actor=actor)
    record(rows, TokenRetired, actor=actor)


def expire_if_due(token: Token) -> None:
    """Mark `token` as expired where its time is over and no worker was there yet: a clock that goes back revives nothing (F11)."""
    if token.state in (TokenState.REVOKED, TokenState.EXPIRED):
        return
    with transaction.atomic():
        expire(list(Token.objects.due().filter(pk=token.pk).select_related("user").select_for_update(of=("self",), skip_locked=True)))


def expire(rows: list[Token]) -> int:
    """Mark `rows` (locked) as expired and return how many they are. The only sender of `token_expired`."""
    if rows:
        worker = Actor.worker()
        end(rows, TokenState.EXPIRED, why=EndReason.EXPIRED.value, actor=worker)
        events: list[tuple[Payload, User | None]] = [
            (TokenExpired(token_id=row.public_id, label=row.label), row.user) for row in told(rows)
        ]
        audit.record_many(events, actor=worker)
        token_expired.send(Token, tokens=rows, actor=worker)
    return len(rows)
