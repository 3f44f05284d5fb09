"""`manage.py verify_state`: whether the state of the house is whole; one line for each finding, and status 1 where there are any."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import seals
from accounts.seals import Head
from accounts.verifying import Depth, look
from accounts.wording import counted


class Command(BaseCommand):
    """Reads beside a running server, and changes nothing but its own record of the look."""

    help = "Look whether the state is whole: sessions, tokens, work, files, mails, codes, the security log, the database."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare how deep, what was kept elsewhere, and how to print."""
        parser.add_argument("--files", action="store_true", help="read all bytes of all files, and compare their MD5")
        parser.add_argument(
            "--expect", action="append", default=[], metavar="SEQUENCE:HASH",
            help="a seal of the security log that was kept elsewhere, such as a log line of the worker's; may be given several times",
        )  # fmt: skip
        parser.add_argument("--json", action="store_true", help="one JSON object per line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print findings as they are found, then how many there are, and the newest seal. Raises CommandError where there are any."""
        began, count = time.monotonic(), 0
        expected = [_head(text) for text in options["expect"]]
        for sentence in look(Depth.BYTES if options["files"] else Depth.WHOLE, expected):
            count += 1
            self.stdout.write(json.dumps({"finding": sentence}) if options["json"] else sentence)
        newest, seconds = seals.newest(), round(time.monotonic() - began, 3)
        if options["json"]:
            self.stdout.write(json.dumps({"findings": count, "seconds": seconds, "newest_seal": str(newest) if newest else None}))
        else:
            self.stdout.write(f"{counted(count, 'finding')} in {seconds:.1f} s. Newest seal of the security log: {newest or 'none yet'}")
        if count:
            raise CommandError(f"The state is not whole: {counted(count, 'finding')}")


def _head(text: str) -> Head:
    try:
        return Head.parse(text)
    except ValueError as error:
        raise CommandError(f"--expect: {error}") from error
