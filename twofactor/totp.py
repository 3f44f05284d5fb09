"""One-time codes by the clock (RFC 6238, over RFC 4226): six digits, 30 seconds, SHA-1, what every app reads."""

import base64
import hmac
import re
import secrets
from urllib.parse import quote, urlencode

from django.utils import timezone
from django_otp.oath import hotp

from twofactor.limits import DIGITS, SECRET_BYTES, STEP_SECONDS, WINDOW_STEPS

ISSUER = "Gatehouse"
_CODE = re.compile(rf"[0-9]{{{DIGITS}}}", re.ASCII)
_BLANKS = str.maketrans("", "", " \t\u00a0")


def new_secret() -> bytes:
    """Return 160 random bits (RFC 4226, section 4)."""
    return secrets.token_bytes(SECRET_BYTES)


def step_now() -> int:
    """Return the number of the present step: how many times 30 seconds have passed since 1970."""
    return int(timezone.now().timestamp()) // STEP_SECONDS


def parse(typed: str) -> str | None:
    """Return the six ASCII digits of a typed code, without its blanks; None for anything else (OTP-03)."""
    code = typed.translate(_BLANKS)
    return code if _CODE.fullmatch(code) else None


def steps_of(secret: bytes, code: str, *, reach: int = WINDOW_STEPS) -> list[int]:
    """Return the steps within `reach` of now whose code this is, the nearest first. Each is compared, in constant time."""
    now = step_now()
    found = [step for step in range(now - reach, now + reach + 1) if hmac.compare_digest(code_at(secret, step), code)]
    return sorted(found, key=lambda step: abs(step - now))


def code_at(secret: bytes, step: int) -> str:
    """Return the code of a step."""
    return f"{hotp(secret, step, digits=DIGITS):0{DIGITS}d}"


def base32(secret: bytes) -> str:
    """Return the key as apps let people type it."""
    return base64.b32encode(secret).decode()


def uri(secret: bytes, account: str) -> str:
    """Return what the QR picture says: the key URI that authenticator apps read."""
    query = urlencode({"secret": base32(secret), "issuer": ISSUER, "algorithm": "SHA1", "digits": DIGITS, "period": STEP_SECONDS})
    return f"otpauth://totp/{quote(f'{ISSUER}:{account}')}?{query}"
