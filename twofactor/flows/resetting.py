"""A reset of two-factor authentication by support, for somebody who lost app and codes (S6.11, ADM-05): one of support asks, another
agrees, the person can object until the wait is over, then the worker takes it off.

Locks: the person first, then the request. A request ends once: whatever comes second finds it closed.
"""

from datetime import timedelta
from typing import Any

from django.core import signing
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit, credentials, throttle
from accounts import limits as account_limits
from accounts.audit import Actor
from accounts.credentials import Change
from accounts.digests import digest
from accounts.errors import LinkDead, NotForSupport
from accounts.failpoints import failpoint
from accounts.models import User
from accounts.support import Staff, is_support, require_may_act_on
from orgs import policies
from twofactor import emails, limits, removal
from twofactor.errors import NotOn, ResetNotFound, ResetOpen, ResetOver, SecondPersonNeeded
from twofactor.events import ResetAgreed, ResetAsked, ResetDone, ResetObjected, ResetOvertaken, ResetWithdrawn
from twofactor.models import Authenticator, ResetRequest

_SALT = "twofactor.resetting"
State = ResetRequest.State


def ask(*, staff: Staff, person: User, actor: Actor) -> ResetRequest:
    """Note that support wants to take it off for `person`, and tell them at once; return the request, to which another must agree.

    Raises NotForSupport, NotOn, ResetOpen, and TooManyAttempts beyond 20 an hour of one of support or 5 a day for one person.
    """
    require_may_act_on(staff.user, person)
    _spend(staff, person)
    with transaction.atomic():
        locked = User.objects.lock(person.pk)
        require_may_act_on(staff.user, locked)  # as they are now
        if not locked.is_active:
            raise NotForSupport(reason="This account is switched off. Switch it on first")
        if not Authenticator.objects.filter(user=locked).exists():
            raise NotOn()
        row = _create(locked, staff, policies.reset_wait_hours_for(locked))
        told = {"reset_id": row.public_id, "asked_by": staff.user.username, "asked_reason": staff.reason}
        audit.record(ResetAsked(**told), subject=locked, actor=actor)
        emails.reset_asked(row, key=_key(row))
        return row


def agree(*, staff: Staff, request_id: str, actor: Actor, person: User | None = None) -> ResetRequest:
    """Agree to what another of support asked for, and tell the person until when they can object; return the request.

    How long they can was settled when it was asked for. Raises ResetNotFound, also where the request is not of `person`, where one is
    given, NotForSupport, also where whoever asked may act on them no longer, ResetOver, and SecondPersonNeeded for whoever asked.
    """
    with transaction.atomic():
        row = _locked(staff, request_id, person)
        if row.state != State.ASKED:
            raise ResetOver()
        if row.asked_by_id == staff.user.pk:
            raise SecondPersonNeeded()
        if not _may_still(row.asked_by, row.user):
            raise NotForSupport(reason="Whoever asked works for support no longer. Withdraw it, and ask anew")
        row.state, row.agreed_by, row.agreed_reason = State.AGREED, staff.user, staff.reason
        row.agreed_at = timezone.now()
        row.due_at = row.agreed_at + timedelta(hours=row.wait_hours)
        # The same link as in the first mail, and a new one where SECRET_KEY was changed since.
        row.key_digest = digest(_key(row))
        row.save(update_fields=["state", "agreed_by", "agreed_reason", "agreed_at", "due_at", "key_digest"])
        audit.record(ResetAgreed(**_told(row), due_at=row.due_at.isoformat()), subject=row.user, actor=actor)
        emails.reset_agreed(row, key=_key(row))
        return row


def withdraw(*, staff: Staff, request_id: str, actor: Actor, person: User | None = None) -> ResetRequest:
    """End an open request for support, whoever asked, and tell the person; return it.

    Raises ResetNotFound, also where the request is not of `person`, where one is given, NotForSupport, ResetOver.
    """
    with transaction.atomic():
        row = _locked(staff, request_id, person)
        _withdraw(row, by=staff.user, reason=staff.reason, actor=actor)
        return row


def _withdraw(row: ResetRequest, *, by: User | None, reason: str, actor: Actor) -> None:
    _end(row, State.WITHDRAWN)
    event = ResetWithdrawn(**_told(row), withdrawn_by=by.username if by else "", reason=reason)
    audit.record(event, subject=row.user, actor=actor)
    emails.reset_withdrawn(row, by=by, reason=reason)


def find_open_reset(*, user: User) -> ResetRequest | None:
    """Return the open request for `user`, with who asked and agreed joined, or None. Changes nothing."""
    return ResetRequest.objects.open().select_related("asked_by", "agreed_by").filter(user=user).first()


def find_reset_by_key(*, key: str) -> ResetRequest:
    """Return the open request that a mailed link names, with everybody joined; raise LinkDead. Changes nothing."""
    joined = ResetRequest.objects.open().select_related("user", "asked_by", "agreed_by")
    found = joined.filter(key_digest=digest(key)).first()
    if found is None:
        raise LinkDead()
    return found


def object_(*, key: str, actor: Actor) -> ResetRequest:
    """End an open request by the mailed link, without a login, and confirm that by mail; return it. Raises LinkDead."""
    return _object(find_reset_by_key(key=key), by_link=True, actor=actor)


