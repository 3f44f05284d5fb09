"""The acts of this room: one function per thing a person can do, each one transaction with its event and mails inside."""

from accounts.flows.addresses import (
    cancel_email_change,
    confirm_email_change,
    find_email_change,
    request_email_change,
    withdraw_email_change,
)
from accounts.flows.exporting import begin_export
from accounts.flows.passwords import change_password, find_reset, request_password_reset, reset_password
from accounts.flows.registering import register
from accounts.flows.sessions import end_other_sessions, end_session, open_session, sign_out
from accounts.flows.staffing import appoint, dismiss
from accounts.flows.support import deactivate, end_sessions, reactivate, send_reset, unlock

__all__ = [
    "appoint",
    "begin_export",
    "cancel_email_change",
    "change_password",
    "confirm_email_change",
    "deactivate",
    "dismiss",
    "end_other_sessions",
    "end_session",
    "end_sessions",
    "find_email_change",
    "find_reset",
    "open_session",
    "reactivate",
    "register",
    "request_email_change",
    "request_password_reset",
    "reset_password",
    "send_reset",
    "sign_out",
    "unlock",
    "withdraw_email_change",
]
