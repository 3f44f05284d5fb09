"""Refusals of this room. A stranger's project is as unknown as one that does not exist (ORG-01)."""

from accounts.errors import GatehouseError


class ProjectNotFound(GatehouseError):
    """No such project, or none that the caller reaches."""

    code, status = "project_not_found", 404
    message = "There is no such project, or you are not a member of it"
    dx_type, dx_status = "ResourceNotFound", 404


class LevelTooLow(GatehouseError):
    """The caller sees the project, and may not do this in it; `held` is the lower of member's and token's level."""

    code, status = "level_too_low", 403
    message = "{needed} permission required in {project} to perform this action; the level here is {held}"
    dx_type, dx_status = "PermissionDenied", 401


class TokenLimited(GatehouseError):
    """The token is narrower than its owner, and this is the owner's to decide."""

    code, status = "token_limited", 403
    message = "This token is narrower than your own access. {act} on the page, or with a token without limits"
    dx_type, dx_status = "PermissionDenied", 401


class MemberNotFound(GatehouseError):
    """This person is no member of the project."""

    code, status, field = "member_not_found", 404, "user"
    message = "This person is not a member of the project"
    dx_type, dx_status = "ResourceNotFound", 404


class LastAdministrator(GatehouseError):
    """A project keeps one administrator at least."""

    code, status, field = "last_administrator", 409, "user"
    message = "A project keeps at least one administrator. Give somebody else ADMINISTER first, or delete the project"
    dx_type, dx_status = "InvalidState", 422


class ProjectValueRefused(GatehouseError):
    """A name, a text, a tag or a property breaks a rule; the sentence says which."""

    code, status, field = "project_value_refused", 422, "name"
    message = "{reason}"


class ProjectBusy(GatehouseError):
    """Something runs in the project that is to be deleted."""

    code, status = "project_busy", 409
    message = "Still running in this project: {work}. Wait for it, or end it with the project (REST: ?end_work=true; dx: terminateJobs)"
    dx_type, dx_status = "InvalidState", 422


class PhiStays(GatehouseError):
    """The mark of protected health information is not taken off by a member."""

    code, status, field = "phi_stays", 409, "phi"
    message = "A project keeps its PHI mark. Move what is not PHI into a project without it"
    dx_type, dx_status = "InvalidState", 422


class PathRefused(GatehouseError):
    """A path of a folder breaks a rule; the sentence says which."""

    code, status = "path_refused", 422
    message = "{reason}"


class FolderNotFound(GatehouseError):
    """The project has no such folder."""

    code, status = "folder_not_found", 404
    message = "There is no folder {path} in this project"
    dx_type, dx_status = "ResourceNotFound", 404


class FolderInTheWay(GatehouseError):
    """A folder is there already, not empty, or one too many; the sentence says which."""

    code, status = "folder_in_the_way", 409
    message = "{reason}"
    dx_type, dx_status = "InvalidState", 422


class NoHeir(GatehouseError):
    """Somebody leaves an organization in which nobody else could take over a project of it."""

    code, status = "no_heir", 409
    message = "Nobody else could administer a project that would be left behind. Give the project to somebody first, or delete it"
    dx_type, dx_status = "InvalidState", 422
