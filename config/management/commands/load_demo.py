"""`manage.py load_demo`: the demo data, once, into an empty database."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from config import demo


class Command(BaseCommand):
    """Loads config.demo where DEBUG is on and nobody is there yet."""

    help = "Load the demo data into an empty database; refused where DEBUG is off."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load, or say why nothing was loaded."""
        if not settings.DEVELOPMENT:
            raise CommandError("Demo data is refused where DEBUG is off: everybody knows its password")
        if User.objects.exists():
            self.stdout.write("There are users already; no demo data was loaded.")
            return
        demo.load()
        self.stdout.write(f"Demo data is loaded: {', '.join(demo.PEOPLE)}.")
