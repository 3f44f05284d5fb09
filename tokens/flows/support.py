"""What support does with the tokens of a person (S8.3): revoke some, or all of them."""

from collections.abc import Collection

from django.db import transaction

from accounts import audit, credentials, emails
from accounts.audit import Actor
from accounts.credentials import NAMES_SHOWN, Casualties
from accounts.emails import Notice
from accounts.errors import NothingToDo
from accounts.failpoints import failpoint
from accounts.models import User
from accounts.support import Staff, require_may_act_on
from tokens.events import SupportRevokedTokens
from tokens.flows.ending import revoke
from tokens.models import EndReason, Token
from tokens.running import Blast

_NOTICE = Notice(
    "Support revoked tokens of your Gatehouse account",
    "tokens of your account were revoked. Everything that holds them is refused from its next request on, and what ran on them failed.",
    "Make new ones under My Profile, API Tokens.",
)


def revoke_for_support(*, staff: Staff, person: User, public_ids: Collection[str] | None, actor: Actor) -> Blast:
    """Revoke the tokens of `person` with these ids, all of them where None; return what ended, and what ran on it.

    Raises TokenNotFound where one is not theirs (nothing is revoked then), NotForSupport, and NothingToDo the second time.
    """
    with transaction.atomic():
        locked = User.objects.lock(person.pk)
        require_may_act_on(staff.user, locked)
        theirs = Token.objects.of(locked)
        chosen = list(theirs.with_authority().only("pk", "user")) if public_ids is None else theirs.pick(public_ids)
        blast = revoke(tokens=chosen, actor=actor, why=EndReason.SUPPORT.value)
        if not blast.tokens:
            raise NothingToDo(reason="No token was left to revoke: nothing was ended")
        labels = [token.label for token in blast.tokens[:NAMES_SHOWN]]
        ended = [Casualties("token", len(blast.tokens), labels, verb="Revoked"), *blast.work]
        event = SupportRevokedTokens(staff.user.display_name, staff.reason, credentials.counts(ended))
        audit.record(event, subject=locked, actor=actor)
        emails.by_support(locked, staff, _NOTICE, ended)
        failpoint("support.before_commit")
    return blast
