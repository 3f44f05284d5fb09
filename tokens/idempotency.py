"""A POST that is sent twice makes one token (TOK-13; the header of draft-ietf-httpapi-idempotency-key-header).

The text of a token is kept nowhere, so the repeat cannot give it again. It says which token the first one made: its sender can
revoke it, or rotate it at once and have a text for the same token's scope and time.
"""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.batches import delete_batch
from accounts.digests import digest
from accounts.models import User
from tokens import limits
from tokens.errors import AlreadyMade, KeyReused, KeyShapeRefused
from tokens.models import IdempotencyKey, Token

_FORM = re.compile(rf"[ -~]{{1,{limits.IDEMPOTENCY_KEY_MAX_CHARS}}}", re.ASCII)


@dataclass(frozen=True)
class Repeatable:
    """A request that may come again: the digests of the key that its sender gave it, and of what it asks for."""

    key_digest: str
    body_digest: str


def repeatable(key: str | None, body: object) -> Repeatable | None:
    """Return the request of this `Idempotency-Key`, None without one. Raises KeyShapeRefused for what is no plain short text."""
    if key is None:
        return None
    if not _FORM.fullmatch(key):
        raise KeyShapeRefused(most=limits.IDEMPOTENCY_KEY_MAX_CHARS)
    return Repeatable(digest(key), digest(json.dumps(body, sort_keys=True)))


def require_new(user: User, once: Repeatable | None) -> None:
    """Return if nothing came of this request in the last 24 hours.

    Raises AlreadyMade where it made a token, KeyReused where the key stood on a request with another body.
    """
    if once is None:
        return
    found = _found(user, once)
    if found is None:
        return
    if found.body_digest != once.body_digest:
        raise KeyReused()
    raise AlreadyMade(token_id=found.token.public_id)


def remember(user: User, once: Repeatable | None, token: Token) -> None:
    """Keep what came of the request. The caller holds the lock on the person, and asked `require_new` under it."""
    if once is None:
        return
    IdempotencyKey.objects.filter(user=user, key_digest=once.key_digest).delete()  # older than 24 hours
    IdempotencyKey.objects.create(user=user, key_digest=once.key_digest, body_digest=once.body_digest, token=token)


def sweep() -> int:
    """Forget the keys of requests more than 24 hours ago, up to 5,000; return how many."""
    return delete_batch(IdempotencyKey.objects.filter(created__lt=_since()))


def _found(user: User, once: Repeatable) -> IdempotencyKey | None:
    keys = IdempotencyKey.objects.select_related("token").filter(user=user, key_digest=once.key_digest)
    return keys.filter(created__gte=_since()).first()


def _since() -> datetime:
    return timezone.now() - timedelta(seconds=limits.IDEMPOTENCY_SECONDS)
