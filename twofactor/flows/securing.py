""" "I may be compromised" (N7): one act that changes everything by which somebody else may have got in."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from accounts import audit, credentials, passwords
from accounts import flows as account_flows
from accounts.audit import Actor, Event
from accounts.credentials import Casualties, Change
from accounts.errors import LinkDead
from accounts.failpoints import failpoint
from accounts.models import SecurityEvent, User
from accounts.reauth import Proof
from twofactor import emails, removal
from twofactor.events import AccountSecured


def secure_account(*, user: User, new_password: str, proof: Proof, since: datetime, renew_2fa: bool, actor: Actor) -> list[Casualties]:
    """Set a new password, revoke every token, end every session and what runs, withdraw a pending change of address; return what ended.

    With `renew_2fa` the app's key and the backup codes go too, and it must be set up at the next sign-in, also by somebody who had
    none. `since` is from when on the person doubts: the log and the mail name it, and lead to the report. Reset links, and a reset by
    support, die with it. Raises as `change_password` does; then nothing has changed.
    """
    encoded = passwords.for_change(new_password, user)
    with transaction.atomic():
        locked = User.objects.lock(user.pk)
        proof.redeem(locked)
        passwords.store(locked, encoded)
        withdrawn = _withdraw_email_change(locked, actor)
        if renew_2fa:
            removal.take_off(locked, must_enrol=True)
        ended = credentials.announce(locked, change=Change.SECURED, actor=actor, revoke_tokens=True)
        event = AccountSecured(
            ended=credentials.counts(ended), tokens_revoked=True, since=since.isoformat(), two_factor_renewed=renew_2fa,
            email_change_withdrawn=withdrawn,
        )  # fmt: skip
        audit.record(event, subject=locked, actor=actor)
        emails.account_secured(locked, actor=actor, ended=ended, event=event)
        failpoint("two_factor.before_commit")
    return ended


def find_report(*, user: User) -> str:
    """Return the path of the report for somebody who secured their account within the last day, as the way on; empty for others.

    Changes nothing. Setting two-factor authentication up, which comes first, would lose it.
    """
    lately = SecurityEvent.objects.filter(subject=user, event=Event.ACCOUNT_SECURED.value, at__gte=timezone.now() - timedelta(days=1))
    latest = lately.order_by("-at", "-id").first()
    told = audit.payload_of(latest) if latest else None
    return told.page if told else ""


def _withdraw_email_change(user: User, actor: Actor) -> bool:
    try:
        account_flows.withdraw_email_change(user=user, actor=actor)
    except LinkDead:
        return False
    return True
