"""What the organizations of a person demand of them: of several policies the strictest holds."""

from django.conf import settings
from django.db.models import Min

from accounts.models import User
from orgs.models import Organization

SECONDS_PER_MINUTE = 60


def idle_limit_for(user: User) -> int:
    """Return after how many seconds without activity a session of `user` ends (settings.IDLE_LIMIT_POLICY names this).

    The smallest `auto_logout_after_minutes` among the organizations, else IDLE_LIMIT_SECONDS. One query.
    """
    strictest = Organization.objects.of(user).aggregate(minutes=Min("auto_logout_after_minutes"))["minutes"]
    limit: int = settings.IDLE_LIMIT_SECONDS if strictest is None else strictest * SECONDS_PER_MINUTE
    return limit
