"""Setting two-factor authentication up. What is half made lies in a row of this session, for 15 minutes; nothing is on before
`finish` (OTP-06). Each step may be sent twice, from two tabs: it has been done once then.
"""

from django.db import transaction
from django.utils import timezone

from accounts import audit, credentials, sessions
from accounts.audit import Actor
from accounts.credentials import Casualties, Change
from accounts.failpoints import failpoint
from accounts.models import Session, User
from accounts.reauth import Proof
from twofactor import backup_codes, clock, emails, gate, totp, vault
from twofactor.errors import AlreadyOn, EnrolmentOver
from twofactor.events import TwoFactorTurnedOn
from twofactor.models import Authenticator, BackupCode, Enrolment, EnrolmentDue, Step


def find_enrolment(*, session: Session) -> Enrolment | None:
    """Return the half-made set-up of this session, or None: none, or older than 15 minutes. Changes nothing."""
    return Enrolment.objects.alive().select_related("user").filter(session=session).first()


def begin(*, user: User, session: Session, app: str, actor: Actor) -> Enrolment:
    """Note which app the person has and return their set-up; one that is under way goes on. Raises AlreadyOn and StaleProof."""
    with transaction.atomic():
        locked = User.objects.lock(user.pk)
        if Authenticator.objects.filter(user=locked).exists():
            raise AlreadyOn()
        sessions.require_alive(session)
        enrolment = _alive(session)
        if enrolment is None:
            Enrolment.objects.filter(session=session).delete()
            return Enrolment.objects.create(session=session, user=locked, app=app, epoch=user.session_epoch)
        enrolment.save_step(app=app)
        return enrolment


def prove(*, session: Session, proof: Proof, actor: Actor) -> Enrolment:
    """Take the password, and make the key; return the set-up. Raises EnrolmentOver and StaleProof."""
    with transaction.atomic():
        proof.redeem(User.objects.lock(proof.user_id))
        enrolment = _required(session)
        if enrolment.step == Step.PASSWORD:
            enrolment.step = Step.SCAN
            enrolment.save_step(secret=vault.seal(totp.new_secret(), user_id=enrolment.user_id))
        return enrolment


def go_on_to_code(*, session: Session, actor: Actor) -> Enrolment:
    """Note that the picture was scanned, and return the set-up. Raises EnrolmentOver."""
    with transaction.atomic():
        enrolment = _required(session)
        if enrolment.step == Step.SCAN:
            enrolment.step = Step.CODE
            enrolment.save_step()
        return enrolment


def check_code(*, session: Session, answer: str, actor: Actor) -> Enrolment:
    """Take the first code of the app, and make the backup codes; return the set-up.

    The code counts: it opens no login later. Raises EnrolmentOver, SetUpCodeWrong, and SetUpClockIsWrong, which names the drift.
    """
    with transaction.atomic():
        enrolment = _required(session)
        if enrolment.step != Step.CODE:
            return enrolment
        code = totp.parse(answer)
        steps = totp.steps_of(enrolment.key, code) if code else []
        if not steps:
            raise clock.diagnose_set_up(enrolment.key, code)
        enrolment.step = Step.CODES
        enrolment.keep(backup_codes.new_codes())
        enrolment.save_step(last_step=steps[0], codes=enrolment.codes)
        return enrolment


def leave(*, session: Session, actor: Actor) -> None:
    """Drop the set-up; nothing was on, and nothing is."""
    Enrolment.objects.filter(session=session).delete()


def finish(*, session: Session, actor: Actor, revoke_tokens: bool = False) -> list[Casualties]:
    """Turn two-factor authentication on and return what ended with that: every session, command-line logins, tokens if asked.

    Raises EnrolmentOver, also where a credential changed since the set-up began, and AlreadyOn where another browser finished first;
    then nothing has changed.
    """
    with transaction.atomic():
        found = Enrolment.objects.filter(session=session).values_list("user", flat=True).first()
        if found is None:
            raise EnrolmentOver()
        locked = User.objects.lock(found)
        if Authenticator.objects.filter(user=locked).exists():
            raise AlreadyOn()
        enrolment = _required(session)
        if enrolment.step != Step.CODES:
            raise EnrolmentOver()
        _turn_on(locked, enrolment)
        ended = credentials.announce(locked, change=Change.TWO_FACTOR_ON, actor=actor, revoke_tokens=revoke_tokens)
        event = TwoFactorTurnedOn(ended=credentials.counts(ended), tokens_revoked=revoke_tokens, app=enrolment.app)
        audit.record(event, subject=locked, actor=actor)
        emails.turned_on(locked, actor=actor, ended=ended)
        failpoint("two_factor.before_commit")
    return ended


def _turn_on(user: User, enrolment: Enrolment) -> None:
    Authenticator.objects.create(
        user=user, name=enrolment.app, secret=vault.seal(enrolment.key, user_id=user.pk), last_step=enrolment.last_step,
        last_used_at=timezone.now(),
    )  # fmt: skip
    BackupCode.objects.replace(user, enrolment.texts)
    Enrolment.objects.filter(user=user).delete()
    EnrolmentDue.objects.filter(user=user).delete()
    gate.settle(User.objects.filter(pk=user.pk))


def _required(session: Session) -> Enrolment:
    enrolment = _alive(session)
    if enrolment is None:
        raise EnrolmentOver()
    return enrolment


def _alive(session: Session) -> Enrolment | None:
    return Enrolment.objects.alive().filter(session=session).select_for_update(of=("self",)).first()
