"""The acts of this room: one function per thing a person can do, each one transaction with its event and mails inside."""

from twofactor.flows.backup_codes import close_handout, download, find_handout, renew_backup_codes
from twofactor.flows.enrolling import begin, check_code, find_enrolment, finish, go_on_to_code, leave, prove
from twofactor.flows.turning_off import turn_off

__all__ = [
    "begin",
    "check_code",
    "close_handout",
    "download",
    "find_enrolment",
    "find_handout",
    "finish",
    "go_on_to_code",
    "leave",
    "prove",
    "renew_backup_codes",
    "turn_off",
]
