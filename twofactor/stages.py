"""The second step of a login (settings.LOGIN_STAGES names `code_stage`)."""

from typing import Any

from accounts.audit import Actor
from accounts.limits import HOUR_SECONDS
from accounts.login import Ticket
from accounts.models import User
from accounts.wording import spell_wait
from orgs import policies
from twofactor import checking
from twofactor.models import Authenticator, BackupCode


class CodeStage:
    """A code of the app, or a backup code, of everybody who turned two-factor authentication on."""

    name = "code"

    def is_needed(self, user: User) -> bool:
        """Return whether it is on."""
        return bool(Authenticator.objects.filter(user=user).exists())

    def check(self, user: User, answer: str, actor: Actor) -> Ticket:
        """Return the ticket of a right code; raises as checking.check does."""
        return checking.check(user, answer, actor)

    def facts(self, user: User) -> dict[str, Any]:
        """Return how many backup codes are left, as `codes_left`, and how long a reset by support takes, as `reset_wait`."""
        wait = spell_wait(policies.reset_wait_hours_for(user) * HOUR_SECONDS)
        return {"codes_left": BackupCode.objects.of(user).left().count(), "reset_wait": wait}


code_stage = CodeStage()
