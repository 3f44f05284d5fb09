"""Dead tokens that somebody tries: noted on the token and in the owner's log, so that a leak is seen (S4.12).

Whoever presents a dead token could make the server write as often as they ask: a try is noted every ten seconds at most, and is an
event once an hour for each address.
"""

from datetime import timedelta

from django.core.cache import cache
from django.db.models import F, Q
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.clients import network_of
from tokens import limits
from tokens.events import TokenRefused
from tokens.models import Token


def note(token: Token, *, actor: Actor) -> None:
    """Note that `token`, which is revoked or expired, was presented by somebody at `actor`'s address."""
    now = timezone.now()
    interval = timedelta(seconds=limits.TRY_NOTED_SECONDS)
    # A time that is far ahead is of a clock that went back since: it must not hide what is tried until then (F11). One that is somewhat
    # ahead is another machine's.
    noted = Q(tried_at__gt=now - interval, tried_at__lt=now + interval)
    Token.objects.exclude(noted).filter(pk=token.pk).update(tried_at=now, tried_ip=actor.ip, tries=F("tries") + 1)
    if cache.add(f"tokens.tried:{token.pk}:{network_of(actor.ip)}", 1, timeout=limits.TRY_RECORDED_SECONDS):
        event = TokenRefused(token_id=token.public_id, label=token.label, state=token.state_word)
        audit.record(event, subject=token.user, actor=actor)
