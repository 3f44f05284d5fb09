"""The dx protocol's door: finds the room's function, says who calls, wraps answers and errors (DX_PROTOCOL 1, 9)."""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.views.decorators.csrf import csrf_exempt

import accounts.dx
import orgs.dx
import orgs.projects.dx
import tokens.dx
import tokens.work.dx
from accounts import meters
from accounts.errors import GatehouseError
from config import envelopes, outcomes, pages, readiness, strict_json
from tokens.authentication import caller_from_header

logger = logging.getLogger("gatehouse.dx")

Body = dict[str, Any]
OpenCall = Callable[..., Body]

# "system/whoami" -> f(caller, body); "user-{id}/describe" -> f(caller, body, "user-amy")
_ROOMS: tuple[Mapping[str, Any], ...] = (
    accounts.dx.ROUTES,
    orgs.dx.ROUTES,
    orgs.projects.dx.ROUTES,
    tokens.dx.ROUTES,
    tokens.work.dx.ROUTES,
)
ROUTES: dict[str, Callable[..., Body]] = {name: call for room in _ROOMS for name, call in room.items()}
# "system/newAuthToken" -> f(request, body), "file-{id}/close" -> f(request, body, "file-…"); these authenticate by themselves
OPEN_ROUTES: Mapping[str, OpenCall] = {**tokens.dx.OPEN_ROUTES, **tokens.work.dx.OPEN_ROUTES}
# What the client itself does not send again where an answer is lost (DX_PROTOCOL 1.5). Every 503 it repeats, so these get none then.
UNSAFE_TWICE = frozenset(
    {"project/new", *(f"project-{{id}}/{call}" for call in ("invite", "move", "clone", "removeFolder", "renameFolder"))}
)
_EMPTY = (b"", b"{}")  # what the client sends where it has nothing to say
_ENTITY = re.compile(r"(?P<id>(?P<kind>[a-z]+)-[^/]+)/(?P<method>[A-Za-z]+)")


@csrf_exempt
@login_not_required
def router(request: HttpRequest) -> HttpResponse:
    """Return the answer to the call that the path names; always JSON, never a cookie."""
    path = request.path.removeprefix("/")
    name, entity = _named(path)
    known = name in ROUTES or name in OPEN_ROUTES
    request.route_name = f"/{name}" if known else "/unknown-dx-call"  # type: ignore[attr-defined]
    if request.method != "POST":
        return _no_post(known)
    try:
        return envelopes.dx_answer(_answer(request, name, entity))
    except Exception as error:  # the client shows an HTML page raw and repeats it: every error leaves as an envelope
        return _error(error, request, name)


@csrf_exempt
@login_not_required
def oauth2_token(request: HttpRequest) -> HttpResponse:
    """Return 400 without the envelope: the client's tests want a failure of the transport here (DX_PROTOCOL 2.3)."""
    if request.method != "POST":
        return _method_not_allowed()
    return envelopes.dx_answer({"error": "invalid_request"}, status=400)


def _named(path: str) -> tuple[str, str]:
    entity = _ENTITY.fullmatch(path)
    return (f"{entity['kind']}-{{id}}/{entity['method']}", entity["id"]) if entity else (path, "")


def _no_post(known: bool) -> HttpResponse:
    # A person who leaves out the slash at the end of a page's address gets the ordinary page for that.
    if not known:
        raise Http404
    return _method_not_allowed()


def _method_not_allowed() -> HttpResponse:
    response = envelopes.dx_error("InvalidInput", "This address takes POST only", 405)
    response["Allow"] = "POST"
    return response


def _answer(request: HttpRequest, name: str, entity: str) -> Body:
    if name in OPEN_ROUTES:
        return OPEN_ROUTES[name](request, _body(request), *([entity] if entity else []))
    if name not in ROUTES:
        raise UnknownRoute()
    header, to_log_out = request.META.get("HTTP_AUTHORIZATION"), name == tokens.dx.LOG_OUT
    caller = caller_from_header(header, request=request, door="dx", to_log_out=to_log_out)
    request.user = caller.user
    arguments = (caller, _body(request), entity) if entity else (caller, _body(request))
    return ROUTES[name](*arguments)


def _body(request: HttpRequest) -> Body:
    try:
        raw = request.body
    except (RequestDataTooBig, UnreadablePostError):
        raise WrongShape(reason="The body is longer than 1 MiB or did not come whole") from None
    try:
        value = {} if raw in _EMPTY or not raw.strip() else strict_json.parse(raw)
    except ValueError as error:
        raise NoJSON(reason=str(error)) from None
    if not isinstance(value, dict):
        raise WrongShape(reason="The body must be a JSON object")
    return value


class UnknownRoute(GatehouseError):
    """No room has this call; several commands of the client go on after exactly this answer."""

    code, status = "unknown_route", 404
    message = "There is no such method here"
    dx_type, dx_status = "ResourceNotFound", 404


class NoJSON(GatehouseError):
    """The body is no JSON, or JSON of a kind that config.strict_json refuses."""

    code, status = "malformed_json", 400
    message = "{reason}"
    dx_type, dx_status = "MalformedJSON", 400


class WrongShape(GatehouseError):
    """The body is JSON but no object, or too long."""

    code, status = "wrong_shape", 422
    message = "{reason}"


def _error(error: Exception, request: HttpRequest, name: str) -> HttpResponse:
    if isinstance(error, GatehouseError):
        meters.refusal("dx", error.code)
        return envelopes.dx_error(error.dx_type, str(error), error.dx_status, details=_details(error), retry_after=error.retry_after)
    if isinstance(error, readiness.DATABASE_AWAY):
        logger.error("database does not answer", extra={"call": name}, exc_info=error)
        if name in UNSAFE_TWICE and outcomes.is_unknown(request):
            return envelopes.dx_error("OutcomeUnknown", outcomes.UNKNOWN, 409)
        return envelopes.dx_error("ServiceUnavailable", pages.SENTENCES[503], 503, retry_after=pages.RETRY_AFTER_SECONDS)
    logger.error("dx call failed", extra={"call": name}, exc_info=error)
    return envelopes.dx_error("InternalError", pages.SENTENCES[500], 500)


def _details(error: GatehouseError) -> dict[str, str] | None:
    return {"field": error.field} if error.field else None
