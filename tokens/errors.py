"""Refusals of this room. The sentences stand alone: the dx client shows some under another name (DX_PROTOCOL 9)."""

from accounts.errors import EnrolmentNeeded, GatehouseError


class DeadToken(GatehouseError):
    """Base of what a presented token is refused with."""

    status = 401
    dx_type, dx_status = "InvalidAuthentication", 401


class TokenUnknown(DeadToken):
    """Unknown, malformed, of a switched-off person: one answer, so that nothing is learnt from it (TOK-05)."""

    code = "token_unknown"
    message = "The token could not be found"


class TokenExpired(DeadToken):
    """Its time is over; told only to who presents the whole text."""

    code = "token_expired"
    message = "The token has expired; log in again or make a new token"


class TokenRevoked(DeadToken):
    """It was revoked; told only to who presents the whole text."""

    code = "token_revoked"
    message = "The token was revoked; log in again or make a new token"


class TokenRetired(DeadToken):
    """A command-line login that a credential change logged out."""

    code = "token_retired"
    message = "This login has ended because a credential of your account changed; log in again"


class TokenReplaced(DeadToken):
    """Another token has taken its place, and the overlap is over."""

    code = "token_replaced"
    message = "The token was replaced by a new one; use the text of that one"


class TokenNotFound(GatehouseError):
    """No token of this person has this id."""

    code, status = "token_not_found", 404
    message = "There is no such token among yours"
    dx_type, dx_status = "ResourceNotFound", 404


class LabelRefused(GatehouseError):
    """The label breaks a rule; the sentence says which."""

    code, status, field = "label_refused", 422, "label"
    message = "{reason}"


class LabelTaken(GatehouseError):
    """Labels are unique among a person's live tokens; `token_id` is the one that has it, empty where the caller is not to know."""

    code, status, field = "label_taken", 409, "label"
    told = ("token_id",)
    message = "Another live token of yours has this label. Choose a different one, or revoke that token first"


class TokenLimit(GatehouseError):
    """Too many live tokens."""

    code, status = "token_limit", 409
    message = "You have {limit} live tokens, which is the most. Revoke some that are no longer used"
    dx_type, dx_status = "InvalidState", 422


class ExpiryRefused(GatehouseError):
    """The wished end is past, or too far away."""

    code, status, field = "expiry_refused", 422, "expires"
    message = "{reason}"


class ScopeRefused(GatehouseError):
    """`projects` has another shape than a scope; the sentence says which it may have."""

    code, status, field = "scope_refused", 422, "projects"
    message = "{reason}"


class ScopeTooWide(GatehouseError):
    """A level above the person's own in a project (S4.2)."""

    code, status, field = "scope_too_wide", 422, "projects"
    message = "You have {held} on {project}; a token cannot have {asked}. Choose {held} or lower"


class WiderThanToken(GatehouseError):
    """A token begets nothing that is wider than itself, or lives longer (TOK-07)."""

    code, status, field = "wider_than_token", 403, "projects"
    message = "This request came with a token that {reason}"
    dx_type, dx_status = "PermissionDenied", 401


class OutlivesToken(WiderThanToken):
    """The wished end is after that of the token that asks."""

    field = "expires"


class TooManyGenerations(GatehouseError):
    """A token made by a token made by a token, too often."""

    code, status = "too_many_generations", 403
    message = "This token was made by a token made by a token, too often already. Make one with a token nearer to the first, or on the page"
    dx_type, dx_status = "PermissionDenied", 401


class TokensNotAllowed(GatehouseError):
    """An organization of the person allows its members no API tokens (S7.2)."""

    code, status = "tokens_not_allowed", 403
    message = "{org} allows its members no API tokens. Those that you have keep their date; dx login works"
    dx_type, dx_status = "PermissionDenied", 401


class OwnerMustEnrol(EnrolmentNeeded):
    """The token is good, and its owner has to set two-factor authentication up before anything else (ORG-04)."""

    message = (
        "Your organization requires two-factor authentication, and you have not set it up. Do it on Account Security; then this token "
        "works again"
    )


class NotRotated(GatehouseError):
    """This token cannot be given a new text; the sentence says why."""

    code, status = "not_rotated", 409
    message = "{reason}"
    dx_type, dx_status = "InvalidState", 422


class KeyShapeRefused(GatehouseError):
    """The header Idempotency-Key is no plain short text."""

    code, status = "idempotency_key_refused", 400
    message = "Idempotency-Key must be 1 to {most} printable ASCII characters, for example a UUID"


class KeyReused(GatehouseError):
    """The Idempotency-Key stood on another request."""

    code, status = "idempotency_key_reused", 422
    message = "This Idempotency-Key stood on a request with another body within the last 24 hours. Use a new key for a new request"


class AlreadyMade(GatehouseError):
    """The request of this Idempotency-Key made a token, whose text was in that answer alone (TOK-13)."""

    code, status = "already_made", 409
    message = (
        "This request made the token {token_id} before, and its text cannot be told again. Rotate that token for a new text, or revoke "
        "it; a job's token is not rotated: register the job again"
    )
    told = ("token_id",)


class JobTokenMakesNone(GatehouseError):
    """The token of a job makes no tokens (TOK-07)."""

    code, status = "job_token_makes_none", 403
    message = "The token of a job cannot make tokens. Make one on the API Tokens page"
    dx_type, dx_status = "PermissionDenied", 401
