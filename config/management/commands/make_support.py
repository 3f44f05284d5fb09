"""manage.py make_support USERNAME: lets somebody into the support console, or shuts it to them again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import flows
from accounts.audit import Actor
from accounts.models import User
from accounts.spelling import fold_username


class Command(BaseCommand):
    """Raises nobody to superuser, and sets no password."""

    help = "Makes a person a member of support; with --undo no longer."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the username."""
        parser.add_argument("username")
        parser.add_argument("--undo", action="store_true", help="shut the console to them")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and say what was done."""
        person = User.objects.filter(username=fold_username(options["username"])).first()
        if person is None:
            raise CommandError("There is nobody with this username")
        actor = Actor(user=None, door="shell")
        if options["undo"]:
            done = flows.dismiss(person=person, actor=actor)
            self.stdout.write(f"{person.username} {'is no longer' if done else 'was not'} of support.")
        else:
            done = flows.appoint(person=person, actor=actor)
            self.stdout.write(f"{person.username} is of support{'' if done else ' already'}. The console opens with a second factor.")
