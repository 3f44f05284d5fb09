"""New keys for what is stored of the second factor (OPS-03, F18)."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from twofactor import backup_codes, limits, vault
from twofactor.models import Authenticator, BackupCode


@dataclass
class Report:
    """What a rotation did, and what is left."""

    rewritten: int = 0
    current: int = 0
    unreadable: int = 0
    old_backup_codes: int = 0


def rotate() -> Report:
    """Encrypt every app's key with TOTP_KEY, a batch to a transaction, and return what was done.

    Half-made set-ups and shown codes are over within 15 minutes and are left alone.
    """
    report, last = Report(), 0
    while batch := _ids_after(last):
        _rotate_batch(batch, report)
        last = batch[-1]
    present = backup_codes.name_of(settings.BACKUP_CODE_KEY)
    report.old_backup_codes = BackupCode.objects.left().exclude(key_name=present).count()
    return report


def _ids_after(last: int) -> list[int]:
    later = Authenticator.objects.filter(pk__gt=last).order_by("pk")
    return list(later.values_list("pk", flat=True)[: limits.REENCRYPT_BATCH_ROWS])


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
