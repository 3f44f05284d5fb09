"""Organizations: who belongs to which, and the policies that follow from it."""

from django.apps import AppConfig


class OrgsConfig(AppConfig):
    """The room above accounts."""

    name = "orgs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers, and make the log's words for this room's events known; Django calls this once the models are loaded."""
        from orgs import events, receivers  # noqa: F401  (a receiver, an event is known by being imported)
