"""`manage.py after_restore`: once, after a database was restored from a backup and migrated, before the server starts."""

from argparse import ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.audit import Actor
from accounts.restoring import EVER, Restore, restore
from accounts.verifying import Depth
from tokens.work import state


class Command(BaseCommand):
    """Ends what a login made, and says which bytes are missing or left over. Can be stopped, and run again."""

    help = (
        "After a restore: end all sessions, links and changes under way; revoke tokens as chosen; name bytes that are missing or too many."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Demand a choice: tokens that were revoked after the backup are alive again, and nobody can tell which."""
        tokens = parser.add_mutually_exclusive_group(required=True)
        tokens.add_argument("--revoke-all-tokens", action="store_true", help="the safe choice")
        tokens.add_argument(
            "--revoke-issued-after", type=_moment, metavar="MOMENT", help="revoke tokens made after it, such as 2026-11-24T07:41Z"
        )
        tokens.add_argument("--keep-tokens", action="store_true", help="also those that were revoked after the backup")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and print what was ended, and what is wrong with the bytes of files."""
        after = EVER if options["revoke_all_tokens"] else options["revoke_issued_after"]
        ended = restore(Restore(revoke_issued_after=after, actor=Actor(user=None, door="shell")))
        for noun, count in ended.items():
            self.stdout.write(f"{noun}: {count}")
        for sentence in state.files(Depth.WHOLE):
            self.stdout.write(sentence)
        for sentence in state.orphans():
            self.stdout.write(sentence)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is no moment such as 2026-11-24T07:41Z") from error
    if moment.tzinfo is None:
        raise ArgumentTypeError(f"{text} says no time zone: write it as 2026-11-24T07:41Z")
    return moment
