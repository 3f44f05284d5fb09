"""Passwords: spelling, strength, and one bounded hash per question (NIST SP 800-63B-4, 3.1.1; OWASP ASVS 6.2)."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import DEFAULT_HASH_LENGTH
from argon2.low_level import Type, hash_secret
from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher as DjangoArgon2Hasher
from django.contrib.auth.hashers import check_password, get_hasher, identify_hasher, is_password_usable, make_password
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts import limits, meters
from accounts.connections import release
from accounts.errors import Busy, WeakPassword
from accounts.failpoints import failpoint
from accounts.models import User
from accounts.spelling import normalise_password

HASH_WAIT_SECONDS = 10
SALT_BYTES = 16
PRODUCT_NAME = "gatehouse"
FURTHER_CHARS = 6  # beside a name that anybody knows, at least so many more (LOG-11)

T = TypeVar("T")
_slots = BoundedSemaphore(settings.HASH_CONCURRENCY)
# In threads of their own: the allocator keeps what a hash took for the thread that took it, and sixty-four that answer requests would
# keep sixty-four times as much.
_threads = ThreadPoolExecutor(max_workers=settings.HASH_CONCURRENCY, thread_name_prefix="hash")


class Argon2Hasher(DjangoArgon2Hasher):
    """argon2id with the operator's parameters; the default is the least that OWASP recommends (19 MiB, t=2, p=1)."""

    time_cost = settings.ARGON2_TIME_COST
    memory_cost = settings.ARGON2_MEMORY_KIB
    parallelism = settings.ARGON2_PARALLELISM

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Spend, after a wrong password, what an older hash cost less: an account cannot be told from none by its age (LOG-02)."""
        old = self.decode(encoded)
        missing = self.time_cost * self.memory_cost - old["time_cost"] * old["memory_cost"]
        passes = round(missing / self.memory_cost)
        if passes > 0:
            cost = {"time_cost": passes, "memory_cost": self.memory_cost, "parallelism": self.parallelism}
            hash_secret(password.encode(), os.urandom(SALT_BYTES), hash_len=DEFAULT_HASH_LENGTH, type=Type.ID, **cost)


def encode(password: str) -> str:
    """Return the hash to store. Slow on purpose: never call it inside a transaction (REL-01). Raises Busy."""
    return _hashing(lambda: make_password(normalise_password(password)))


def matches(password: str, user: User | None) -> bool:
    """Return whether this is the password of `user`, at the cost of one hash whoever asks for whom (LOG-02). Raises Busy.

    No user, an inactive one, one without a usable password: the hash is spent all the same.
    """
    candidate = _candidate(password)
    if candidate is None or user is None or not user.is_active or not is_password_usable(user.password):
        _hashing(lambda: make_password(get_random_string(22)))
        return False
    encoded = user.password
    return _hashing(lambda: check_password(candidate, encoded))


def is_outdated(encoded: str) -> bool:
    """Return whether a stored hash was made with older parameters than today's."""
    preferred = get_hasher("default")
    hasher = identify_hasher(encoded)
    return hasher.algorithm != preferred.algorithm or preferred.must_update(encoded)


def require_strong(password: str, *, username: str, email: str) -> None:
    """Raise WeakPassword, naming the rule, unless the password may be chosen (LOG-11)."""
    chosen = _candidate(password)
    if chosen is None:
        raise WeakPassword(reason=f"Use at most {limits.PASSWORD_MAX_CHARS} characters; this has {len(password)}")
    if len(chosen) < settings.PASSWORD_MIN_LENGTH:
        raise WeakPassword(
            reason=f"Use at least {settings.PASSWORD_MIN_LENGTH} characters; this has {len(chosen)}. Several words in a row are fine"
        )
    if _is_common(chosen):
        raise WeakPassword(reason="This password is among the 20,000 most used ones, which are tried first. Choose another")
    for name, what in (
        (username, "your username"),
        (email, "your e-mail address"),
        (email.partition("@")[0], "your e-mail name"),
        (PRODUCT_NAME, "the name of this product"),
    ):
        if _is_mostly(chosen, name):
            raise WeakPassword(
                reason=f"This is little more than {what}. Add at least {FURTHER_CHARS} characters that do not follow from it"
            )


def for_change(password: str, user: User) -> str:
    """Return the hash of a password that `user` chose anew. Slow, like `encode`. Raises WeakPassword and Busy."""
    require_strong(password, username=user.username, email=user.email)
    return encode(password)


def store(user: User, encoded: str) -> None:
    """Write a new hash into the row of `user`, which is locked; a flow announces the change."""
    user.password, user.password_changed = encoded, timezone.now()
    user.save(update_fields=["password", "password_changed"])
    failpoint("credentials.after_password_saved")


def _candidate(password: str) -> str | None:
    """Return the password as it would be hashed; None for one that is too long to be anybody's."""
    if len(password) > limits.PASSWORD_TYPED_MAX_CHARS:
        return None
    candidate = normalise_password(password)
    return candidate if len(candidate) <= limits.PASSWORD_MAX_CHARS else None


def _is_common(chosen: str) -> bool:
    try:
        _common_passwords().validate(chosen)
        _common_passwords().validate(chosen.casefold())
    except ValidationError:
        return True
    return False


@lru_cache(maxsize=1)
def _common_passwords() -> CommonPasswordValidator:
    return CommonPasswordValidator()


def _is_mostly(chosen: str, name: str) -> bool:
    folded, known = chosen.casefold(), name.casefold()
    return bool(known) and known in folded and len(folded.replace(known, "")) < FURTHER_CHARS


def _hashing(work: Callable[[], T]) -> T:
    # Each hash takes ARGON2_MEMORY_KIB and a core: more of them at once than cores would starve everybody else.
    # Nobody needs the database meanwhile, and others do.
    release()
    with meters.hash_wait():
        if not _slots.acquire(timeout=HASH_WAIT_SECONDS):
            raise Busy()
    try:
        return _threads.submit(work).result()
    finally:
        _slots.release()
