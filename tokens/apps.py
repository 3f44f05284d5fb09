"""API tokens: how they are made, checked, and how their authority ends."""

from django.apps import AppConfig


class TokensConfig(AppConfig):
    """Registers the receivers of this room."""

    name = "tokens"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers; Django calls this once the models are loaded."""
        from tokens import receivers  # noqa: F401  (a receiver is connected by being imported; the models must exist first)