def object_here(*, user: User, actor: Actor) -> ResetRequest:
    """End the open request for a signed-in person and return it; raise LinkDead where there is none."""
    found = find_open_reset(user=user)
    if found is None:
        raise LinkDead()
    return _object(found, by_link=False, actor=actor)


def overtake(*, user: User, by: str, actor: Actor) -> bool:
    """End the open request for `user` (locked), who showed that they need none; return whether there was one.

    `by` says how they did, as the log will read.
    """
    found = find_open_reset(user=user)
    if found is None:
        return False
    _end(found, State.OVERTAKEN)
    audit.record(ResetOvertaken(**_told(found), by=by), subject=user, actor=actor)
    return True


def carry_out_due() -> int:
    """Take it off for everybody whose wait is over, each in a transaction of its own; return how many. Safe twice, and in two workers."""
    due = ResetRequest.objects.due(timezone.now()).order_by("due_at", "pk").values_list("pk", "user_id")
    return sum(_carry_out(pk, user_id) for pk, user_id in list(due[: limits.RESET_BATCH_ROWS]))


def _carry_out(pk: int, user_id: int) -> bool:
    now, worker = timezone.now(), Actor.worker()
    with transaction.atomic():
        policies.hold_rules(user_id)
        user = User.objects.lock(user_id)
        row = ResetRequest.objects.due(now).select_related("asked_by", "agreed_by").filter(pk=pk).first()
        if row is None:
            return False  # ended a moment ago
        row.user = user
        if not user.is_active or user.session_epoch != row.epoch:
            overtake(user=user, by="the account changed", actor=worker)
            return False
        if not all(by is not None and _may_still(by, user) for by in (row.asked_by, row.agreed_by)):
            _withdraw(row, by=None, reason="Whoever asked or agreed may act on this account no longer", actor=worker)
            return False
        _end(row, State.DONE)
        # Where an organization wants it they set it up at the next sign-in, also within a grace period: they had it already.
        removal.take_off(user, must_enrol=policies.second_factor_rule(user) is not None)
        ended = credentials.announce(user, change=Change.TWO_FACTOR_RESET, actor=worker)
        audit.record(ResetDone(**_told(row), ended=credentials.counts(ended)), subject=user, actor=worker)
        emails.reset_done(row, ended=ended)
        failpoint("two_factor.before_commit")
        return True


def _object(found: ResetRequest, *, by_link: bool, actor: Actor) -> ResetRequest:
    with transaction.atomic():
        user = User.objects.lock(found.user_id)
        try:
            _end(found, State.OBJECTED)
        except ResetOver as over:
            raise LinkDead() from over
        audit.record(ResetObjected(**_told(found), by_link=by_link), subject=user, actor=actor)
        emails.reset_objected(found, user=user, actor=actor)
    return found


def _end(row: ResetRequest, state: str) -> None:
    """Give an open request its end, by one conditional UPDATE. Raises ResetOver where it had one."""
    now = timezone.now()
    if ResetRequest.objects.open().filter(pk=row.pk).update(state=state, ended_at=now) != 1:
        raise ResetOver()
    row.state, row.ended_at = state, now


def _may_still(staff: User, person: User) -> bool:
    try:
        require_may_act_on(staff, person)
    except NotForSupport:
        return False
    return is_support(staff)


def _locked(staff: Staff, request_id: str, of: User | None) -> ResetRequest:
    """Return the request of this id, person and row locked, for somebody of support who may act on that person."""
    found = ResetRequest.objects.pick(request_id).values_list("user_id", flat=True).first()
    if found is None or (of is not None and of.pk != found):
        raise ResetNotFound()
    person = User.objects.lock(found)
    require_may_act_on(staff.user, person)
    row = ResetRequest.objects.select_related("user", "asked_by").select_for_update(of=("self",)).get(public_id=request_id)
    if row.state not in ResetRequest.OPEN:
        raise ResetOver()
    return row


def _create(user: User, staff: Staff, wait_hours: int) -> ResetRequest:
    row = ResetRequest(user=user, asked_by=staff.user, asked_reason=staff.reason, epoch=user.session_epoch, wait_hours=wait_hours)
    row.key_digest = digest(_key(row))
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as taken:
        raise ResetOpen() from taken
    return row


def _key(row: ResetRequest) -> str:
    # Derived and not kept: both mails carry the same link, and a copy of the table opens nothing.
    return signing.Signer(salt=_SALT).sign(row.public_id)


def _spend(staff: Staff, person: User) -> None:
    by_staff, of_person = throttle.key_for("resets-by", staff.user.username), throttle.key_for("resets-of", person.username)
    throttle.spend(by_staff, limit=limits.RESETS_PER_STAFF_AND_HOUR, window_seconds=account_limits.HOUR_SECONDS)
    throttle.spend(of_person, limit=limits.RESETS_PER_PERSON_AND_DAY, window_seconds=account_limits.DAY_SECONDS)


def _told(row: ResetRequest) -> dict[str, Any]:
    agreed = row.agreed_by.username if row.agreed_by else ""
    return {
        "reset_id": row.public_id, "asked_by": row.asked_by.username, "asked_reason": row.asked_reason,
        "agreed_by": agreed, "agreed_reason": row.agreed_reason,
    }  # fmt: skip
