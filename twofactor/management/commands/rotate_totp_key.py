"""`manage.py rotate_totp_key`: what was encrypted with an old TOTP_KEY is encrypted with the present one."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from twofactor import rotation


class Command(BaseCommand):
    """Goes through all rows in batches; it can be stopped and run again at any time, beside a running server."""

    help = "Encrypt the keys of authenticator apps with TOTP_KEY, after it was changed and the old one went to TOTP_KEY_FALLBACKS."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was done and what still needs an old key; fail where an old key is needed still, or a row is readable by no key."""
        report = rotation.rotate()
        self.stdout.write(f"{report.rewritten} encrypted again, {report.current} were already.")
        if report.old_backup_codes:
            self.stdout.write(f"{report.old_backup_codes} unused backup codes still need BACKUP_CODE_KEY_FALLBACKS.")
        if report.dead_backup_codes:
            self.stdout.write(f"{report.dead_backup_codes} unused backup codes can be checked by no key that settings name.")
        if report.unreadable:
            raise CommandError(
                f"{report.unreadable} can be read by no key of TOTP_KEY and TOTP_KEY_FALLBACKS. Name the lost key there, and run this again"
            )
        if report.needs_old_keys:
            raise CommandError(
                f"{report.half_made} half-made set-ups or shown codes still need TOTP_KEY_FALLBACKS. They are over within 15 minutes: "
                "run this again then"
            )
        self.stdout.write(
            "Nothing needs TOTP_KEY_FALLBACKS any more. Once every process runs with the present TOTP_KEY, run this again: "
            "if it says the same, remove the fallbacks."
        )
