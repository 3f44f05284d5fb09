"""The door of bytes: where the addresses lead that the dx client was handed (DX_PROTOCOL 6.3, 6.5, 6.8). Errors leave as envelopes."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from accounts.audit import Actor
from tokens.work import authority, downloads, finding, grants, uploads, words
from tokens.work.errors import AuthorityEnded, LengthNeeded, RangeRefused
from tokens.work.models import Transfer, TransferState

_GRANT = f"HTTP_{grants.HEADER.upper().replace('-', '_')}"


@csrf_exempt
@login_not_required
@require_http_methods(["PUT"])
def part(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take the bytes of one part; 200 once they are stored, checked, and count."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not (length.isascii() and length.isdigit()):
        raise LengthNeeded()
    uploads.receive(
        request, transfer_id=public_id, grant=request.META.get(_GRANT, ""), length=int(length[:19]),
        actor=Actor.from_request(request, door="dx"),
    )  # fmt: skip
    return HttpResponse("{}", content_type="application/json")


@csrf_exempt
@login_not_required
@require_http_methods(["PUT"])
def dead_end(request: HttpRequest, public_id: str) -> HttpResponse:
    """Refuse bytes, whatever they are, and say why their upload has ended. It authorises nothing and reads nothing."""
    upload = Transfer.objects.uploads().of_id(public_id).first()
    if upload is not None and upload.state == TransferState.FAILED:
        raise finding.ended_error(upload)
    if upload is not None and upload.is_running:
        authority.require_goes_on(upload)
    raise AuthorityEnded(reason=words.DEAD_END)


@csrf_exempt
@login_not_required
@require_http_methods(["GET"])
def content(request: HttpRequest, public_id: str, grant: str = "") -> StreamingHttpResponse:
    """Give the bytes of a file, or a range of them; cut short where the download may not go on."""
    opened = downloads.open_download(
        transfer_id=public_id, grant=grant or request.META.get(_GRANT, ""), by_link=bool(grant), wanted=request.META.get("HTTP_RANGE")
    )
    status = 206 if opened.is_partial else 200
    response = StreamingHttpResponse(downloads.stream(opened), status=status, content_type="application/octet-stream")
    for name, value in opened.headers.items():
        response[name] = value
    return response


def headers_of(error: Exception) -> dict[str, str]:
    """Return what a refusal of bytes carries beside its envelope (RFC 9110, 15.5.17)."""
    return {"Content-Range": f"bytes */{error.size}"} if isinstance(error, RangeRefused) else {}
