"""A token under another label, and a new text in the place of an old one (S4.10)."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.models import User
from orgs import policies
from tokens import ends, expiry, labels, minting, rules, scope
from tokens.errors import LabelTaken, NotRotated, TokenNotFound, WiderThanToken
from tokens.events import TokenRenamed, TokenRotated
from tokens.minting import Minted
from tokens.models import Token, TokenKind, TokenState


def rename(*, user: User, token: Token, label: str, actor: Actor) -> Token:
    """Give a token of `user` that can still do something another label, and return it.

    Raises LabelRefused, LabelTaken, and TokenNotFound for one that has ended: what history says of it stays.
    """
    label = labels.clean(label)
    with transaction.atomic():
        User.objects.lock(user.pk)
        row = _own_live(user, token)
        if label == row.label:
            return row
        _require_free(user, label)
        before, row.label = row.label, label
        row.save(update_fields=["label"])
        audit.record(TokenRenamed(token_id=row.public_id, label=label, label_before=before), subject=user, actor=actor)
        return row


def rotate(
    *, user: User, token: Token, overlap_seconds: int, expires: datetime | None, actor: Actor, presenter: Token | None = None,
    confirmed: bool = False,
) -> Minted:  # fmt: skip
    """Return a new token with the label and the scope of `token`, which goes on for `overlap_seconds` (0 to 24 hours).

    Then the old one is retired: work that it began may go on to its end, nothing new begins on it. Without `expires` the new one
    lives as long as the old one was meant to. What was made with the old one belongs to the new one from now on, and ends with it.
    Raises NotRotated for what is no living API token, was replaced before, or made the presenter; and what `create` raises.
    """
    now = timezone.now()
    rules.require_allowed(policies.token_rules_for(user), token.kind)  # what is refused is not counted
    minting.spend_budget(user, presenter)
    with transaction.atomic():
        policies.hold_rules(user.pk)
        minting.require_still_allowed(User.objects.lock(user.pk), asked_as=user, presenter=presenter)
        allowed = policies.token_rules_for(user)  # again: a rule may have come while the locks were waited for
        rules.require_allowed(allowed, token.kind)
        old = _own_live(user, token)
        _require_rotatable(old, presenter)
        reach = scope.of(old)
        if presenter is not None and not scope.of(presenter).covers(reach):
            raise WiderThanToken(reason="reaches less than the token that it would renew")
        minting.require_confirmed(reach, user=user, confirmed=confirmed or presenter is not None)
        life = old.expires - old.created
        lasts_until = minting.within(presenter, expires, expiry.renewed(expires, life=life, now=now, rules=allowed))
        label = _step_aside(old, until=now + timedelta(seconds=overlap_seconds))
        new = Token(user=user, label=label, kind=old.kind, expires=lasts_until, parent=_parent(old, presenter), replaces=old)
        minted = minting.mint(new, reach=reach, actor=actor)
        rules.rehearse(allowed, new)
        _hand_over_children(old, new)
        event = TokenRotated(
            token_id=old.public_id, label=label, new_id=new.public_id, label_now=old.label, overlap_seconds=overlap_seconds
        )
        audit.record(event, subject=user, actor=actor)
        if overlap_seconds == 0:
            ends.retire([old], actor=actor)
        return minted


def _own_live(user: User, token: Token) -> Token:
    row = Token.objects.of(user).with_authority().select_for_update(of=("self",)).select_related("user").filter(pk=token.pk).first()
    if row is None:
        raise TokenNotFound()
    return row


def _parent(old: Token, presenter: Token | None) -> Token | None:
    """Return what the new token counts as made with: it ends with the token whose holder asked for it and has its text."""
    if presenter is None:
        return old.parent
    if presenter != old:
        return presenter
    # Of a token that renews itself again and again all texts end with the first one, and the line grows no longer.
    return old.parent if old.renewed_itself else old


def _hand_over_children(old: Token, new: Token) -> None:
    old.children.exclude(pk=new.pk).update(parent=new)
    outliving = Token.objects.filter(pk__in=ends.with_descendants({new.pk}), expires__gt=new.expires)
    outliving.update(expires=new.expires)


def _require_rotatable(token: Token, presenter: Token | None) -> None:
    if presenter is not None and token in minting.ancestors(presenter):
        raise NotRotated(reason="Your token was made with it, and ends with it. Rotate it from the web, or with itself")
    if token.kind != TokenKind.API:
        raise NotRotated(reason="Only API tokens are rotated. A command-line login is renewed by dx login, a job token with its job")
    if token.retires_at is not None:
        successor = Token.objects.filter(replaces=token).first()
        raise NotRotated(reason=f"It was replaced before, by {successor.public_id if successor else 'another token'}. Rotate that one")
    if token.state != TokenState.ACTIVE:
        raise NotRotated(reason="It begins nothing new any more. Make a new token")


def _require_free(user: User, label: str) -> None:
    holder = Token.objects.of(user).filter(label=label, state=TokenState.ACTIVE).first()
    if holder is not None:
        raise LabelTaken(token_id=holder.public_id)


def _step_aside(old: Token, *, until: datetime) -> str:
    """Give up the label, which the successor takes, and set the end of the overlap; return the label."""
    label = old.label
    old.label = labels.numbered(labels.replaced(label), taken=Token.objects.of(old.user).labels_taken())
    old.retires_at = until
    old.save(update_fields=["label", "retires_at"])
    return label
