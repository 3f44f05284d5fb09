"""The ground floor: who a person is, how they sign in, and what a credential change ends."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Registers the receivers of this room."""

    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers; Django calls this once the models are loaded."""
        from accounts import receivers  # noqa: F401  (a receiver is connected by being imported; the models must exist first)
