"""Refusals of this room."""

from accounts.errors import GatehouseError


class OrgNotFound(GatehouseError):
    """No such organization, or none of the caller's: one answer for both (ORG-01)."""

    code, status = "org_not_found", 404
    message = "There is no such organization, or you are not a member of it"
    dx_type, dx_status = "ResourceNotFound", 404
