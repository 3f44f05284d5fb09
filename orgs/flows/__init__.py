"""The acts of this room: one function per thing an admin, a member or an invited person can do, each one transaction."""

from orgs.drafting import PolicyWishes
from orgs.flows.founding import found, rename, update
from orgs.flows.invitations import (
    accept,
    accept_as_new,
    decline,
    find_invitation,
    find_invitations_for,
    find_pending,
    invite,
    withdraw,
)
from orgs.flows.members import Lost, change_level, change_levels, find_losses, find_member, leave, remove
from orgs.flows.policies import PoliciesSet, set_policies

__all__ = [
    "Lost",
    "PoliciesSet",
    "PolicyWishes",
    "accept",
    "accept_as_new",
    "change_level",
    "change_levels",
    "decline",
    "find_invitation",
    "find_invitations_for",
    "find_losses",
    "find_member",
    "find_pending",
    "found",
    "invite",
    "leave",
    "remove",
    "rename",
    "set_policies",
    "update",
    "withdraw",
]
