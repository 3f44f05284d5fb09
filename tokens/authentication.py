"""The one check of a token (DESIGN 2.3), for REST, the dx protocol and transfers; no verdict outlives a request."""

import re
from datetime import datetime, timedelta

from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.audit import Actor
from accounts.clients import client_address
from accounts.compiled import CompiledGet
from accounts.digests import digest
from accounts.errors import NotAuthenticated
from accounts.models import User
from tokens import ends, keys, limits, tries
from tokens.caller import Caller
from tokens.errors import OwnerMustEnrol, TokenExpired, TokenReplaced, TokenRetired, TokenRevoked, TokenUnknown
from tokens.models import Token, TokenState

_HEADER = re.compile(r"(?i:bearer) ([!-~]+)", re.ASCII)  # RFC 6750, section 2.1, with exactly one blank
_LAST_USED = timedelta(seconds=limits.LAST_USED_SECONDS)

# The columns that a request needs; the user's password hash is not among them.
_by_digest = CompiledGet(
    Token,
    by="digest",
    joined="user",
    fields=[
        "public_id", "user", "kind", "label", "prefix", "state", "created", "expires", "everywhere", "retires_at", "last_used_at",
        "last_used_ip",
    ],
    joined_fields=["username", "email", "first_name", "last_name", "is_active", "session_epoch", "must_enrol_at"],
)  # fmt: skip


def authenticate(text: str, *, request: HttpRequest, door: str, to_log_out: bool = False) -> Caller:
    """Return who presents the token `text` with `request`. A wrong form or checksum costs no query, all else one SELECT.

    Raises TokenUnknown (also for a person who is switched off), TokenExpired, TokenRevoked, TokenRetired, TokenReplaced. That a
    revoked or expired one was tried is noted for its owner. Raises OwnerMustEnrol while the owner has to set a second factor up first,
    except for who wants `to_log_out` (ORG-04). What runs by then goes on: work in progress does not come by here.
    """
    token = known(text)
    now = timezone.now()
    if not token.lives_at(now):
        refuse(token, request, door)
    if not to_log_out:
        require_enrolled(token)
    note_use(token, now, request)
    return Caller(token, request=request, door=door)


def known(text: str) -> Token:
    """Return the token of this text, in whatever state it is; one SELECT, none for a wrong form. Raises TokenUnknown."""
    token = _by_digest.get(digest(text)) if keys.well_formed(text) else None
    if token is None or not token.user.is_active:
        raise TokenUnknown()
    return token


def caller_from_header(header: str | None, *, request: HttpRequest, door: str, to_log_out: bool = False) -> Caller:
    """Return who presents the `Authorization` header of `request`: the scheme Bearer in any case, one blank, a token.

    Raises NotAuthenticated without a header, TokenUnknown for one of another form (a doubled header among them).
    """
    return authenticate(text_in(header), request=request, door=door, to_log_out=to_log_out)


def text_in(header: str | None) -> str:
    """Return the text that an `Authorization` header presents. Raises NotAuthenticated without one, TokenUnknown for another form."""
    if header is None:
        raise NotAuthenticated()
    match = _HEADER.fullmatch(header)
    if match is None:
        raise TokenUnknown()
    return match[1]


def require_live(token: Token) -> None:
    """Return if the row `token` authenticates now; raise TokenRevoked, TokenExpired, TokenReplaced or TokenRetired."""
    if token.state == TokenState.REVOKED:
        raise TokenRevoked()
    if token.state == TokenState.EXPIRED or token.is_over:
        raise TokenExpired()
    if token.is_replaced:
        raise TokenReplaced()
    if token.state == TokenState.RETIRED:
        raise TokenRetired()


def require_enrolled(token: Token) -> None:
    """Return unless the owner of `token` has to set two-factor authentication up before anything else; then raise OwnerMustEnrol."""
    if token.user.must_enrol:
        raise OwnerMustEnrol()


def refuse(token: Token, request: HttpRequest, door: str) -> None:
    """Raise what a token that does not live is refused with; that a revoked or expired one was tried is noted for its owner."""
    try:
        require_live(token)
    except (TokenRevoked, TokenExpired):
        ends.expire_if_due(token)
        # Whoever it was: that they have the text does not make them its owner.
        tries.note(token, actor=Actor.from_request(request, door=door))
        raise


def note_use(token: Token, now: datetime, request: HttpRequest) -> None:
    """Write when and from where `token` was used, once a minute at most."""
    if token.last_used_at is not None and abs(now - token.last_used_at) < _LAST_USED:
        return
    ip = client_address(request)
    # The condition again in the statement: of many parallel requests one writes. A use that is far ahead was noted by a clock that went
    # back since (F11), one that is somewhat ahead by another machine's.
    noted = Q(last_used_at__gt=now - _LAST_USED, last_used_at__lt=now + _LAST_USED)
    Token.objects.exclude(noted).filter(pk=token.pk).update(last_used_at=now, last_used_ip=ip)
    token.last_used_at, token.last_used_ip = now, ip


class BearerAuthentication(BaseAuthentication):
    """DRF's way to `authenticate_header`; named in settings by its dotted path. `request.auth` is then a Caller."""

    def authenticate(self, request: Request) -> tuple[User, Caller] | None:
        """Return user and caller; None without the header. A bad one is an error, and the cookie no help (API-07)."""
        header = request.META.get("HTTP_AUTHORIZATION")
        if header is None:
            return None
        caller = caller_from_header(header, request=request._request, door="rest")
        return caller.user, caller

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401 (RFC 6750, section 3)."""
        return "Bearer"
