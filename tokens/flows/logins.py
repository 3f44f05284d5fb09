"""`dx login` with a password: the login of the web, which opens a token instead of a session."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from accounts import login, sessions, stopped
from accounts.audit import Actor
from accounts.errors import EnrolmentNeeded, GatehouseError, StepRefused
from accounts.login import Checked
from accounts.models import User
from orgs import policies
from tokens import expiry, minting, repeats, rules
from tokens.flows.ending import revoke
from tokens.labels import numbered
from tokens.minting import Minted
from tokens.models import EndReason, Token, TokenKind
from tokens.repeats import LoginBody


def log_in(*, asked: LoginBody, expires: datetime | None, actor: Actor) -> Minted:
    """Return the token of a new command-line login: password, stages and counters are those of the web (CLI-02).

    It ends when asked, after 30 days at most. The same body again within two minutes is answered as CLI-04 says. Raises what
    accounts.login raises, and TokenLimit.
    """
    before = repeats.recall(asked)
    if before is not None and before.token_id is None:
        raise before.refusal or StepRefused()
    checked = _check_login(asked, actor)
    known = Token.objects.of(checked.user).filter(kind=TokenKind.CLI, made_ip=actor.ip).exists()
    return login.finish(checked, actor=actor, new_device=not known, opens=lambda user: _open_login(user, asked, expires, actor, checked))


def _check_login(asked: LoginBody, actor: Actor) -> Checked:
    try:
        checked = login.check_password(username=asked.username, password=asked.password, device=None, actor=actor)
        _require_enrolled(checked.user, actor)
        return login.pass_stages(checked, asked.otp, actor)
    except GatehouseError as refusal:
        repeats.remember_refusal(asked, refusal)
        raise


def _require_enrolled(user: User, actor: Actor) -> None:
    since = sessions.must_enrol_from(user)
    if since is not None and since <= timezone.now():
        stopped.note(user, actor)
        raise EnrolmentNeeded()  # CLI-08


def _open_login(user: User, asked: LoginBody, expires: datetime | None, actor: Actor, checked: Checked) -> Minted:
    acting = replace(actor, user=user)
    label = numbered(f"dx login from {actor.ip or 'an unknown address'}", taken=Token.objects.of(user).labels_taken())
    allowed = policies.token_rules_for(user)
    token = Token(user=user, label=label, kind=TokenKind.CLI, expires=expiry.of_login(expires, now=timezone.now(), rules=allowed))
    minted = minting.mint(token, actor=acting)
    rules.rehearse(allowed, token)
    # Looked up again, now under the user's lock: of two copies of one body that come at once the second finds the first.
    before = repeats.recall(asked)
    if before is not None and before.token_id is not None:
        # The answer to the first was lost, or its token would have been used.
        unused = Token.objects.of(user).filter(public_id=before.token_id, last_used_at=None)
        revoke(tokens=unused, actor=acting, why=EndReason.REPEATED.value)
    if checked.by_second_factor:
        # Not before the commit: until then the code is not used up, whatever a cache says that outlives this process.
        transaction.on_commit(lambda: repeats.remember_login(asked, token_id=None))
    else:
        repeats.remember_login(asked, token_id=minted.token.public_id)
    return minted
