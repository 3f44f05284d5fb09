"""Backup codes: ten random texts, each good once.

A code has 59 random bits, so nobody finds it by trying, and a fast keyed hash is enough where a password needs a slow one: to check
one against all ten costs microseconds. The key is outside of the database, so that a dump of it cannot be searched (BKP-01).
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass

from django.conf import settings

from twofactor.limits import BACKUP_CODE_CHARS, BACKUP_CODES

ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # without what is taken for something else: 0 1 i l o
GROUP_CHARS = 4
SALT_BYTES = 16
_CODE = re.compile(rf"[{ALPHABET}]{{{BACKUP_CODE_CHARS}}}")
_SPACING = re.compile(r"[\s-]+")


@dataclass(frozen=True)
class Hashed:
    """What is stored of a code: the keyed hash, its salt, and which key made it."""

    salt: str
    key_name: str
    digest: str


def new_codes() -> list[str]:
    """Return ten new codes, as they are shown: three groups of four."""
    return [_grouped("".join(secrets.choice(ALPHABET) for _ in range(BACKUP_CODE_CHARS))) for _ in range(BACKUP_CODES)]


def parse(typed: str) -> str | None:
    """Return the code in what was typed: case, spaces and dashes are forgiven, nothing else is (BKP-03). None: it is no code."""
    code = _SPACING.sub("", typed).lower() if typed.isascii() else ""
    return code if _CODE.fullmatch(code) else None


def hashed(code: str, *, user_id: int) -> Hashed:
    """Return what to store of a new code of the person."""
    salt = secrets.token_hex(SALT_BYTES)
    return Hashed(salt=salt, key_name=name_of(settings.BACKUP_CODE_KEY), digest=_digest(code, user_id, salt, settings.BACKUP_CODE_KEY))


def matches(code: str, stored: Hashed, *, user_id: int) -> bool:
    """Return whether `code` is the stored one, compared in constant time; False where its key is no longer in settings."""
    keys = {name_of(key): key for key in (settings.BACKUP_CODE_KEY, *settings.BACKUP_CODE_KEY_FALLBACKS)}
    key = keys.get(stored.key_name)
    return key is not None and hmac.compare_digest(_digest(code, user_id, stored.salt, key), stored.digest)


def name_of(key: str) -> str:
    """Return a short name of a key, which tells nothing of it: which rows still need an old one."""
    return hashlib.sha256(f"twofactor.backup_codes:{key}".encode()).hexdigest()[:12]


def _digest(code: str, user_id: int, salt: str, key: str) -> str:
    return hmac.digest(key.encode(), f"{user_id}:{salt}:{code}".encode(), "sha256").hex()


def _grouped(code: str) -> str:
    return "-".join(code[start : start + GROUP_CHARS] for start in range(0, len(code), GROUP_CHARS))
