"""Refusals of this room."""

from accounts.errors import GatehouseError, StepRefused


class ClockIsWrong(StepRefused):
    """The last two codes came from a clock that is off by the same time (S6.10); told only then, so that one guess learns nothing."""

    code = "clock_is_wrong"
    message = (
        "Your last two codes were {minutes} {age}: the phone's clock is about {minutes} {drift}. Set Date and Time to automatic on the "
        "phone, then enter a new code"
    )


class CodesUnreadable(StepRefused):
    """The key of the app cannot be decrypted: the server lost its own key (F18)."""

    code = "codes_unreadable"
    message = "Codes of your app cannot be checked at the moment. Enter a backup code, or contact support"


class SetUpClockIsWrong(GatehouseError):
    """At set-up the drift is named at once: who sets up holds the key."""

    code, status, field = "set_up_clock_is_wrong", 422, "otp"
    message = (
        "This code is {minutes} {age}: the phone's clock is about {minutes} {drift}. Set Date and Time to automatic on the phone, "
        "then enter a new code"
    )


class SetUpCodeWrong(GatehouseError):
    """A code that the key in the picture does not make now."""

    code, status, field = "set_up_code_wrong", 422, "otp"
    message = "This code is wrong. Enter the six digits that the app shows now for Gatehouse"


class EnrolmentOver(GatehouseError):
    """No half-made set-up of this session: it took longer than 15 minutes, was left, or was finished."""

    code, status = "enrolment_over", 409
    message = "This set-up is over: it lasts 15 minutes. Nothing has changed. Delete its entry in the app, and begin again"
    dx_type, dx_status = "InvalidState", 422


class AlreadyOn(GatehouseError):
    """Two-factor authentication is on."""

    code, status = "two_factor_already_on", 409
    message = "Two-factor authentication is on already"
    dx_type, dx_status = "InvalidState", 422


class NotOn(GatehouseError):
    """Two-factor authentication is off."""

    code, status = "two_factor_not_on", 409
    message = "Two-factor authentication is off already"
    dx_type, dx_status = "InvalidState", 422


class TwoFactorRequired(GatehouseError):
    """An organization of the person requires it (S6.9)."""

    code, status = "two_factor_required", 403
    message = "{who} requires two-factor authentication: it cannot be turned off while you are a member"
    dx_type, dx_status = "PermissionDenied", 401


class ResetOpen(GatehouseError):
    """A reset by support is under way for this person."""

    code, status = "reset_open", 409
    message = "A reset is under way for this person already. Agree to it, or withdraw it"
    dx_type, dx_status = "InvalidState", 422


class ResetOver(GatehouseError):
    """The reset was agreed to, or is over."""

    code, status = "reset_over", 409
    message = "This reset no longer waits for that: a colleague, the person or time was faster. Reload the page"
    dx_type, dx_status = "InvalidState", 422


class ResetNotFound(GatehouseError):
    """No reset of this id."""

    code, status = "reset_not_found", 404
    message = "There is no such reset"
    dx_type, dx_status = "ResourceNotFound", 404


class SecondPersonNeeded(GatehouseError):
    """Whoever asked cannot agree as well (ADM-05)."""

    code, status = "second_person_needed", 403
    message = "A reset takes two: somebody else of support has to agree to it"
    dx_type, dx_status = "PermissionDenied", 401


class NothingToDownload(GatehouseError):
    """The file was handed out already, or the codes are no longer shown."""

    code, status = "nothing_to_download", 404
    message = "The file is handed out once. Print the codes while they are shown, or make new ones"
    dx_type, dx_status = "ResourceNotFound", 404
