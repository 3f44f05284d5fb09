"""Refusals of this room. The sentences stand alone: the dx client shows some under another name (DX_PROTOCOL 9)."""

from accounts.errors import GatehouseError


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


class TokenNotFound(GatehouseError):
    """No token of this person has this id."""

    code, status = "token_not_found", 404
    message = "There is no such token. Reload the list and choose again"
    dx_type, dx_status = "ResourceNotFound", 404


class LabelRefused(GatehouseError):
    """The label breaks a rule; the sentence says which."""

    code, status, field = "label_refused", 422, "label"
    message = "{reason}"


class LabelTaken(GatehouseError):
    """Labels are unique among a person's live tokens; `token` is the id of the one that has it."""

    code, status, field = "label_taken", 409, "label"
    message = "Another live token of yours ({token}) has this label. Choose a different one, or revoke that token first"


class TokenLimit(GatehouseError):
    """Too many live tokens."""

    code, status = "token_limit", 409
    message = "You have {limit} live tokens, which is the most. Revoke some that are no longer used"
    dx_type, dx_status = "InvalidState", 422


class ExpiryRefused(GatehouseError):
    """The wished end is past, or too far away."""

    code, status, field = "expiry_refused", 422, "expires"
    message = "{reason}"


class WiderThanToken(GatehouseError):
    """A token begets nothing that is wider or lives longer than itself (TOK-07)."""

    code, status, field = "wider_than_token", 403, "expires"
    message = "This request came with a token that ends at {end}; a token made by it cannot live longer"
    dx_type, dx_status = "PermissionDenied", 401


class JobTokenMakesNone(GatehouseError):
    """The token of a job makes no tokens (TOK-07)."""

    code, status = "job_token_makes_none", 403
    message = "The token of a job cannot make tokens. Make one on the API Tokens page"
    dx_type, dx_status = "PermissionDenied", 401


class OnlyAllProjects(GatehouseError):
    """A scope that this release cannot hold."""

    code, status, field = "only_all_projects", 422, "projects"
    message = 'A token reaches all projects at your own level. Leave "projects" out, or give {{"*": "ADMINISTER"}}'


class UsePageForTokens(GatehouseError):
    """`newAuthToken` with a bearer and without a password."""

    code, status = "use_page_for_tokens", 403
    message = "A token makes no token at this address. Make it on the API Tokens page of My Profile"
    dx_type, dx_status = "PermissionDenied", 401
