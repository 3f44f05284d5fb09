"""Mails before API tokens end: seven days and one day ahead, one mail to a person for all of theirs (S4.11)."""

from datetime import timedelta
from itertools import groupby

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from tokens import emails, limits
from tokens.models import Token, TokenKind, TokenQuerySet, TokenState


def remind_due() -> int:
    """Write the reminders that are due; return how many tokens they tell of. The worker calls it, safely twice."""
    return sum(_remind(days) for days in sorted(limits.REMINDED_DAYS))


def _remind(days: int) -> int:
    with transaction.atomic():
        rows = list(_due(days).select_for_update(of=("self",), skip_locked=True)[: limits.EXPIRY_BATCH_ROWS])
        if not rows:
            return 0
        Token.objects.filter(pk__in=[row.pk for row in rows]).update(reminded_days=days)
        for user, tokens in groupby(rows, key=lambda row: row.user):
            emails.expiring_soon(user, tokens=list(tokens), days=days)
        return len(rows)


def _due(days: int) -> TokenQuerySet:
    now, ahead = timezone.now(), timedelta(days=days)
    untold = Q(reminded_days=None) | Q(reminded_days__gt=days)
    # Of a token that was made for no longer than that, nobody need be told again.
    lasting = Q(expires__gt=F("created") + ahead)
    living = Token.objects.filter(kind=TokenKind.API, state=TokenState.ACTIVE, retires_at=None, expires__gt=now, expires__lte=now + ahead)
    return living.filter(untold, lasting).select_related("user").order_by("user_id", "expires", "pk")
