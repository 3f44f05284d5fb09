"""The dx client's door to logins and tokens (DX_PROTOCOL 2.2 to 2.4): plain functions, a body in and a dict out."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from accounts.audit import Actor
from accounts.callers import Body, mapping_of, require_account, text_of
from accounts.errors import InvalidInput
from accounts.moments import EPOCH, milliseconds, whole_milliseconds
from tokens import expiry, flows, labels, scope
from tokens.authentication import caller_from_header
from tokens.caller import Caller
from tokens.errors import TokenNotFound
from tokens.minting import Minted
from tokens.models import EndReason, Token, TokenKind
from tokens.repeats import LoginBody
from tokens.scope import Scope


def new_auth_token(request: HttpRequest, body: Body) -> dict[str, Any]:
    """Log in by password, or have a token make a narrower one, and return the new token: the one answer that has its text.

    The body tells the form: with `username` it is a password login, and an Authorization header counts for nothing (CLI-05).
    """
    if "username" not in body:
        return _answer(_by_bearer(request, body))
    username, password = text_of(body, "username"), text_of(body, "password")
    asked = LoginBody(username, password, text_of(body, "otp", required=False), body.get("expires"))
    ends = moment_of(asked.expires, latest=expiry.of_login(None, now=timezone.now()))
    return _answer(flows.log_in(asked=asked, expires=ends, actor=Actor.from_request(request, door="dx")))


def destroy_auth_token(caller: Caller, body: Body) -> dict[str, Any]:
    """Revoke the caller's own token of this signature, the SHA-256 of its text.

    Raises TokenNotFound for an unknown one and for another's alike (CLI-07), and AccountOutOfReach where a token that is limited
    names another one than itself.
    """
    signature = text_of(body, "tokenSignature")
    # No form is asked of the signature but that the database can take it.
    token = None if "\x00" in signature else Token.objects.of(caller.user).filter(digest=signature).first()
    if token is None:
        raise TokenNotFound()
    if token != caller.token:
        require_account(caller, to_change=True)
    flows.revoke(tokens=[token], actor=caller.actor, why=EndReason.LOGGED_OUT.value)
    return {"tokenSignature": signature}


def moment_of(expires: object, *, latest: datetime) -> datetime | None:
    """Return the moment of `expires`, milliseconds since 1970 by the client's clock, `latest` at most; None where there is no wish.

    Raises InvalidInput for what is no whole number from now on up to 2^53 (CLI-06): no token is dead at birth.
    """
    if expires is None:
        return None
    # Every wish beyond the longest life means the longest life; datetime could not hold some of them.
    wish = min(whole_milliseconds(expires, "expires"), milliseconds(latest))
    if wish <= milliseconds(timezone.now()):
        raise InvalidInput(reason='"expires" is in the past; check the clock of this computer, or ask for more time')
    return EPOCH + timedelta(milliseconds=wish)


def _by_bearer(request: HttpRequest, body: Body) -> Minted:
    caller = caller_from_header(request.META.get("HTTP_AUTHORIZATION"), request=request, door="dx")
    label = text_of(body, "label", required=False) or _label(caller)
    ends = moment_of(body.get("expires"), latest=min(expiry.longest(timezone.now()), caller.token.end_of_use))
    return flows.create(
        user=caller.user, label=label, expires=ends, reach=_scope(body), kind=TokenKind.API, actor=caller.actor, presenter=caller.token
    )


def _scope(body: Body) -> Scope | None:
    asked = mapping_of(body, "scope")
    return scope.parse(asked["projects"]) if "projects" in asked else None


def _label(caller: Caller) -> str:
    return labels.numbered(labels.made_with(caller.token.label), taken=Token.objects.of(caller.user).labels_taken())


def _answer(minted: Minted) -> dict[str, Any]:
    token = minted.token
    return {
        "access_token": minted.text,
        "token_type": "Bearer",
        "token_signature": token.digest,
        "user_id": token.user.public_id,
        "expires": milliseconds(token.expires),
        "created": milliseconds(token.created),
    }


LOG_OUT = "system/destroyAuthToken"  # open to somebody who can do nothing else before setting a second factor up
ROUTES = {LOG_OUT: destroy_auth_token}
OPEN_ROUTES = {"system/newAuthToken": new_auth_token}
