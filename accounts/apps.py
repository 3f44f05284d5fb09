"""The ground floor: who a person is, how they sign in, and what a credential change ends."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.migrations import Migration
from django.db.models.signals import post_migrate

from accounts import appending


def protect_log(*, using: str, plan: list[tuple[Migration, bool]], **kwargs: Any) -> None:
    """Put the triggers of the security log back after a migration that made a table anew; not on the way back to an older release."""
    if not any(backwards for _, backwards in plan):
        appending.protect(connections[using])


class AccountsConfig(AppConfig):
    """Registers the receivers of this room."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers; Django calls this once the models are loaded."""
        post_migrate.connect(protect_log, sender=self, dispatch_uid="accounts.protect_log")
        from accounts import receivers  # noqa: F401  (a receiver is connected by being imported; the models must exist first)
