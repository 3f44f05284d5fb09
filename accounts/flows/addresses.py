"""Changing the e-mail address: asked for, confirmed by the new address, cancelled by the old one or by the person."""

from dataclasses import replace
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import audit, credentials, emails, ids, limits, throttle
from accounts.audit import Actor
from accounts.clients import network_of
from accounts.credentials import Casualties, Change
from accounts.digests import digest
from accounts.errors import EmailTaken, EmailUnchanged, LinkDead
from accounts.events import EmailChangeAsked, EmailChangeCancelled, EmailChanged
from accounts.failpoints import failpoint
from accounts.models import EmailChange, User
from accounts.reauth import Proof
from accounts.spelling import fold_email


def request_email_change(*, user: User, email: str, proof: Proof, actor: Actor) -> EmailChange:
    """Note the wish for a new address and return it; mails a link to the new address and a notice to the old one.

    Nothing else changes (S3.6). A newer wish replaces an older one. Raises EmailUnchanged, StaleProof, TooManyAttempts.
    Whether another account has the address is not told here; confirming it will be refused.
    """
    wanted = fold_email(email)
    if wanted == user.email:
        raise EmailUnchanged()
    asked = throttle.key_for("confirmations", user.username)
    throttle.spend(asked, limit=limits.MAILS_PER_ACCOUNT_AND_DAY, window_seconds=limits.DAY_SECONDS)
    throttle.spend(f"mails:{network_of(actor.ip)}", limit=limits.MAILS_PER_ADDRESS_AND_HOUR, window_seconds=limits.HOUR_SECONDS)
    confirm_key, cancel_key = ids.new_key(), ids.new_key()
    with transaction.atomic():
        locked = User.objects.lock(user.pk)
        proof.redeem(locked)
        change = _replace_pending(locked, wanted, confirm_key, cancel_key)
        audit.record(EmailChangeAsked(new=wanted), subject=locked, actor=actor)
        emails.confirm_address(change, key=confirm_key, actor=actor)
        emails.address_change_asked(change, key=cancel_key, actor=actor)
    return change


def find_email_change(*, confirm_key: str | None = None, cancel_key: str | None = None) -> EmailChange:
    """Return the pending change that a link names, its user joined; raise LinkDead. Changes nothing."""
    wanted = {"confirm_digest": digest(confirm_key)} if confirm_key else {"cancel_digest": digest(cancel_key or "")}
    found = EmailChange.objects.alive(timezone.now()).select_related("user").filter(**wanted).first()
    if found is None:
        raise LinkDead()
    return found


def confirm_email_change(*, key: str, actor: Actor, revoke_tokens: bool = False) -> list[Casualties]:
    """Make the new address the person's own and return what ended with that (a credential change, S3.1).

    Raises LinkDead, and EmailTaken where another account confirmed the address first; then nothing has changed.
    """
    change = find_email_change(confirm_key=key)
    acting = replace(actor, user=change.user)
    with transaction.atomic():
        locked = User.objects.lock(change.user_id)
        _take(change, EmailChange.State.CONFIRMED)
        _store(locked, change.new_email)
        ended = credentials.announce(locked, change=Change.EMAIL, actor=acting, revoke_tokens=revoke_tokens)
        counted = credentials.counts(ended)
        event = EmailChanged(ended=counted, tokens_revoked=revoke_tokens, old=change.old_email, new=change.new_email)
        audit.record(event, subject=locked, actor=acting)
        emails.address_changed(locked, change=change, actor=acting, ended=ended)
        failpoint("email_change.before_commit")
    return ended


def cancel_email_change(*, key: str, actor: Actor) -> EmailChange:
    """End a pending change by the link mailed to the old address, without a login; return it. Raises LinkDead."""
    return _cancel(find_email_change(cancel_key=key), actor)


def withdraw_email_change(*, user: User, actor: Actor) -> EmailChange:
    """End the pending change of a signed-in person and return it; raise LinkDead where there is none."""
    pending = EmailChange.objects.alive(timezone.now()).select_related("user").filter(user=user).first()
    if pending is None:
        raise LinkDead()
    return _cancel(pending, actor)


def _cancel(change: EmailChange, actor: Actor) -> EmailChange:
    with transaction.atomic():
        locked = User.objects.lock(change.user_id)
        _take(change, EmailChange.State.CANCELLED)
        audit.record(EmailChangeCancelled(new=change.new_email), subject=locked, actor=actor)
        emails.address_change_cancelled(change, actor=actor)
    return change


def _take(change: EmailChange, state: EmailChange.State) -> None:
    # Asked again under the user's lock; the conditional UPDATE lets one of two take it.
    still = EmailChange.objects.alive(timezone.now()).filter(pk=change.pk).exists()
    if not still or EmailChange.objects.pending().filter(pk=change.pk).update(state=state) != 1:
        raise LinkDead()


def _store(user: User, email: str) -> None:
    user.email = email
    try:
        with transaction.atomic():
            user.save(update_fields=["email"])
    except IntegrityError as taken:
        raise EmailTaken() from taken
    failpoint("credentials.after_email_saved")


def _replace_pending(user: User, wanted: str, confirm_key: str, cancel_key: str) -> EmailChange:
    EmailChange.objects.pending().filter(user=user).update(state=EmailChange.State.REPLACED)
    return EmailChange.objects.create(
        user=user, old_email=user.email, new_email=wanted, epoch=user.session_epoch,
        confirm_digest=digest(confirm_key), cancel_digest=digest(cancel_key),
        expires=timezone.now() + timedelta(seconds=limits.EMAIL_LINK_LIFE_SECONDS),
    )  # fmt: skip
