"""What must hold of this room's state (accounts.verifying): a used backup code is spent, and what is stored can be read."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Max, Q

from accounts.audit import Event
from accounts.batches import batches, in_batches
from accounts.models import SecurityEvent, User
from accounts.verifying import Depth
from twofactor import backup_codes, vault
from twofactor.limits import BACKUP_CODES
from twofactor.models import Authenticator, BackupCode

_MADE = [Event.TWO_FACTOR_ON.value, Event.BACKUP_CODES_RENEWED.value]


def codes(depth: Depth) -> Iterator[str]:
    """Each use of a backup code in the log spent one; whoever has codes has an app; keys that settings name open what is stored."""
    if not depth.is_whole:
        return
    by_person = BackupCode.objects.values("user_id").annotate(used=Count("pk", filter=Q(used_at__isnull=False)), codes=Count("pk"))
    for batch in batches(by_person, by="user_id"):
        uses = _uses(batch[0]["user_id"], batch[-1]["user_id"])
        for row in batch:
            if row["used"] != uses.get(row["user_id"], 0):
                yield from _not_spent(row["user_id"])
            if row["codes"] > BACKUP_CODES:
                yield f"{User.objects.get(pk=row['user_id'])} has {row['codes']} backup codes; there are {BACKUP_CODES} of one set."
    yield from _unreadable()


def _uses(first: int, last: int) -> dict[int, int]:
    """Return how often a backup code was used, by person from `first` to `last`, since their present codes were made."""
    events = SecurityEvent.objects.filter(subject__gte=first, subject__lte=last)
    made = dict(events.filter(event__in=_MADE).values("subject_id").annotate(at=Max("pk")).values_list("subject_id", "at"))
    uses: dict[int, int] = {}
    for subject, pk in events.filter(event=Event.BACKUP_CODE_USED.value).values_list("subject_id", "pk"):
        if subject is not None and pk > made.get(subject, 0):
            uses[subject] = uses.get(subject, 0) + 1
    return uses


def _not_spent(user_id: int) -> Iterator[str]:
    # Once more, under the person's lock, which every use of a code holds: the first look may have seen half of one.
    with transaction.atomic():
        person = User.objects.lock(user_id)
        used = BackupCode.objects.of(person).filter(used_at__isnull=False).count()
        uses = _uses(user_id, user_id).get(user_id, 0)
    if used != uses:
        yield f"{person} used {uses} of the present backup codes by the security log, and {used} are spent."


def _unreadable() -> Iterator[str]:
    lost: list[Any] = []
    for device in in_batches(Authenticator.objects.select_related("user")):
        try:
            _ = device.key
        except vault.Unreadable:
            lost.append(device.user.username if not lost else None)
    if lost:
        yield f"{len(lost)} keys of authenticator apps are opened by no key of TOTP_KEY and its fallbacks; the first is that of {lost[0]}."
    known = [backup_codes.name_of(key) for key in (settings.BACKUP_CODE_KEY, *settings.BACKUP_CODE_KEY_FALLBACKS)]
    if dead := BackupCode.objects.left().exclude(key_name__in=known).count():
        yield f"{dead} unused backup codes were hashed with a key that neither BACKUP_CODE_KEY nor its fallbacks name."
    if alone := BackupCode.objects.exclude(user__in=Authenticator.objects.values("user")).values("user").distinct().count():
        yield f"{alone} people have backup codes, but no authenticator app."
