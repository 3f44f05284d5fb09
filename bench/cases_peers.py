"""The peers' side: REST framework's own tokens and knox, and what is timed.

REST framework's are one for each person. Of knox's ten times as many, a tenth of the people have one each, the others eleven.
"""

import hashlib
from collections.abc import Iterator

from django.contrib.auth.models import User
from django.utils import timezone
from knox.models import AuthToken  # type: ignore[import-untyped]
from knox.settings import CONSTANTS, knox_settings  # type: ignore[import-untyped]
from rest_framework.authtoken.models import Token

from bench import people
from bench.child import Case
from bench.handling import getting, handler
from bench.seeding import copies, fill, hexadecimal, numbers, shuffled
from bench.sizes import Sizes

_AUTHTOKEN_CHARS = 40
TOKENS_OF_MANY = 11


def seed(sizes: Sizes) -> None:
    """Fill the tables."""
    people.insert(User, sizes.users)
    copies(Token(), {"key": f"substr({_text_sql('authtoken')}, 1, {_AUTHTOKEN_CHARS})", "user_id": "n.i"}, numbers(sizes.users))
    ones = _with_one(sizes.users)
    copies(
        AuthToken(expiry=timezone.now() + knox_settings.TOKEN_TTL),
        {
            "digest": hexadecimal("sha512", _text_sql("knox")),
            "token_key": f"substr({_text_sql('knox')}, 1, {CONSTANTS.TOKEN_KEY_LENGTH})",
            "user_id": f"CASE WHEN n.i <= {ones} THEN n.i ELSE {ones + 1} + (n.i - {ones + 1}) %% {sizes.users - ones} END",
        },
        numbers(_knox_tokens(sizes.users)),
    )
    fill("ANALYZE", [])


def cases(sizes: Sizes) -> dict[str, Case]:
    """Return what is timed, by name."""
    through, ones = handler(None), _with_one(sizes.users)

    def asking(path: str, peer: str, which: Iterator[int], length: int | None = None) -> Case:
        return lambda: getting(through, path, HTTP_AUTHORIZATION=f"Token {_text(peer, next(which))[:length]}")

    return {
        "authtoken": asking("/authtoken/me/", "authtoken", shuffled(1, sizes.users), _AUTHTOKEN_CHARS),
        "knox": asking("/knox/me/", "knox", shuffled(1, ones)),
        "knox-many": asking("/knox/me/", "knox", shuffled(ones + 1, _knox_tokens(sizes.users))),
    }


def _text(peer: str, number: int) -> str:
    return hashlib.sha256(f"{peer}{number}".encode()).hexdigest()


def _text_sql(peer: str) -> str:
    return hexadecimal("sha256", f"'{peer}' || n.i")


def _with_one(users: int) -> int:
    return users // 10


def _knox_tokens(users: int) -> int:
    ones = _with_one(users)
    return ones + TOKENS_OF_MANY * (users - ones)
