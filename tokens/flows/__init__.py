"""The acts of this room: what a person can do with tokens. Each is one transaction, with its event and mails inside."""

from tokens.flows.ending import expire_due, find_family, retire_due, retire_logins, revoke, revoke_all
from tokens.flows.logins import log_in
from tokens.flows.making import create
from tokens.flows.reminding import remind_due
from tokens.flows.renewing import rename, rotate
from tokens.flows.support import revoke_for_support

__all__ = [
    "create",
    "expire_due",
    "find_family",
    "log_in",
    "remind_due",
    "rename",
    "retire_due",
    "retire_logins",
    "revoke",
    "revoke_all",
    "revoke_for_support",
    "rotate",
]
