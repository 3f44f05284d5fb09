"""What every answer gets: a request id, a log line, headers; and what becomes of an error that no view caught."""

import logging
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase
from django.utils.functional import SimpleLazyObject, empty

from accounts.clients import client_address, network_of
from accounts.errors import GatehouseError
from accounts.models import User
from config import logs, pages
from config.bodies import BodySlots, Crowded

GetResponse = Callable[[HttpRequest], HttpResponseBase]
logger = logging.getLogger("gatehouse.access")

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS_POLICY,
}


def new_request_id() -> str:
    """Return 13 digits of epoch milliseconds, a dash, up to 6 digits; programs of the dx world match on this form."""
    return f"{time.time_ns() // 1_000_000:013d}-{secrets.randbelow(1_000_000)}"


class RequestIdMiddleware:
    """The outermost layer: names the request, answers with X-Request-Id, writes one access line."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer of all the rest."""
        identifier = new_request_id()
        request.request_id = identifier  # type: ignore[attr-defined]
        if settings.SITE_URL.startswith("https://"):
            # TLS ends before us. The setting says so, and no header that a client could send is asked.
            request.META["wsgi.url_scheme"] = "https"
        context = logs.request_id.set(identifier)
        started = time.monotonic()
        try:
            response = self.get_response(request)
            response["X-Request-Id"] = identifier
            _log(request, response, started)
        finally:
            logs.request_id.reset(context)
        return response


def _log(request: HttpRequest, response: HttpResponseBase, started: float) -> None:
    user = loaded_user(request)
    line = {
        "method": request.method,
        "route": logs.route_of(request),
        "status": response.status_code,
        "ms": round((time.monotonic() - started) * 1000, 1),
        "actor": user.public_id if user else None,
        "ip": client_address(request),
    }
    logger.info("request", extra=line)


def loaded_user(request: HttpRequest) -> User | None:
    """Return the person behind the request if something asked for them already; asking here would cost a query."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject):
        user = user.__dict__["_wrapped"]
    return user if user is not empty and isinstance(user, User) else None


class HeadersMiddleware:
    """Security headers on every answer (WEB-02), and no copy of private pages in any cache (WEB-03)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer with what it lacks; a header that a view has set stays."""
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.SECURE_HSTS_SECONDS:
            response.headers.setdefault("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains")
        if not request.path.startswith(settings.STATIC_URL):
            _keep_out_of_caches(request, response)
        return response


def _keep_out_of_caches(request: HttpRequest, response: HttpResponseBase) -> None:
    if response.headers.get("Content-Type", "").startswith("text/html"):
        response["Cache-Control"] = "no-store"
    elif loaded_user(request) is not None or request.method not in ("GET", "HEAD"):
        response.headers.setdefault("Cache-Control", "no-store")


class LimitsMiddleware:
    """Refuses, before anything is looked up, bodies over 1 MiB (413), too many bodies at once (503), and methods that a page does
    not take (405).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._slots = BodySlots(threads=settings.WEB_THREADS)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer, or the refusal of a body that says it is too long."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isascii() and length.isdigit() and int(length[:12]) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return pages.answer(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if length != "0" and not self._read(request):
            return pages.answer(request, HTTPStatus.SERVICE_UNAVAILABLE, retry_after=pages.RETRY_AFTER_SECONDS)
        return self.get_response(request)

    def _read(self, request: HttpRequest) -> bool:
        """Read the body, which the request then holds; False where too many are being read. A broken one is the view's affair."""
        try:
            with self._slots.take(network_of(client_address(request))), suppress(UnreadablePostError, RequestDataTooBig):
                request.body  # noqa: B018  (asking for it reads it)
        except Crowded:
            return False
        return True

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        """Refuse a method that the page has not, before the CSRF check and the login answer something else (WEB-06)."""
        page = getattr(view, "view_class", None)
        method = (request.method or "").lower()
        if page is None or hasattr(view, "cls") or method in (taken := _methods_of(page)):
            return None
        response = pages.answer(request, HTTPStatus.METHOD_NOT_ALLOWED, detail="This address is for a button. Nothing has happened")
        response["Allow"] = ", ".join(name.upper() for name in taken)
        return response


def _methods_of(page: Any) -> list[str]:
    return [name for name in page.http_method_names if hasattr(page, name) or (name == "head" and hasattr(page, "get"))]


class ErrorsMiddleware:
    """Renders a refusal that a view let through, each door in its own way."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer; the work is in `process_exception`."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return an answer for a GatehouseError; None, so that Django goes on, for anything else."""
        return pages.refusal(request, exception) if isinstance(exception, GatehouseError) else None
