"""The two shapes of an error for programs: problem+json of REST (RFC 9457) and the envelope of the dx protocol."""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, NotRequired, TypedDict

from django.http import HttpRequest, HttpResponse, JsonResponse

BYTES_PATH = "/transfers/"
DX_SHAPE = re.compile(r"/[a-z]+/[A-Za-z]+|/[a-z]+-[^/]+(?:/[^/]+)?/[A-Za-z]+")  # DX_PROTOCOL 1.6
_DX_TYPES = {
    400: ("InvalidInput", 422),
    401: ("InvalidAuthentication", 401),
    403: ("PermissionDenied", 401),
    404: ("ResourceNotFound", 404),
    405: ("InvalidInput", 405),
    411: ("InvalidInput", 422),
    413: ("InvalidInput", 422),
    503: ("ServiceUnavailable", 503),
}
_encode = json.JSONEncoder().encode  # made once: json.dumps() looks through its options each time


class ProblemJSON(TypedDict):
    """A refusal (RFC 9457)."""

    type: str
    title: str
    status: int
    code: Annotated[str, "A stable name, for programs."]
    detail: Annotated[str, "A sentence, for people."]
    errors: NotRequired[Annotated[dict[str, list[str]], "The sentences by field, where there is a field."]]
    token_id: NotRequired[Annotated[str, "The token that is in the way: with `label_taken` and `already_made`."]]
    request_id: str


def is_rest(request: HttpRequest) -> bool:
    """Return whether the path belongs to REST."""
    return request.path.startswith("/api/")


def is_bytes(request: HttpRequest) -> bool:
    """Return whether the path is one of those where the bytes of files go and come from."""
    return request.path.startswith(BYTES_PATH)


def is_export(request: HttpRequest) -> bool:
    """Return whether the answer goes for as long as there is more, once the view has let somebody in."""
    return request.path.endswith("/export/")


def speaks_dx(request: HttpRequest) -> bool:
    """Return whether a refusal is read by the dx client: as an envelope."""
    return is_dx(request) or is_bytes(request)


def is_dx(request: HttpRequest) -> bool:
    """Return whether method and path have the form of a call of the dx client."""
    return request.method == "POST" and DX_SHAPE.fullmatch(request.path) is not None


def door_of(request: HttpRequest) -> str:
    """Return by which door the request came, as metrics name it: "dx", "rest", "bytes", "admin" or "web"."""
    if hasattr(request, "route_name"):  # the dx router named it
        return "dx"
    if is_rest(request):
        return "rest"
    if is_bytes(request):
        return "bytes"
    return "admin" if request.path.startswith("/admin/") else "web"


def problem_body(
    request: HttpRequest, *, status: int, code: str, detail: str, errors: Mapping[str, list[str]] | None = None,
    token_id: str | None = None,
) -> ProblemJSON:  # fmt: skip
    """Return the body of an `application/problem+json` answer; `errors` has the sentences by field."""
    body: ProblemJSON = {
        "type": "about:blank",
        "title": _phrase(status),
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": getattr(request, "request_id", ""),
    }
    if errors:
        body["errors"] = dict(errors)
    if token_id:
        body["token_id"] = token_id
    return body


def headers_for(status: int, retry_after: int | None) -> dict[str, str]:
    """Return what an error of this status carries besides its body; `retry_after` is in seconds."""
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    return headers | ({"Retry-After": str(retry_after)} if retry_after is not None else {})


def problem(request: HttpRequest, *, status: int, code: str, detail: str, retry_after: int | None = None) -> JsonResponse:
    """Return an `application/problem+json` answer from outside of DRF."""
    body = problem_body(request, status=status, code=code, detail=detail)
    return JsonResponse(body, status=status, headers=headers_for(status, retry_after), content_type="application/problem+json")


def dx_error(
    type_name: str, message: str, status: int, *, details: object = None, retry_after: int | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:  # fmt: skip
    """Return the dx error envelope. `retry_after` in whole seconds is heard by the client on 429 and 503 alone."""
    error: dict[str, object] = {"type": type_name, "message": message}
    if details:
        error["details"] = details
    heard = retry_after if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE) else None
    return dx_answer({"error": error}, status=status, headers={**headers_for(status, heard), **(headers or {})})


def dx_error_for_status(status: int, message: str, *, retry_after: int | None = None) -> HttpResponse:
    """Return the dx envelope for what failed before or around the router."""
    type_name, dx_status = _DX_TYPES.get(status, ("InternalError", 500))
    return dx_error(type_name, message, dx_status, retry_after=retry_after)


def dx_answer(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """Return `body` as JSON with its length: the client compares the two, and without the content type it breaks."""
    content = _encode(body).encode()
    own = {"Content-Type": "application/json", "Content-Length": str(len(content))}
    return HttpResponse(content, status=status, headers=own | headers if headers else own)  # type: ignore[operator]


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase
