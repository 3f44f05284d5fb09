"""A login body that comes twice (CLI-04): the dx client sends it again when an answer is lost.

What is kept is a keyed digest of the body and what came of it, in the cache, for two minutes; the key is derived from
SECRET_KEY, which is in no database. A cache that forgets costs a count, or leaves one login more in the list.
"""

import json
from dataclasses import dataclass, field

from django.core.cache import cache
from django.utils.crypto import salted_hmac

from accounts.errors import EnrolmentNeeded, GatehouseError, PasswordDisabled, StepNeeded, StepRefused, WrongCredentials
from tokens import limits

_REFUSALS: dict[str, type[GatehouseError]] = {
    error.code: error for error in (WrongCredentials, StepNeeded, StepRefused, PasswordDisabled, EnrolmentNeeded)
}


@dataclass(frozen=True)
class LoginBody:
    """A login by password as it was sent; `expires` as it came. The secrets stay out of `repr`."""

    username: str
    password: str = field(repr=False)
    otp: str | None = field(repr=False)
    expires: object

    @property
    def key(self) -> str:
        """The name under which this body is remembered."""
        body = json.dumps([self.username, self.password, self.otp, self.expires])
        return "tokens.repeat:" + salted_hmac("tokens.repeats", body, algorithm="sha256").hexdigest()


@dataclass(frozen=True)
class Before:
    """What the same body led to: a refusal, or the login of this id, or (both None) a login that spent a code."""

    refusal: GatehouseError | None = None
    token_id: str | None = None


def recall(body: LoginBody) -> Before | None:
    """Return what came of this body within the last two minutes, or None."""
    kept = cache.get(body.key)
    if kept is None:
        return None
    outcome, value = kept
    if outcome == "passed":
        return Before(token_id=value)
    code, sentence = value
    refusal = _REFUSALS[code]()
    refusal.args = (sentence,)
    return Before(refusal=refusal)


def remember_refusal(body: LoginBody, error: GatehouseError) -> None:
    """Keep a refusal that depends on the body alone; a wait passes, so it is not kept."""
    # A refusal may be of a kind that only a room beside this one knows; its sentence is kept.
    known = next((code for code, kind in _REFUSALS.items() if isinstance(error, kind)), None)
    if known is not None:
        cache.set(body.key, ("refused", (known, str(error))), limits.REPEAT_MEMORY_SECONDS)


def remember_login(body: LoginBody, *, token_id: str | None) -> None:
    """Keep a login and its token; None for one that spent a code and cannot be repeated."""
    cache.set(body.key, ("passed", token_id), limits.REPEAT_MEMORY_SECONDS)
