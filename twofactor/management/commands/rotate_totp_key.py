"""`manage.py rotate_totp_key`: what was encrypted with an old TOTP_KEY is encrypted with the present one."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from twofactor import rotation


class Command(BaseCommand):
    """Goes through all rows in batches; it can be stopped and run again at any time, beside a running server."""

    help = "Encrypt the keys of authenticator apps with TOTP_KEY, after it was changed and the old one went to TOTP_KEY_FALLBACKS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was done and what still needs an old key; fail where a row is readable by no key."""
        report = rotation.rotate()
        self.stdout.write(f"{report.rewritten} encrypted again, {report.current} were already.")
        if report.unreadable:
            raise CommandError(
                f"{report.unreadable} can be read by no key of TOTP_KEY and TOTP_KEY_FALLBACKS. Name the lost key there, and run this again"
            )
        self.stdout.write("No authenticator needs TOTP_KEY_FALLBACKS any more: its keys can be removed.")
        if report.old_backup_codes:
            self.stdout.write(f"{report.old_backup_codes} unused backup codes still need BACKUP_CODE_KEY_FALLBACKS.")
