"""The acts of this room: one function per thing a person can do, each one transaction with its event and mails inside."""

from twofactor.flows.backup_codes import close_handout, download, find_handout, renew_backup_codes
from twofactor.flows.enrolling import begin, check_code, find_enrolment, finish, go_on_to_code, leave, prove
from twofactor.flows.resetting import (
    agree,
    ask,
    carry_out_due,
    find_open_reset,
    find_reset_by_key,
    object_,
    object_here,
    overtake,
    withdraw,
)
from twofactor.flows.securing import find_report, secure_account
from twofactor.flows.turning_off import turn_off

__all__ = [
    "agree",
    "ask",
    "begin",
    "carry_out_due",
    "check_code",
    "close_handout",
    "download",
    "find_enrolment",
    "find_handout",
    "find_open_reset",
    "find_report",
    "find_reset_by_key",
    "finish",
    "go_on_to_code",
    "leave",
    "object_",
    "object_here",
    "overtake",
    "prove",
    "renew_backup_codes",
    "secure_account",
    "turn_off",
    "withdraw",
]
