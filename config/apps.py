"""The top floor: settings, the public surface, and the management commands."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Makes `manage.py` find the commands of this package."""

    name = "config"
