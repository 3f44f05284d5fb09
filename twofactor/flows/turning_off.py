"""Turning two-factor authentication off."""

from django.db import transaction

from accounts import audit, credentials
from accounts.audit import Actor
from accounts.credentials import Casualties, Change
from accounts.failpoints import failpoint
from accounts.models import User
from accounts.reauth import Proof
from orgs import policies
from twofactor import emails, removal
from twofactor.errors import NotOn, TwoFactorRequired
from twofactor.events import TwoFactorTurnedOff


def turn_off(*, user: User, proof: Proof, actor: Actor, revoke_tokens: bool = False) -> list[Casualties]:
    """Forget the app's key and the backup codes; return what ended with that, as for every credential change.

    Raises TwoFactorRequired where somebody requires it of the person (S6.9), NotOn, StaleProof and StepRefused; then nothing has
    changed, and the code was not used up.
    """
    with transaction.atomic():
        policies.hold_rules(user.pk)  # one of them may begin to require it in this moment
        locked = User.objects.lock(user.pk)
        if (rule := policies.second_factor_rule(locked)) is not None:
            raise TwoFactorRequired(who=rule.org_name)
        proof.redeem(locked)
        if not removal.take_off(locked, must_enrol=False):
            raise NotOn()
        ended = credentials.announce(locked, change=Change.TWO_FACTOR_OFF, actor=actor, revoke_tokens=revoke_tokens)
        audit.record(TwoFactorTurnedOff(ended=credentials.counts(ended), tokens_revoked=revoke_tokens), subject=locked, actor=actor)
        emails.turned_off(locked, actor=actor, ended=ended)
        failpoint("two_factor.before_commit")
    return ended
