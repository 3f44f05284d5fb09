"""The acts of this room: one function per thing a person can do, each one transaction with its event and mails inside."""

from accounts.flows.addresses import (
    cancel_email_change,
    confirm_email_change,
    find_email_change,
    request_email_change,
    withdraw_email_change,
)
from accounts.flows.passwords import change_password, find_reset, request_password_reset, reset_password
from accounts.flows.sessions import end_other_sessions, end_session, open_session, sign_out

__all__ = [
    "cancel_email_change",
    "change_password",
    "confirm_email_change",
    "end_other_sessions",
    "end_session",
    "find_email_change",
    "find_reset",
    "open_session",
    "request_email_change",
    "request_password_reset",
    "reset_password",
    "sign_out",
    "withdraw_email_change",
]
