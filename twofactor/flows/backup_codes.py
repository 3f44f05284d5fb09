"""New backup codes, and the file of those that are shown."""

from django.db import transaction
from django.utils import timezone

from accounts import audit, sessions
from accounts.audit import Actor
from accounts.models import Session, User
from accounts.reauth import Proof
from twofactor import backup_codes, emails
from twofactor.errors import NothingToDownload, NotOn
from twofactor.events import BackupCodesRenewed
from twofactor.flows.resetting import overtake
from twofactor.models import Authenticator, BackupCode, Handout, ShownCodes, shown_since


def renew_backup_codes(*, user: User, session: Session, proof: Proof, actor: Actor) -> Handout:
    """Replace all backup codes by ten new ones, and return what shows them, to this session, for 15 minutes.

    Raises NotOn, StaleProof and StepRefused; then the old ones still work.
    """
    codes = backup_codes.new_codes()
    with transaction.atomic():
        locked = User.objects.lock(user.pk)
        proof.redeem(locked)
        sessions.require_alive(session)
        if not Authenticator.objects.filter(user=locked).exists():
            raise NotOn()
        BackupCode.objects.replace(locked, codes)
        Handout.objects.filter(user=locked).delete()
        handout = Handout(session=session, user=locked)
        handout.keep(codes)
        handout.save(force_insert=True)
        audit.record(BackupCodesRenewed(), subject=locked, actor=actor)
        # Whoever gives a code has not lost it (ADM-05).
        overtake(user=locked, by="you made new backup codes", actor=actor)
        emails.backup_codes_renewed(locked, actor=actor)
        return handout


def find_handout(*, session: Session) -> Handout | None:
    """Return the new codes that this session can look at, or None. Changes nothing."""
    return Handout.objects.filter(session=session, created__gt=shown_since()).first()


def close_handout(*, session: Session, actor: Actor) -> None:
    """Show the new codes no more."""
    Handout.objects.filter(session=session).delete()


def download(*, shown: ShownCodes, actor: Actor) -> str:
    """Return the text of the file with the codes: once, by one conditional UPDATE. Raises NothingToDownload after that (BKP-04)."""
    texts = shown.texts
    unread = type(shown)._default_manager.filter(pk=shown.pk, downloaded_at=None)
    if not texts or unread.update(downloaded_at=timezone.now()) != 1:
        raise NothingToDownload()
    lines = [f"{number:>2}  {code}" for number, code in enumerate(texts, start=1)]
    head = "Gatehouse backup codes. Enter one where the 6-digit code is asked for. Each works once."
    return "\n".join([head, "", *lines, ""])
