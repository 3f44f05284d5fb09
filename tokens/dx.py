"""The dx client's door to logins and tokens (DX_PROTOCOL 2.2 to 2.4): plain functions, a body in and a dict out."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from django.http import HttpRequest
from django.utils import timezone

from accounts.audit import Actor
from accounts.callers import Body, text_of
from accounts.errors import InvalidInput
from tokens import flows, limits
from tokens.authentication import caller_from_header
from tokens.caller import Caller
from tokens.errors import TokenNotFound, UsePageForTokens
from tokens.flows import Minted
from tokens.models import EndReason, Token
from tokens.repeats import LoginBody

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def new_auth_token(request: HttpRequest, body: Body) -> dict[str, Any]:
    """Log in by password and return the new token, the one answer that has its text.

    The body tells the form: with `username` it is a password login, and an Authorization header counts for nothing
    (CLI-05).
    """
    if "username" not in body:
        caller_from_header(request.META.get("HTTP_AUTHORIZATION"), request=request, door="dx")
        raise UsePageForTokens()
    username, password = text_of(body, "username"), text_of(body, "password")
    asked = LoginBody(username, password, text_of(body, "otp", required=False), body.get("expires"))
    expires = moment_of(asked.expires)
    return _answer(flows.log_in(asked=asked, expires=expires, actor=Actor.from_request(request, door="dx")))


def destroy_auth_token(caller: Caller, body: Body) -> dict[str, Any]:
    """Revoke the caller's own token of this signature, the SHA-256 of its text.

    Raises TokenNotFound for an unknown one and for another's alike (CLI-07).
    """
    signature = text_of(body, "tokenSignature")
    # No form is asked of the signature but that the database can take it.
    token = None if "\x00" in signature else Token.objects.of(caller.user).filter(digest=signature).first()
    if token is None:
        raise TokenNotFound()
    flows.revoke(tokens=[token], actor=caller.actor, why=EndReason.LOGGED_OUT.value)
    return {"tokenSignature": signature}


def moment_of(expires: object) -> datetime | None:
    """Return the moment of `expires`, milliseconds since 1970 by the client's clock; None where the client has no wish.

    Raises InvalidInput for what is no whole number from now on up to 2^53 (CLI-06): no token is dead at birth.
    """
    if expires is None:
        return None
    if not _is_whole(expires):
        raise InvalidInput(reason='"expires" must be a whole number of milliseconds since 1970')
    if expires > limits.EPOCH_MS_MAX:
        raise InvalidInput(reason='"expires" is too large; give milliseconds since 1970')
    # Every wish beyond the longest life means the longest life; datetime could not hold some of them.
    latest = timezone.now() + timedelta(seconds=limits.LOGIN_LIFE_SECONDS)
    wish = min(int(expires), _ms(latest))
    if wish <= _ms(timezone.now()):
        raise InvalidInput(reason='"expires" is in the past; check the clock of this computer, or ask for more time')
    return _EPOCH + timedelta(milliseconds=wish)


def _answer(minted: Minted) -> dict[str, Any]:
    token = minted.token
    return {
        "access_token": minted.text,
        "token_type": "Bearer",
        "token_signature": token.digest,
        "user_id": token.user.public_id,
        "expires": _ms(token.expires),
        "created": _ms(token.created),
    }


def _is_whole(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value == int(value)


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


ROUTES = {"system/destroyAuthToken": destroy_auth_token}
OPEN_ROUTES = {"system/newAuthToken": new_auth_token}
