"""Projects: their members, and who may do what in them."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """The room above orgs."""

    name = "orgs.projects"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the receivers."""
        from orgs.projects import receivers  # noqa: F401
