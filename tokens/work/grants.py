"""What the addresses of bytes are opened with: signed, for one file and one verb, bound to one transfer and so to its token (JOB-06).

A grant names no path and not the token. That it is signed says only that we handed it out; whether it holds is asked of the rows.
"""

from dataclasses import dataclass

from django.core.signing import BadSignature, Signer

from tokens.work.errors import GrantRefused
from tokens.work.models import Part, Transfer

HEADER = "X-Gatehouse-Grant"
_PART, _DOWNLOAD = Signer(salt="tokens.work.part"), Signer(salt="tokens.work.download")


@dataclass(frozen=True)
class PartGrant:
    """One attempt at one part of one upload."""

    transfer_id: str
    part_key: str


def for_part(transfer: Transfer, part: Part) -> str:
    """Return the grant for sending one part; it ends 15 minutes after the part was announced."""
    return _PART.sign_object([transfer.public_id, part.key])


def for_download(transfer: Transfer) -> str:
    """Return the grant for reading the file of a download: the same each time, for as long as the download lives."""
    return _DOWNLOAD.sign_object(transfer.public_id)


def read_part(grant: str, transfer_id: str) -> PartGrant:
    """Return what `grant` is for; raises GrantRefused where it is none, or for another transfer."""
    match _unsigned(_PART, grant):
        case [str() as named, str() as key] if named == transfer_id:
            return PartGrant(transfer_id, key)
    raise GrantRefused()


def require_download(grant: str, transfer_id: str) -> None:
    """Return where `grant` opens this download; raises GrantRefused otherwise."""
    if _unsigned(_DOWNLOAD, grant) != transfer_id:
        raise GrantRefused()


def _unsigned(signer: Signer, grant: str) -> object:
    try:
        return signer.unsign_object(grant)
    except (BadSignature, ValueError):
        raise GrantRefused() from None
