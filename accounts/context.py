"""What every page knows: who is signed in, and how long the session lives without activity."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from accounts.sessions import SessionStore
from accounts.wording import spell_wait


def page(request: HttpRequest) -> dict[str, Any]:
    """Return the variables of base.html: me, idle, demo, support_email, request_id."""
    user = getattr(request, "user", None)
    me = user if user is not None and user.is_authenticated else None
    return {
        "me": me,
        "idle": _idle_clock(request.session) if isinstance(me, User) else None,  # type: ignore[arg-type]
        "demo": settings.DEVELOPMENT,
        "support_email": settings.SUPPORT_EMAIL,
        "request_id": getattr(request, "request_id", ""),
    }


def _idle_clock(store: SessionStore) -> dict[str, Any] | None:
    if store.row is None:
        return None
    limit = store.row.idle_limit_seconds
    return {
        "limit_seconds": limit,
        "left_seconds": sessions.seconds_left(store.row, timezone.now()),
        "limit_text": spell_wait(limit),
        "url": reverse("accounts:session"),
    }
