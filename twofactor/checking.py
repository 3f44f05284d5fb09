"""The one check of a code, for logins, Turn Off and every act that asks again (OTP-02, OTP-04, OTP-05)."""

from dataclasses import dataclass

from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.errors import StepRefused
from accounts.login import Ticket
from accounts.models import User
from twofactor import backup_codes, budget, clock, emails, limits, totp, vault
from twofactor.budget import Try
from twofactor.errors import CodesUnreadable
from twofactor.events import BackupCodeUsed, CodeRefused, CodesLocked
from twofactor.models import Authenticator, BackupCode


@dataclass(frozen=True)
class CodeOfApp:
    """A right code of the app."""

    device: Authenticator
    step: int

    def spend(self) -> None:
        """Note its step as the newest one; raise StepRefused where a code of it, or of a later one, counted meanwhile."""
        unused = Authenticator.objects.filter(pk=self.device.pk, last_step__lt=self.step)
        if unused.update(last_step=self.step, last_used_at=timezone.now(), missed_step=None, missed_at=None) != 1:
            raise StepRefused()


@dataclass(frozen=True)
class UnusedBackupCode:
    """A backup code that was not used yet."""

    row: BackupCode
    user: User
    actor: Actor

    def spend(self) -> None:
        """Mark it as used, and tell its owner; raise StepRefused where another request used it meanwhile (BKP-02)."""
        if BackupCode.objects.left().filter(pk=self.row.pk).update(used_at=timezone.now()) != 1:
            raise StepRefused()
        left = BackupCode.objects.of(self.user).left().count()
        audit.record(BackupCodeUsed(left=left), subject=self.user, actor=self.actor)
        emails.backup_code_used(self.user, left=left, actor=self.actor)


def check(user: User, answer: str, actor: Actor) -> Ticket:
    """Return the ticket that a right `answer` is: a code of the app for now, or an unused backup code.

    Raises StepRefused, one and the same for whatever is wrong with it, and ClockIsWrong, which is one, for the second code in a row
    of the same drift; both counted. TooManyAttempts where too many were. Nothing is used up before the ticket is spent.
    """
    taken = budget.take(user)
    device = Authenticator.objects.filter(user=user).first()
    if device is None:
        raise StepRefused()  # turned off a moment ago
    typed = answer if len(answer) <= limits.CODE_TYPED_MAX_CHARS else ""
    code, backup_code = totp.parse(typed), backup_codes.parse(typed)
    ticket = _of_app(device, code) if code else _backup(user, backup_code, actor) if backup_code else None
    if ticket is not None:
        budget.give_back(taken)
        return ticket
    refusal = clock.diagnose(device, code)
    if isinstance(refusal, CodesUnreadable):
        budget.give_back(taken)  # nothing was judged, and the backup code that is asked for now must find a place
    else:
        _record(user, taken, actor)
    raise refusal


def _of_app(device: Authenticator, code: str) -> CodeOfApp | None:
    try:
        steps = totp.steps_of(device.key, code)
    except vault.Unreadable:
        return None
    unused = [step for step in steps if step > device.last_step]
    return CodeOfApp(device, unused[0]) if unused else None


def _backup(user: User, code: str, actor: Actor) -> UnusedBackupCode | None:
    # All of them are compared, used ones too: the answer takes as long whichever it is.
    found = [row for row in BackupCode.objects.of(user) if backup_codes.matches(code, row.hashed, user_id=user.pk)]
    unused = [row for row in found if row.used_at is None]
    return UnusedBackupCode(unused[0], user, actor) if unused else None


def _record(user: User, taken: Try, actor: Actor) -> None:
    audit.record(CodeRefused(), subject=user, actor=actor)
    if taken.is_last:
        audit.record(CodesLocked(wrong_codes=taken.number), subject=user, actor=actor)
        emails.codes_locked(user, wrong=taken.number, actor=actor)
