"""Changing a password, and resetting a forgotten one by mail."""

from dataclasses import replace

from django.db import transaction
from django.utils import timezone

from accounts import audit, credentials, emails, ids, limits, passwords, throttle
from accounts.audit import Actor
from accounts.clients import network_of
from accounts.credentials import Casualties, Change
from accounts.digests import digest
from accounts.errors import LinkDead, TooManyAttempts
from accounts.events import CredentialEnds, ResetAsked
from accounts.events import PasswordReset as PasswordResetEvent
from accounts.failpoints import failpoint
from accounts.models import PasswordReset, User
from accounts.reauth import Proof


def change_password(*, user: User, new_password: str, proof: Proof, actor: Actor, revoke_tokens: bool = False) -> list[Casualties]:
    """Set a new password and return what ended with the old one: every session, command-line logins, tokens if asked.

    Raises WeakPassword, StaleProof where another change came first, and StepRefused; then nothing has changed.
    """
    encoded = passwords.for_change(new_password, user)
    with transaction.atomic():
        locked = User.objects.lock(user.pk)
        proof.redeem(locked)
        passwords.store(locked, encoded)
        ended = credentials.announce(locked, change=Change.PASSWORD, actor=actor, revoke_tokens=revoke_tokens)
        audit.record(CredentialEnds(ended=credentials.counts(ended), tokens_revoked=revoke_tokens), subject=locked, actor=actor)
        emails.password_changed(locked, actor=actor, ended=ended)
        failpoint("password_change.before_commit")
    return ended


def request_password_reset(*, email: str, actor: Actor) -> None:
    """Mail a reset link to the person with this address. Returns nothing and costs the same whoever asks for whom (RST-01).

    A newer link ends the older ones. Beyond 5 mails a day for an account, or 20 an hour from an address, no mail leaves.
    """
    user = User.objects.active().with_email(email).first()
    allowed = _may_mail(email, actor)
    addressee = user if allowed else None
    key, uid = ids.new_key(), ids.new_id()
    with transaction.atomic():
        locked = User.objects.filter(pk=addressee.pk if addressee else 0).select_for_update(no_key=True).first()
        PasswordReset.objects.replace(locked, uid=uid, key_digest=digest(key))
        audit.record(ResetAsked(), subject=locked, actor=actor)
        emails.reset_link(locked, uid=uid, key=key, actor=actor)


def find_reset(*, uid: str, key_digest: str) -> User:
    """Return the person whose password this link resets; raise LinkDead where it is not alive. Changes nothing.

    `key_digest` is the digest of the key in the link (accounts.digests): the key itself is kept nowhere on the way.
    """
    found = PasswordReset.objects.alive(timezone.now()).select_related("user").filter(key_digest=key_digest).first()
    if found is None or found.user is None or found.uid != uid:
        raise LinkDead()
    return found.user


def reset_password(*, uid: str, key_digest: str, new_password: str, actor: Actor, revoke_tokens: bool = False) -> list[Casualties]:
    """Set a new password by a mailed link and return what ended; opens no session and skips no second factor (RST-05).

    Raises WeakPassword, and LinkDead where the link was used, replaced or outlived meanwhile; then nothing has changed.
    """
    user = find_reset(uid=uid, key_digest=key_digest)
    encoded = passwords.for_change(new_password, user)
    acting = replace(actor, user=user)
    with transaction.atomic():
        locked = User.objects.lock(user.pk)
        _spend_reset(uid, locked)
        passwords.store(locked, encoded)
        ended = credentials.announce(locked, change=Change.PASSWORD_RESET, actor=acting, revoke_tokens=revoke_tokens)
        throttle.forgive(locked.username)
        audit.record(PasswordResetEvent(ended=credentials.counts(ended), tokens_revoked=revoke_tokens), subject=locked, actor=acting)
        emails.password_changed(locked, actor=acting, ended=ended, by_reset=True)
        failpoint("password_reset.before_commit")
    return ended


def _may_mail(email: str, actor: Actor) -> bool:
    try:
        throttle.spend(f"mails:{network_of(actor.ip)}", limit=limits.MAILS_PER_ADDRESS_AND_HOUR, window_seconds=limits.HOUR_SECONDS)
        throttle.spend(throttle.key_for("mails", email), limit=limits.MAILS_PER_ACCOUNT_AND_DAY, window_seconds=limits.DAY_SECONDS)
    except TooManyAttempts:
        return False
    return True


def _spend_reset(uid: str, user: User) -> None:
    now = timezone.now()
    reset = PasswordReset.objects.alive(now).filter(uid=uid, user=user).first()
    if reset is None or PasswordReset.objects.filter(pk=reset.pk, used_at=None).update(used_at=now) != 1:
        raise LinkDead()
