"""Refusals of this room. A stranger's organization is as unknown as one that does not exist (ORG-01)."""

from accounts.errors import GatehouseError


class OrgNotFound(GatehouseError):
    """No such organization, or none of the caller's: one answer for both (ORG-01)."""

    code, status = "org_not_found", 404
    message = "There is no such organization, or you are not a member of it"
    dx_type, dx_status = "ResourceNotFound", 404


class AdminNeeded(GatehouseError):
    """The caller is a member, and this is for its admins."""

    code, status = "admin_needed", 403
    message = "Only an ADMIN of the organization can do this"
    dx_type, dx_status = "PermissionDenied", 401


class OrgMemberNotFound(GatehouseError):
    """This person is no member of the organization."""

    code, status, field = "org_member_not_found", 404, "user"
    message = "This person is not a member of the organization"
    dx_type, dx_status = "ResourceNotFound", 404


class InviteeNotFound(GatehouseError):
    """Nobody has this username."""

    code, status, field = "invitee_not_found", 404, "user"
    message = "There is nobody with this username. Check the spelling; invite by username, as in user-amy"
    dx_type, dx_status = "ResourceNotFound", 404


class LastAdmin(GatehouseError):
    """An organization keeps one admin at least who can sign in (S7.4)."""

    code, status, field = "last_admin", 409, "level"
    message = "An organization keeps at least one admin who can sign in. Make somebody else ADMIN first"
    dx_type, dx_status = "InvalidState", 422


class AlreadyMember(GatehouseError):
    """The person of this username is a member; told only where a username was given, never for an address (ORG-06)."""

    code, status, field = "already_member", 409, "user"
    message = "{who} a member already; an admin can change the level on the list of members"
    dx_type, dx_status = "InvalidState", 422


class InvitationNotFound(GatehouseError):
    """No pending invitation of this organization has this id."""

    code, status = "invitation_not_found", 404
    message = "There is no such invitation. It may have been answered already; reload the list"
    dx_type, dx_status = "ResourceNotFound", 404


class InvitationForOther(GatehouseError):
    """Another account than the invited one opens the link; whether there is one with that address is not told (ORG-06)."""

    code, status = "invitation_for_other", 403
    message = "This invitation is not for the account that you are signed in with. {who} can accept it: sign out, then open the link again"
    dx_type, dx_status = "PermissionDenied", 401


class TooManyInvitations(GatehouseError):
    """So many invitations of one organization wait for an answer that there can be no further one."""

    code, status = "too_many_invitations", 409
    message = "{most} invitations wait for an answer. Withdraw some first"
    dx_type, dx_status = "InvalidState", 422


class HandleTaken(GatehouseError):
    """Another organization has this handle."""

    code, status, field = "handle_taken", 409, "handle"
    message = "Another organization has this handle. Choose a different one"
    dx_type, dx_status = "InvalidState", 422


class OrgValueRefused(GatehouseError):
    """The handle or the name of an organization breaks a rule; the sentence says which."""

    code, status, field = "org_value_refused", 422, "name"
    message = "{reason}"


class HandleRefused(OrgValueRefused):
    """The handle breaks a rule."""

    field = "handle"


class PolicyRefused(GatehouseError):
    """A policy cannot be what is wished for; `field` is its name in REST, the sentence says what it may be.

    `report_only`: it was to be tried out.
    """

    code, status = "policy_refused", 422
    message = "{reason}"

    def __init__(self, policy: str, reason: str, *, report_only: bool = False) -> None:
        self.field, self.report_only = str(policy), report_only
        super().__init__(reason=reason)
