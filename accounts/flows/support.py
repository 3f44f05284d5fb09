"""What support does for a person (S8.3): sessions, a reset mail, an unlock, the account off and on.

Each act asks again whether it may be done, in the transaction, and tells the security log and the person in it: who of support, what,
why. The same a second time raises NothingToDo, and nothing happens. Every one of them raises NotForSupport.
"""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import audit, credentials, emails, ids, limits, sessions, throttle
from accounts.audit import Actor
from accounts.clients import device_name
from accounts.credentials import NAMES_SHOWN, Casualties, Change
from accounts.digests import digest
from accounts.emails import Notice
from accounts.errors import NothingToDo
from accounts.events import SupportDeactivated, SupportEndedSessions, SupportMailedReset, SupportReactivated, SupportUnlocked
from accounts.failpoints import failpoint
from accounts.models import PasswordReset, Session, User, WhyEnded
from accounts.signals import unlocked
from accounts.support import Staff, require_may_act_on

_SESSIONS = "every web session of your account was ended. Tokens, and what runs on them, go on."
_UNLOCKED = "the wrong passwords and codes that were counted for your account are forgotten."
_OFF = "your account was switched off. Nobody can sign in to it, and every token of it is revoked."
_ON = "your account was switched on again. Sessions and tokens that ended with it stay ended."
_SIGN_IN = "You can sign in as always."


def end_sessions(*, staff: Staff, person: User, actor: Actor) -> list[Casualties]:
    """End every web session of `person` and return them. Tokens and what runs on them go on."""
    with transaction.atomic():
        locked = _lock(staff, person)
        rows = sessions.end_sessions(Session.objects.of(locked), why=WhyEnded.SUPPORT, actor=actor)
        if not rows:
            raise NothingToDo(reason="No session is open: nothing was ended")
        names = [device_name(row.user_agent) for row in rows[:NAMES_SHOWN]]
        ended = [Casualties("session", len(rows), names, verb="Ended")]
        event = SupportEndedSessions(staff.user.display_name, staff.reason, credentials.counts(ended))
        audit.record(event, subject=locked, actor=actor)
        emails.by_support(locked, staff, Notice("Support ended your Gatehouse sessions", _SESSIONS, _SIGN_IN), ended)
        failpoint("support.before_commit")
    return ended


def send_reset(*, staff: Staff, person: User, actor: Actor) -> None:
    """Mail a reset link to the stored address of `person`; nobody of support sees it, or where it goes (ADM-03).

    Older links end. Raises TooManyAttempts beyond 5 mails a day.
    """
    key = throttle.key_for("mails", person.email)
    with transaction.atomic():
        locked = _lock(staff, person)
        _require_no_fresh_reset(locked)
        throttle.spend(key, limit=limits.MAILS_PER_ACCOUNT_AND_DAY, window_seconds=limits.DAY_SECONDS)
        link_key, uid = ids.new_key(), ids.new_id()
        PasswordReset.objects.replace(locked, uid=uid, key_digest=digest(link_key))
        audit.record(SupportMailedReset(staff.user.display_name, staff.reason), subject=locked, actor=actor)
        emails.reset_by_support(locked, uid=uid, key=link_key, staff=staff)
        failpoint("support.before_commit")


def unlock(*, staff: Staff, person: User, actor: Actor) -> int:
    """Forget the wrong passwords and wrong codes of `person`, and return how many: the next right ones pass.

    The wait of an address, or of a browser that the account knows, passes by itself.
    """
    with transaction.atomic():
        locked = _lock(staff, person)
        forgotten = throttle.forgive(locked.username)
        answers: list[tuple[Any, Any]] = unlocked.send(User, user=locked, actor=actor)
        forgotten += sum(count or 0 for _, count in answers)
        if not forgotten:
            raise NothingToDo(reason="Nothing was locked: no failed attempt is counted for this account")
        audit.record(SupportUnlocked(staff.user.display_name, staff.reason, forgotten), subject=locked, actor=actor)
        emails.by_support(locked, staff, Notice("Support unlocked your Gatehouse account", _UNLOCKED, _SIGN_IN))
        failpoint("support.before_commit")
    return forgotten


def deactivate(*, staff: Staff, person: User, actor: Actor) -> list[Casualties]:
    """Switch the account of `person` off and return what ended with it: sessions, every token, what ran on them (SES-10)."""
    with transaction.atomic():
        locked = _lock(staff, person)
        if not locked.is_active:
            raise NothingToDo(reason="This account was switched off already")
        locked.is_active = False
        locked.save(update_fields=["is_active"])
        ended = credentials.announce(locked, change=Change.DEACTIVATED, actor=actor, revoke_tokens=True)
        event = SupportDeactivated(staff.user.display_name, staff.reason, credentials.counts(ended))
        audit.record(event, subject=locked, actor=actor)
        emails.by_support(locked, staff, Notice("Support switched your Gatehouse account off", _OFF), ended)
        failpoint("support.before_commit")
    return ended


def reactivate(*, staff: Staff, person: User, actor: Actor) -> None:
    """Switch the account of `person` on again: they can sign in. What ended when it was switched off stays ended."""
    with transaction.atomic():
        locked = _lock(staff, person)
        if locked.is_active:
            raise NothingToDo(reason="This account was switched on already")
        locked.is_active = True
        locked.save(update_fields=["is_active"])
        audit.record(SupportReactivated(staff.user.display_name, staff.reason), subject=locked, actor=actor)
        emails.by_support(locked, staff, Notice("Support switched your Gatehouse account on", _ON, _SIGN_IN))
        failpoint("support.before_commit")


def _lock(staff: Staff, person: User) -> User:
    """Return `person`, locked, if `staff` may act on them: as they are now, and not as the page knew them."""
    locked = User.objects.lock(person.pk)
    require_may_act_on(staff.user, locked)
    return locked


def _require_no_fresh_reset(person: User) -> None:
    now = timezone.now()
    if not person.is_active:
        raise NothingToDo(reason="This account is switched off: a new password would open nothing")
    lately = now - timedelta(seconds=limits.RESET_MAIL_PAUSE_SECONDS)
    if PasswordReset.objects.alive(now).filter(user=person, created__gt=lately).exists():
        raise NothingToDo(reason="A link was mailed within the last minute. It still works, and no second one was sent")
