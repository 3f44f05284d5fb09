"""The section of this room in the report of what was touched (accounts.reporting)."""

from datetime import datetime

from django.db.models import F, Q
from django.db.models.functions import Coalesce, Greatest
from django.urls import reverse

from accounts import reporting
from accounts.clients import device_name
from accounts.models import User
from accounts.reporting import Row, Section
from accounts.wording import spell_moment
from tokens.models import Token, TokenKind, TokenState


def tokens(user: User, since: datetime) -> Section:
    """Return the tokens that were made or used since then, with what became of them. One query."""
    touched = Token.objects.of(user).exclude(kind=TokenKind.JOB).filter(Q(created__gte=since) | Q(last_used_at__gte=since))
    newest = touched.annotate(touched=Greatest("created", Coalesce("last_used_at", F("created")))).order_by("-touched", "-pk")
    found = list(newest[: reporting.ROWS + 1])
    rows, _ = reporting.cut(_row(token, since) for token in found)
    more = reverse("tokens:list") if len(found) > reporting.ROWS else ""
    return Section("API tokens", "No token was made or used.", rows, more)


def _fate(token: Token) -> str:
    if token.state_word == TokenState.ACTIVE:
        return "still works"
    return ": ".join(part for part in (token.state_word, token.end_words) if part)


def _row(token: Token, since: datetime) -> Row:
    made = token.created >= since
    where = token.last_used_ip or "an unknown address"
    used = f"last used {spell_moment(token.last_used_at)} from {where}" if token.last_used_at else "never used"
    return Row(
        at=max(token.created, token.last_used_at or token.created),
        title=token.label,
        text="; ".join([f"made {spell_moment(token.created)}", used, _fate(token)]),
        place=reporting.place_of(token.made_ip, device_name(token.made_agent)) if made else "",
        page=reverse("tokens:detail", args=[token.public_id]),
        mark="Made since then" if made else "",
    )
