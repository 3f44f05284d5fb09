"""Refusals of this room. The sentences stand alone: the dx client shows some under another name (DX_PROTOCOL 9)."""

from accounts.errors import GatehouseError


class FileNotFound(GatehouseError):
    """No such file, or none that the caller reaches."""

    code, status = "file_not_found", 404
    message = "There is no such file, or you are not a member of its project"
    dx_type, dx_status = "ResourceNotFound", 404


class FileNotOpen(GatehouseError):
    """The file takes no more parts."""

    code, status = "file_not_open", 409
    message = "{file} is not in the open state; what it holds stays as it is"
    dx_type, dx_status = "InvalidState", 422


class FileNotClosed(GatehouseError):
    """The file is not whole yet."""

    code, status = "file_not_closed", 409
    message = "{file} is not in the closed state; wait until its upload has ended"
    dx_type, dx_status = "InvalidState", 422


class NotYourUpload(GatehouseError):
    """Another token uploads this file, and it alone goes on with that."""

    code, status = "not_your_upload", 403
    message = "This file is uploaded with another token, which alone can go on with it. Upload the file anew with this one"
    dx_type, dx_status = "PermissionDenied", 401


class PartRefused(GatehouseError):
    """A part is not what was announced, or not what a part can be; the sentence says which."""

    code, status = "part_refused", 422
    message = "{reason}"


class PartMissing(GatehouseError):
    """The file cannot be closed: a part is not whole, or too small."""

    code, status = "part_missing", 409
    message = "{reason}"
    dx_type, dx_status = "InvalidState", 422


class FileValueRefused(GatehouseError):
    """A name, a word, a property or the details break a rule; the sentence says which."""

    code, status, field = "file_value_refused", 422, "name"
    message = "{reason}"


class PhiLeaves(GatehouseError):
    """Protected health information would stand in a project that is not marked so."""

    code, status = "phi_leaves", 409
    message = "Files of a project with protected health information (PHI) stand only in projects that are marked so, too"
    dx_type, dx_status = "InvalidState", 422


class NonceReused(GatehouseError):
    """The nonce stood on another request."""

    code, status = "nonce_reused", 422
    message = "This nonce stood on a request with another body. Use a new one for a new file"


class TooManyOpenFiles(GatehouseError):
    """Too many uploads at once."""

    code, status = "too_many_open_files", 409
    message = "{limit} files of yours are being uploaded, which is the most. Close or remove some first"
    dx_type, dx_status = "InvalidState", 422


class GrantRefused(GatehouseError):
    """The address of some bytes is not one that was handed out, or its time is over."""

    code, status = "grant_refused", 403
    message = "This address is not valid, or its 15 minutes are over. Ask for a new one"
    dx_type, dx_status = "PermissionDenied", 401


class AuthorityEnded(GatehouseError):
    """What runs on a token cannot go on: the token is over (AuthError), or the work was ended."""

    code, status = "auth_error", 401
    message = "{reason}"
    dx_type, dx_status = "InvalidAuthentication", 401


class AccessEnded(GatehouseError):
    """The person, or the token, lost the project while the work ran."""

    code, status = "access_ended", 403
    message = "{reason}"
    dx_type, dx_status = "PermissionDenied", 401


class RangeRefused(GatehouseError):
    """The header Range asks for none, or more than one, of the file's ranges (RFC 9110, section 14.2)."""

    code, status = "range_refused", 416
    message = "One range of bytes, inside the file of {size} bytes, as in bytes=0-1023"
    dx_type, dx_status = "InvalidInput", 416

    def __init__(self, *, size: int) -> None:
        self.size = size
        super().__init__(size=size)


class StorageFull(GatehouseError):
    """No room for the bytes."""

    code, status = "storage_full", 507
    message = "The server has no room for these bytes at the moment; try again later, or tell support"
    dx_type, dx_status = "InternalError", 507


class QuotaSpent(GatehouseError):
    """Who pays for the project has no room left."""

    code, status = "quota_spent", 409
    message = "Who pays for this project has {gib} GiB for files, and they are spent. Remove files first, or ask support for more"
    dx_type, dx_status = "SpendingLimitExceeded", 403


class StorageLost(GatehouseError):
    """Bytes that should be there are not."""

    code, status = "storage_lost", 500
    message = "The bytes of this file cannot be read at the moment; tell support, with the id of this request"
    dx_type, dx_status = "InternalError", 500


class JobNotFound(GatehouseError):
    """No such job, or none that the caller may know."""

    code, status = "job_not_found", 404
    message = "There is no such job, or it is not one that you may see"
    dx_type, dx_status = "ResourceNotFound", 404


class TransferNotFound(GatehouseError):
    """No such transfer among those of the caller."""

    code, status = "transfer_not_found", 404
    message = "There is no such transfer among yours"
    dx_type, dx_status = "ResourceNotFound", 404


class WorkNotFound(GatehouseError):
    """Neither a job nor a transfer of the person has this id."""

    code, status = "work_not_found", 404
    message = "There is no such work among yours"
    dx_type, dx_status = "ResourceNotFound", 404


class WorkOver(GatehouseError):
    """It has ended already; the first end stays."""

    code, status = "work_over", 409
    message = "{work} has ended already: {state}"
    dx_type, dx_status = "InvalidState", 422


class JobValueRefused(GatehouseError):
    """A name or a number of a job breaks a rule; the sentence says which."""

    code, status, field = "job_value_refused", 422, "name"
    message = "{reason}"


class TooManyJobs(GatehouseError):
    """Too many jobs run."""

    code, status = "too_many_jobs", 409
    message = "{limit} jobs of yours are running, which is the most. Finish or terminate some first"
    dx_type, dx_status = "InvalidState", 422


class LengthNeeded(GatehouseError):
    """Bytes without their number."""

    code, status = "length_needed", 411
    message = "Send the number of bytes in the header Content-Length"
