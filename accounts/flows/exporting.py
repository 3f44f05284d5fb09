"""Handing out a security log as a file: counted, and in the log itself before the first byte leaves."""

from django.db import transaction

from accounts import audit, limits, throttle
from accounts.audit import Actor
from accounts.events import LogExported
from accounts.logbook import Filters
from accounts.models import User


def begin_export(*, whose: str, filters: Filters, subject: User | None, actor: Actor, org_id: str = "", reason: str = "") -> None:
    """Record that somebody takes the log of `whose` (words for people) with them. Raises TooManyAttempts beyond 20 an hour.

    `subject` is whose log the event itself stands in, `org_id` the organization it is about, `reason` that of support.
    """
    assert actor.user is not None  # noqa: S101  (every door of it is behind a login)
    key = throttle.key_for("export", str(actor.user.pk))
    throttle.spend(key, limit=limits.EXPORTS_PER_PERSON_AND_HOUR, window_seconds=limits.HOUR_SECONDS)
    with transaction.atomic():
        told = LogExported(whose=whose, filters=filters.asked, org_id=org_id, reason=reason)
        audit.record(told, subject=subject, actor=actor)
