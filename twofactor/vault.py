"""What must be read again is stored encrypted: the key of an app, and backup codes until they are saved (DESIGN 2.4, OTP-01).

Fernet knows no context, so the person's id stands inside the plaintext: a ciphertext moved to another person's row is unreadable.
"""

import base64
import hmac
from functools import lru_cache
from typing import Union

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

Sealed = Union[bytes, "memoryview[int]"]  # as SQLite and PostgreSQL give it


class Unreadable(Exception):
    """No key that settings name opens it, or it belongs to somebody else."""


def seal(secret: bytes, *, user_id: int) -> bytes:
    """Return `secret` of the person encrypted with TOTP_KEY."""
    return _keys().encrypt(_bound(user_id) + secret)


def unseal(sealed: Sealed, *, user_id: int) -> bytes:
    """Return the secret in `sealed`, by whichever key it was written. Raises Unreadable."""
    try:
        plain = _keys().decrypt(bytes(sealed))
    except InvalidToken as error:
        raise Unreadable from error
    owner = _bound(user_id)
    if not plain.startswith(owner):
        raise Unreadable
    return plain.removeprefix(owner)


def is_current(sealed: Sealed) -> bool:
    """Return whether TOTP_KEY itself opens it, so that it needs none of the old keys."""
    try:
        _fernet(settings.TOTP_KEY).decrypt(bytes(sealed))
    except InvalidToken:
        return False
    return True


def reseal(sealed: Sealed) -> bytes:
    """Return the same secret encrypted with TOTP_KEY. Raises Unreadable where no key opens it."""
    try:
        return _keys().rotate(bytes(sealed))
    except InvalidToken as error:
        raise Unreadable from error


def _bound(user_id: int) -> bytes:
    return f"user {user_id}:".encode()


def _keys() -> MultiFernet:
    return MultiFernet([_fernet(text) for text in (settings.TOTP_KEY, *settings.TOTP_KEY_FALLBACKS)])


@lru_cache(maxsize=16)
def _fernet(text: str) -> Fernet:
    # The variable is a random text of 50 characters or more; Fernet wants 32 bytes in base 64.
    return Fernet(base64.urlsafe_b64encode(hmac.digest(text.encode(), b"twofactor.vault", "sha256")))
