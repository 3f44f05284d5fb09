"""The sentences in which work ends: the same at every door."""

from accounts.audit import Actor
from tokens.models import reason_words
from tokens.work.models import Job, Reason, Work

# The convention of the dx ecosystem for this reason (DX_PROTOCOL 7.3, 6.7); what really happened stands behind it.
_AUTH = {
    "job": "The job can no longer be run because a launching authentication token has been revoked or expired",
    "upload": "The upload can no longer continue (AuthError): its authentication token has been revoked or has expired",
    "download": "The download can no longer continue (AuthError): its authentication token has been revoked or has expired",
}
DEAD_END = _AUTH["upload"]


def auth_error(noun: str, why: str) -> str:
    """Return the sentence for work whose token is over; `why` is the act, as the token's row has it."""
    return f"{_AUTH[noun]} ({reason_words(why)})" if why else _AUTH[noun]


def for_others(message: str) -> str:
    """Return a sentence as others than the owner read it: not by which act of theirs a token ended."""
    bare = next((sentence for sentence in _AUTH.values() if message.startswith(sentence)), None)
    return bare or message


def ended(noun: str, actor: Actor) -> str:
    """Return the sentence for work that a person ended."""
    return f"The {noun} was ended by {actor.user.public_id if actor.user else 'somebody'}"


def access_lost(noun: str) -> str:
    """Return the sentence for work whose person, or token, lost the project."""
    return f"The {noun} can no longer continue: access to its project was taken away"


def deleted(noun: str) -> str:
    """Return the sentence for work whose project was deleted."""
    return f"The {noun} can no longer continue: its project was deleted"


def abandoned(noun: str) -> str:
    """Return the sentence for an upload of which nothing came any more."""
    return f"The {noun} was given up: nothing was heard of it for 24 hours"


VANISHED = "The executor of the job was not heard of for longer than its lease; it may have crashed, or lost its network"


def over(work: Work) -> str:
    """Return the sentence for work that has ended in some other way."""
    if isinstance(work, Job) and work.failure_reason == Reason.ENDED:
        return work.failure_message
    return f"The {work.noun} has ended"
