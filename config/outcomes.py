"""Whether what a request asked for may have been stored although its answer is an error (REL-04)."""

from contextvars import ContextVar

from django.http import HttpRequest

UNKNOWN = (
    "The connection to the database broke off, and this may have been stored or not. Look whether it is there, for example in your"
    " security history, before you send it again"
)
UNKNOWN_CODE = "outcome_unknown"
_SAFE = ("GET", "HEAD", "OPTIONS")
_committing: ContextVar[bool] = ContextVar("committing", default=False)


def begin() -> None:
    """Begin a request: it has stored nothing."""
    _committing.set(False)


def committing() -> None:
    """Note that a COMMIT is about to be sent: from here on the lack of an answer says nothing."""
    _committing.set(True)


def is_unknown(request: HttpRequest) -> bool:
    """Return whether a request that fails now may have done what it was for, or a part that counts, such as a try."""
    return request.method not in _SAFE and _committing.get()
