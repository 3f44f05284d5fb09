"""Health checks, and answers to what went wrong: a page for people, problem+json for scripts, the envelope for dx."""

import logging
import sys
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from accounts import meters
from accounts.errors import GatehouseError
from config import envelopes, outcomes, readiness
from tokens.work import streams

logger = logging.getLogger("gatehouse.errors")

RETRY_AFTER_SECONDS = 5
SECURITY_TXT_DAYS = 180
SENTENCES = {
    400: "The request could not be understood",
    401: "Sign in first",
    403: "You are not allowed to do this",
    404: "There is nothing at this address",
    405: "This address does not take this method",
    409: "This does not fit what is there; reload and try again",
    410: "This is no longer there",
    411: "Send the length of the body in the header Content-Length; a body in chunks is not read",
    413: "The request is longer than 1 MiB",
    422: "The request could not be carried out as it is",
    429: "Too many attempts; try again later",
    500: "Something went wrong on our side; it has been noted. Try again",
    503: "The server cannot answer at the moment; try again in a few seconds",
    507: "The server has no room for this at the moment; try again later",
}
CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    411: "length_required",
    413: "too_large",
    429: "throttled",
    500: "internal_error",
    503: "unavailable",
}
_PAGES = {400: "400.html", 403: "403.html", 404: "404.html", 429: "429.html", 500: "500.html"}


@csrf_exempt
@login_not_required
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Return 200: the process is up. Nothing else is asked."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Return the way to the icon, for browsers that look for it where no page names it."""
    return redirect(static("icon.svg"))


@login_not_required
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Return whom to tell of a weakness (RFC 9116). It expires in half a year from today: whoever keeps a copy shall look again."""
    expires = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=SECURITY_TXT_DAYS)
    lines = [
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        f"Canonical: {settings.SITE_URL}{request.path}",
        "Preferred-Languages: en",
    ]
    return HttpResponse("\n".join([*lines, ""]), content_type="text/plain; charset=utf-8")


@csrf_exempt
@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Return 200 if requests can be answered, else 503; per part one word, and nothing more (OPS-09)."""
    parts = readiness.check()
    ready = readiness.is_ready(parts)
    body = {"status": readiness.OK if ready else readiness.NOT_OK, "parts": parts}
    return JsonResponse(body, status=200 if ready else 503, headers={"Cache-Control": "no-store"})


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the answer to a request that cannot be understood (handler400)."""
    return answer(request, 400)


def permission_denied(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the answer to a request that is not allowed (handler403)."""
    return answer(request, 403)


def page_not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Return the answer to an address without anything (handler404)."""
    return answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Return the answer to a fault of ours (handler500): 503 where the database is away, else 500."""
    # Django calls this while it handles the exception, and gives it no other way to ask which.
    if isinstance(sys.exc_info()[1], readiness.DATABASE_AWAY):
        return database_away(request)
    return answer(request, 500)


def database_away(request: HttpRequest) -> HttpResponse:
    """Return the answer where the database was lost: 503, "try again", or where something may have been stored "look first" (REL-04)."""
    if outcomes.is_unknown(request):
        return answer(
            request, 503, code=outcomes.UNKNOWN_CODE, detail=outcomes.UNKNOWN, page="outcome_unknown.html", retry_after=RETRY_AFTER_SECONDS
        )
    return answer(request, 503, retry_after=RETRY_AFTER_SECONDS)


@login_not_required
def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Return the answer to a form without its token, or from another site (CSRF_FAILURE_VIEW)."""
    if request.path == reverse("accounts:login") and request.user.is_authenticated:
        # Signed in in another tab meanwhile: what the form was for has happened.
        return redirect(settings.LOGIN_REDIRECT_URL)
    detail = "The form was open for too long, or came from elsewhere; reload the page and send it again"
    return answer(request, 403, code="csrf_failed", detail=detail, page="403_csrf.html")


def refusal(request: HttpRequest, error: GatehouseError) -> HttpResponse:
    """Return the answer to a typed error that no view has rendered."""
    meters.refusal(envelopes.door_of(request), error.code)
    if envelopes.speaks_dx(request):
        return envelopes.dx_error(
            error.dx_type, str(error), error.dx_status, retry_after=error.retry_after, headers=streams.headers_of(error)
        )
    return answer(request, error.status, code=error.code, detail=str(error), retry_after=error.retry_after)


def answer(
    request: HttpRequest,
    status: int,
    *,
    code: str = "",
    detail: str = "",
    page: str = "",
    retry_after: int | None = None,
) -> HttpResponse:
    """Return an error in the shape of the door that the request came to; what is not given follows from `status`."""
    sentence = detail or SENTENCES.get(status, SENTENCES[500])
    if envelopes.is_rest(request):
        return envelopes.problem(
            request, status=status, code=code or CODES.get(status, "refused"), detail=sentence, retry_after=retry_after
        )
    if envelopes.speaks_dx(request):
        return envelopes.dx_error_for_status(status, sentence, retry_after=retry_after)
    return _page(request, status, page or _page_for(status), sentence, retry_after)


def _page_for(status: int) -> str:
    return _PAGES.get(status, _PAGES[500] if status >= 500 else _PAGES[400])


def _page(request: HttpRequest, status: int, name: str, sentence: str, retry_after: int | None) -> HttpResponse:
    context = {
        "request_id": getattr(request, "request_id", ""),
        "detail": sentence,
        "status": status,
        "retry_after": retry_after,
        "support_email": settings.SUPPORT_EMAIL,
        "demo": settings.DEVELOPMENT,
    }
    try:
        # Without the request: context processors ask for the session, and an error page must not need the database.
        body, content_type = str(render_to_string(name, context)), "text/html; charset=utf-8"
    except TemplateDoesNotExist:
        logger.error("error page is missing", extra={"template": name})
        body, content_type = sentence, "text/plain; charset=utf-8"
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    return HttpResponse(body, status=status, content_type=content_type, headers=headers)
