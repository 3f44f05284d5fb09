"""Typed errors: a code for programs, a sentence for people. Each door renders the same error its own way."""

from collections.abc import Mapping
from typing import ClassVar

from accounts.wording import spell_wait


class GatehouseError(Exception):
    """Base of every refusal. `str(error)` is a sentence without a final full stop that says what to do next.

    `code` and `status` go to REST, `field` ties the sentence to a form field, `dx_type` and `dx_status` go to the
    dx client (which repeats 429 and 5xx without end, so a refusal never uses them there). `retry_after` is in seconds.
    `told` names the data that programs get beside the sentence.
    """

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400
    message: ClassVar[str] = "This cannot be done"
    field: str | None = None
    told: ClassVar[tuple[str, ...]] = ()
    dx_type: ClassVar[str] = "InvalidInput"
    dx_status: ClassVar[int] = 422
    retry_after: int | None = None

    def __init__(self, **data: object) -> None:
        self.data = data
        super().__init__(self.message.format(**data))


class InvalidInput(GatehouseError):
    """A value of a wrong shape; the sentence names it and says what it may be."""

    code, status = "invalid_input", 422
    message = "{reason}"


class FilterRefused(GatehouseError):
    """What a list of events is asked for cannot be; `wrong` says by filter what it must be."""

    code, status = "filter_refused", 422
    message = '"{name}" {reason}'

    def __init__(self, wrong: Mapping[str, str]) -> None:
        self.wrong = dict(wrong)
        self.field, reason = next(iter(self.wrong.items()))
        super().__init__(name=self.field, reason=reason)


class WrongCredentials(GatehouseError):
    """Unknown user, wrong password, inactive user, no usable password: one answer for all of them (LOG-01)."""

    code, status = "wrong_credentials", 401
    message = "Username or password is wrong. Check both and try again"
    dx_type, dx_status = "UsernameOrPasswordError", 401


class WrongPassword(GatehouseError):
    """The current password given to confirm an act is wrong."""

    code, status, field = "wrong_password", 403, "current_password"
    message = "This is not your current password. Try again"
    dx_type, dx_status = "PermissionDenied", 401


class TooManyAttempts(GatehouseError):
    """A counter is spent; `retry_after` says for how many seconds."""

    code, status = "too_many_attempts", 429
    message = "Too many attempts. Try again in {wait}"
    dx_type, dx_status = "TooManyAttempts", 401

    def __init__(self, *, seconds: int) -> None:
        self.retry_after = max(1, seconds)
        super().__init__(wait=spell_wait(self.retry_after))


class PasswordDisabled(GatehouseError):
    """A hundred wrong passwords in a row: only a reset by mail or support helps (NIST SP 800-63B-4, 3.2.2)."""

    code, status = "password_disabled", 403
    message = "This password is switched off after 100 wrong attempts. Reset it by mail, or contact support"
    dx_type, dx_status = "PasswordDisabled", 401


class WeakPassword(GatehouseError):
    """The chosen password breaks a rule; the sentence says which (LOG-11)."""

    code, status, field = "weak_password", 422, "new_password1"
    message = "{reason}"


class StaleProof(GatehouseError):
    """The account's credentials changed between the confirmation and the act."""

    code, status = "stale_proof", 409
    message = "Your account's credentials changed a moment ago in another place. Sign in again"
    dx_type, dx_status = "InvalidState", 422


class LoginOver(GatehouseError):
    """The login that waited for a code was completed by another request, or ended."""

    code, status = "login_over", 409
    message = "This sign-in is complete or over. Sign in again"


class EnrolmentNeeded(GatehouseError):
    """An organization of the person requires two-factor authentication, and they have not set it up (S6.9)."""

    code, status = "enrolment_needed", 403
    message = "Your organization requires two-factor authentication. Set it up on Account Security, then sign in again"
    dx_type, dx_status = "EnrolmentNeeded", 401


class StepNeeded(GatehouseError):
    """A login stage needs an answer before the login is complete (only told after the right password)."""

    code, status, field = "step_needed", 401, "otp"
    message = "Enter a code of your authenticator app, or a backup code"
    dx_type, dx_status = "OTPRequiredError", 401


