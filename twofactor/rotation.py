"""New keys for what is stored of the second factor (OPS-03, F18)."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from accounts.batches import batches
from accounts.failpoints import failpoint
from twofactor import backup_codes, limits, vault
from twofactor.models import Authenticator, BackupCode, Enrolment, Handout, shown_since


@dataclass
class Report:
    """What a rotation did, and what is left. `half_made`: set-ups and shown codes that an old key still opens, for 15 minutes at most.

    `old_backup_codes` need a key of BACKUP_CODE_KEY_FALLBACKS; `dead_backup_codes` one that no setting names.
    """

    rewritten: int = 0
    current: int = 0
    unreadable: int = 0
    half_made: int = 0
    old_backup_codes: int = 0
    dead_backup_codes: int = 0

    @property
    def needs_old_keys(self) -> bool:
        """Whether something would be lost with TOTP_KEY_FALLBACKS."""
        return bool(self.half_made)


def rotate() -> Report:
    """Encrypt every app's key with TOTP_KEY, a batch to a transaction, and return what was done and what is left.

    What is half made is left alone, and counted. Can be stopped between any two batches, and run again.
    """
    report = Report()
    for batch in batches(Authenticator.objects.only("pk"), most=limits.REENCRYPT_BATCH_ROWS):
        _rotate_batch([device.pk for device in batch], report)
        failpoint("rotation.batch")
    report.half_made = sum(not vault.is_current(sealed) for sealed in _half_made())
    present = backup_codes.name_of(settings.BACKUP_CODE_KEY)
    former = [backup_codes.name_of(key) for key in settings.BACKUP_CODE_KEY_FALLBACKS]
    needing = BackupCode.objects.left().exclude(key_name=present)
    report.old_backup_codes = needing.filter(key_name__in=former).count()
    report.dead_backup_codes = needing.exclude(key_name__in=former).count()
    return report


def _half_made() -> Iterator[vault.Sealed]:
    shown = (Enrolment.objects.values_list("secret", "codes"), Handout.objects.values_list("codes"))
    for rows in shown:
        for row in rows.filter(created__gt=shown_since()):
            yield from (sealed for sealed in row if sealed is not None)


def _rotate_batch(ids: list[int], report: Report) -> None:
    with transaction.atomic():
        for device in Authenticator.objects.filter(pk__in=ids).select_for_update(of=("self",)).order_by("pk"):
            if vault.is_current(device.secret):
                report.current += 1
                continue
            try:
                sealed = vault.reseal(device.secret)
            except vault.Unreadable:
                report.unreadable += 1
                continue
            Authenticator.objects.filter(pk=device.pk).update(secret=sealed)
            report.rewritten += 1
