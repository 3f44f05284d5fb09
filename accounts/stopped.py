"""Logins whose password was right and that stopped at a further step: somebody may know the password (LOG-13).

A row stands while the login may still go on. The worker tells the owner of those that did not, in the log and by mail.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit, emails, limits, throttle
from accounts.audit import Actor
from accounts.errors import TooManyAttempts
from accounts.events import LoginStopped
from accounts.models import StoppedLogin, User

BATCH_ROWS = 20  # each writes a mail, and SQLite has one lock for all writers (F19)


def note(user: User, actor: Actor) -> None:
    """Note that the password of `user` was right, and that more is asked for.

    The time of the first one stays: nobody puts the notice off by trying again.
    """
    # Two at once may make two rows: then two are told of, or both forgotten.
    if not StoppedLogin.objects.filter(**_key(user, actor)).exists():
        StoppedLogin.objects.create(**_key(user, actor))


def forget(user: User, actor: Actor) -> None:
    """Note that the login from this address and device went on to its end."""
    StoppedLogin.objects.filter(**_key(user, actor)).delete()


def report_due() -> int:
    """Tell of the logins that stopped 10 minutes ago; return how many. The worker calls it, safely twice."""
    with transaction.atomic():
        old = timezone.now() - timedelta(seconds=limits.PENDING_LOGIN_SECONDS)
        due = StoppedLogin.objects.filter(at__lt=old).select_related("user").order_by("pk")
        rows = list(due.select_for_update(of=("self",), skip_locked=True)[:BATCH_ROWS])
        for row in rows:
            _tell(row)
        StoppedLogin.objects.filter(pk__in=[row.pk for row in rows]).delete()
        return len(rows)


def _tell(row: StoppedLogin) -> None:
    actor = Actor(user=None, door=row.door, ip=row.ip, user_agent=row.user_agent)
    audit.record(LoginStopped(), subject=row.user, actor=actor)
    try:
        told = throttle.key_for("stopped", row.user.username)
        throttle.spend(told, limit=limits.MAILS_PER_ACCOUNT_AND_DAY, window_seconds=limits.DAY_SECONDS)
    except TooManyAttempts:
        return
    emails.login_stopped(row.user, actor=actor, at=row.at)


def _key(user: User, actor: Actor) -> dict[str, Any]:
    return {"user": user, "door": actor.door, "ip": actor.ip, "user_agent": actor.user_agent}
