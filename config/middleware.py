"""What every answer gets: a request id, a log line, headers; and what becomes of an error that no view caught."""

import logging
import random
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from csp.utils import build_policy
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseBase, ResponseHeaders
from django.utils.functional import SimpleLazyObject, empty

from accounts import meters
from accounts.clients import client_address, network_of
from accounts.errors import GatehouseError
from accounts.models import User
from config import admission, envelopes, logs, outcomes, pages
from config.admission import Threads
from config.bodies import slots_of

GetResponse = Callable[[HttpRequest], HttpResponseBase]
Stored = dict[str, tuple[str, str]]  # by its name in small letters, a header's name and value
logger = logging.getLogger(logs.ACCESS)

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

CUT_SHORT = "The request ended before the length that it announced. Nothing has happened; send it again"
_NO_STORE, _NONE = ("Cache-Control", "no-store"), ("", "")


def new_request_id() -> str:
    """Return 13 digits of epoch milliseconds, a dash, up to 6 digits; programs of the dx world match on this form."""
    return f"{time.time_ns() // 1_000_000:013d}-{int(random.random() * 1_000_000)}"  # noqa: S311  (a name, no secret)


class EveryAnswerMiddleware:
    """The outermost layer: names the request, and gives each answer that name (X-Request-Id), the security headers (WEB-02), a word
    to caches about private pages (WEB-03), and one access line.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        # TLS ends before us. The setting says so, and no header that a client could send is asked.
        self._is_https = settings.SITE_URL.startswith("https://")
        hsts = {"Strict-Transport-Security": f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains"}
        policy = {"Content-Security-Policy": build_policy()}
        self._headers = _stored(HEADERS | policy | (hsts if settings.SECURE_HSTS_SECONDS else {}))
        self._static: str = settings.STATIC_URL

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer of all the rest; a header that a view has set stays."""
        identifier = new_request_id()
        request.request_id = identifier  # type: ignore[attr-defined]
        if self._is_https:
            request.META["wsgi.url_scheme"] = "https"
        context = logs.request_id.set(identifier)
        outcomes.begin()
        started = time.monotonic()
        try:
            response = self.get_response(request)
            person = loaded_user(request)
            own = response.headers._store = self._headers | _stored(response.headers)
            own["x-request-id"] = ("X-Request-Id", identifier)
            if not request.path.startswith(self._static):
                _keep_out_of_caches(request, own, person)
            route, now = logs.route_of(request), time.monotonic()
            seconds = now - started
            _log(request, response, route, seconds, person)
            if meters.ON:
                meters.request(envelopes.door_of(request), route, response.status_code, seconds, now)
        finally:
            logs.request_id.reset(context)
        return response


def _stored(headers: Mapping[str, str]) -> Stored:
    """Return what Django keeps of `headers`. It checks and encodes each that is set, and for these constants, on every answer, that
    takes as long as running a query does.
    """
    kept = headers if isinstance(headers, ResponseHeaders) else ResponseHeaders(headers)
    return kept._store


def _keep_out_of_caches(request: HttpRequest, own: Stored, person: User | None) -> None:
    if own.get("content-type", _NONE)[1].startswith("text/html"):
        own["cache-control"] = _NO_STORE
    elif person is not None or request.method not in ("GET", "HEAD"):
        own.setdefault("cache-control", _NO_STORE)


def _log(request: HttpRequest, response: HttpResponseBase, route: str, seconds: float, person: User | None) -> None:
    if not logger.isEnabledFor(logging.INFO):
        return
    record = logs.AccessRecord(
        request_id=request.request_id,  # type: ignore[attr-defined]
        method=request.method or "",
        route=route,
        status=response.status_code,
        ms=round(seconds * 1000, 1),
        actor=person.public_id if person else None,
        ip=client_address(request),
    )
    logger.handle(record)


