"""What runs on a token's authority: files, uploads, downloads, jobs; and how it ends."""

from django.apps import AppConfig


class WorkConfig(AppConfig):
    """Registers the receivers of this room."""

    name = "tokens.work"
    label = "work"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers; Django calls this once the models are loaded."""
        from tokens.work import receivers  # noqa: F401  (a receiver is connected by being imported; the models must exist first)
