"""Organizations: who belongs to which, and the policies that follow from it."""

from django.apps import AppConfig


class OrgsConfig(AppConfig):
    """The room above accounts."""

    name = "orgs"
    default_auto_field = "django.db.models.BigAutoField"
