"""The device cookie: which accounts completed a login from this browser before (OWASP, "Device cookies").

Signed with a key of its own; holds a random id and keyed marks of at most ten accounts, no secret and no number of theirs.
It opens nothing: it only gives its browser a failure counter of its own, so that strangers cannot lock the owner out (LOG-06).
"""

from dataclasses import dataclass

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from accounts import limits
from accounts.ids import new_id
from accounts.models import User

_SALT = "accounts.devices"


@dataclass(frozen=True)
class Device:
    """A browser: its random id, and a mark of each account that signed in from it, latest first."""

    id: str
    users: tuple[str, ...] = ()

    def knows(self, user: User | None) -> bool:
        """Return whether `user` completed a login from here before."""
        return user is not None and not _marks(user).isdisjoint(self.users)


def read(request: HttpRequest) -> Device:
    """Return the device of `request`; a new one where the cookie is missing or not ours."""
    try:
        kept = _signer().unsign_object(request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""))
        return Device(id=str(kept["id"]), users=tuple(str(mark) for mark in kept["users"]))
    except (signing.BadSignature, KeyError, TypeError, ValueError):
        return Device(id=new_id())


def remember(response: HttpResponse, device: Device, user: User) -> None:
    """Set the cookie of `device` on `response`, with `user` first among its accounts."""
    theirs = _marks(user)
    users = (_mark(user, settings.DEVICE_COOKIE_KEY), *(mark for mark in device.users if mark not in theirs))[: limits.DEVICE_COOKIE_USERS]
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        _signer().sign_object({"id": device.id, "users": users}),
        max_age=limits.DEVICE_COOKIE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def _mark(user: User, key: str) -> str:
    return salted_hmac(_SALT, str(user.pk), secret=key, algorithm="sha256").hexdigest()[:16]


def _marks(user: User) -> set[str]:
    return {_mark(user, key) for key in (settings.DEVICE_COOKIE_KEY, *settings.DEVICE_COOKIE_KEY_FALLBACKS)}


def _signer() -> signing.Signer:
    # Its own fallbacks: by default Django would take those of SECRET_KEY, and a cookie signed with one of them for ours.
    return signing.Signer(key=settings.DEVICE_COOKIE_KEY, fallback_keys=[*settings.DEVICE_COOKIE_KEY_FALLBACKS], salt=_SALT)
