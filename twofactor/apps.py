"""Two-factor authentication: a key in an app on the phone, backup codes, and the second step of a login."""

from django.apps import AppConfig


class TwoFactorConfig(AppConfig):
    """The room beside tokens; the two do not know each other."""

    name = "twofactor"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers, and make the log's words for this room's events known; Django calls this once the models are loaded."""
        from twofactor import events, receivers  # noqa: F401  (a receiver, an event is known by being imported)