def loaded_user(request: HttpRequest) -> User | None:
    """Return the person behind the request if something asked for them already; asking here would cost a query."""
    user = request.__dict__.get("user")
    if isinstance(user, SimpleLazyObject):
        user = user.__dict__["_wrapped"]
    return user if user is not empty and isinstance(user, User) else None


class LimitsMiddleware:
    """Refuses, before anything is looked up, bodies in chunks (411) and over 1 MiB (413), too many requests or bodies at once (503),
    bodies that ended early (400), and methods that a page does not take (405).
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._threads = Threads(settings.WEB_THREADS)
        self._slots, self._streams = slots_of(settings.WEB_THREADS)
        self._most_bytes: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer, or the refusal where there is no thread for it."""
        rank = admission.rank_of(request)
        admission.rank.set(rank)
        if not self._threads.take(rank):
            return self._busy(request)
        try:
            response = self._limited(request)
        except BaseException:
            self._threads.give_back(rank)
            raise
        if response.streaming:
            self._when_closed(response, lambda: self._threads.give_back(rank))
        else:
            self._threads.give_back(rank)
        return response

    def _limited(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer, or the refusal of a body that says it is too long."""
        if "HTTP_TRANSFER_ENCODING" in request.META:
            # Django would read such a body as an empty one, and an act would do what nobody asked for.
            return pages.answer(request, HTTPStatus.LENGTH_REQUIRED)
        if envelopes.is_bytes(request):
            return self._stream(request)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length == "0":
            return self._answer(request)
        if length.isascii() and length.isdigit() and int(length[:12]) > self._most_bytes:
            return pages.answer(request, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        if not self._read(request):
            return self._busy(request)
        if not _is_whole(request, length):
            # Half of a form may be a form, too, and an act do what nobody asked for.
            return pages.answer(request, HTTPStatus.BAD_REQUEST, detail=CUT_SHORT)
        return self._answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer. An export that begins counts among the streams; whoever the view did not let in takes no place there."""
        response = self.get_response(request)
        if not response.streaming or not envelopes.is_export(request):
            return response
        address = network_of(client_address(request))
        if not self._streams.take(address):
            response.close()
            return self._busy(request)
        return self._until_closed(response, address)

    def _until_closed(self, response: HttpResponseBase, address: str) -> HttpResponseBase:
        self._when_closed(response, lambda: self._streams.give_back(address))
        return response

    @staticmethod
    def _when_closed(response: HttpResponseBase, act: Callable[[], None]) -> None:
        response._resource_closers.append(act)  # type: ignore[attr-defined]

    @staticmethod
    def _busy(request: HttpRequest) -> HttpResponseBase:
        return pages.answer(request, HTTPStatus.SERVICE_UNAVAILABLE, retry_after=pages.RETRY_AFTER_SECONDS)

    def _stream(self, request: HttpRequest) -> HttpResponseBase:
        """Let the view read, or give, the bytes as they come: so many at once that threads are left for everybody else."""
        address = network_of(client_address(request))
        if not self._streams.take(address):
            return self._busy(request)
        try:
            response = self.get_response(request)
        except BaseException:
            self._streams.give_back(address)
            raise
        if response.streaming:
            return self._until_closed(response, address)
        self._streams.give_back(address)
        return response

    def _read(self, request: HttpRequest) -> bool:
        """Read the body, which the request then holds; False where too many are being read. A broken one is the view's affair."""
        address = network_of(client_address(request))
        if not self._slots.take(address):
            return False
        try:
            request.body  # noqa: B018  (asking for it reads it)
        except (UnreadablePostError, RequestDataTooBig):
            pass
        finally:
            self._slots.give_back(address)
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


def _is_whole(request: HttpRequest, length: str) -> bool:
    """Return whether as many bytes came as the head said. A body that could not be read at all is the view's affair."""
    body = getattr(request, "_body", None)
    return body is None or not length.isdigit() or len(body) >= int(length)


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