class StepRefused(GatehouseError):
    """The answer to a login stage is wrong."""

    code, status, field = "step_refused", 401, "otp"
    message = "This code is wrong. Enter a new one"
    dx_type, dx_status = "OTPMismatchError", 401


class LinkDead(GatehouseError):
    """A reset or confirmation link that was used, replaced, cancelled, has expired, or never existed: one answer."""

    code, status = "link_dead", 410
    message = "It was used, replaced or cancelled, or its time is over. Ask for a new one"


class EmailUnchanged(GatehouseError):
    """The new address is the present one."""

    code, status, field = "email_unchanged", 422, "email"
    message = "This is your address already. Enter another one"


class EmailTaken(GatehouseError):
    """Somebody confirmed this address first; told only to the person who holds the mailbox (RST-07)."""

    code, status, field = "email_taken", 409, "email"
    message = "Another account uses this address meanwhile. Ask for a different one on Account Security"


class UsernameTaken(GatehouseError):
    """Another account has this username."""

    code, status, field = "username_taken", 409, "username"
    message = "Somebody has this username already. Choose another"
    dx_type, dx_status = "InvalidState", 422


class UsernameRefused(GatehouseError):
    """What was chosen can be no username."""

    code, status, field = "username_refused", 422, "username"
    message = "A username has 3 to 30 characters of a-z 0-9 . _ and begins with a letter. Choose another"


class AddressTaken(GatehouseError):
    """A new account is to have an address that one has already; told only to the person who holds the mailbox."""

    code, status = "address_taken", 409
    message = "There is an account with this address already. Sign in with it, then open the link again"
    dx_type, dx_status = "InvalidState", 422


class SessionNotFound(GatehouseError):
    """No live session of this person has this id."""

    code, status = "session_not_found", 404
    message = "There is no such session. It may have ended already; reload the list"
    dx_type, dx_status = "ResourceNotFound", 404


class NotAuthenticated(GatehouseError):
    """A request without credentials, or with credentials that this door does not take."""

    code, status = "not_authenticated", 401
    message = "Sign in first"
    dx_type, dx_status = "InvalidAuthentication", 401


class AccountOutOfReach(GatehouseError):
    """A token that reaches chosen projects only, or is held below its owner's level, asks for the account itself (TOK-07)."""

    code, status = "account_out_of_reach", 403
    message = "This token is limited to projects, and does not reach the account itself. Sign in, or use a token without limits"
    dx_type, dx_status = "PermissionDenied", 401


class ConfirmationNeeded(GatehouseError):
    """A sensitive act, and the password was given too long ago in this session (CRD-04)."""

    code, status, field = "confirmation_needed", 403, "current_password"
    message = "Enter your current password for this. It was given more than 10 minutes ago"
    dx_type, dx_status = "PermissionDenied", 401


class UserNotFound(GatehouseError):
    """No such user, or none that the caller may see."""

    code, status = "user_not_found", 404
    message = "There is no such user"
    dx_type, dx_status = "ResourceNotFound", 404


class NotForSupport(GatehouseError):
    """An act that this person may not do for support, or not on this account (ADM-03)."""

    code, status = "not_for_support", 403
    message = "{reason}"
    dx_type, dx_status = "PermissionDenied", 401


class ReasonNeeded(GatehouseError):
    """Every act of support says why (ADM-04)."""

    code, status, field = "reason_needed", 422, "reason"
    message = "Say why, in 10 to 500 characters. The person reads it in a mail, and it stands in the security log"


class NothingToDo(GatehouseError):
    """An act of support on something that is over already: a second click, or a colleague was faster. Nothing happened."""

    code, status = "nothing_to_do", 409
    message = "{reason}"
    dx_type, dx_status = "InvalidState", 422


class Busy(GatehouseError):
    """The machine hashes as many passwords as it can; nothing was counted or changed."""

    code, status = "busy", 503
    message = "The server is busy. Try again in a few seconds"
    dx_type, dx_status = "Busy", 401
    retry_after = 5
