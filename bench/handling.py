"""Requests through Django's handler, in process: what a web server would hand over is made before the time is taken."""

from collections.abc import Callable, Mapping
from io import BytesIO
from urllib.parse import urlencode

from django.core.handlers.base import BaseHandler
from django.http.response import HttpResponseBase
from django.test import RequestFactory, override_settings

_FACTORY = RequestFactory()
# As the `requests` library sends them.
_HEADERS = {
    "HTTP_ACCEPT": "*/*",
    "HTTP_ACCEPT_ENCODING": "gzip, deflate",
    "HTTP_CONNECTION": "keep-alive",
    "HTTP_USER_AGENT": "python-requests/2.32",
}
Answering = Callable[[], HttpResponseBase]


def handler(middleware: list[str] | None) -> BaseHandler:
    """Return Django's handler with this middleware; None: what settings name."""
    made = BaseHandler()
    if middleware is None:
        made.load_middleware()
        return made
    with override_settings(MIDDLEWARE=middleware):
        made.load_middleware()
    return made


def getting(through: BaseHandler, path: str, **environ: str) -> Answering:
    """Return what answers one GET; a request that is refused would be fast, and worth nothing."""
    return _answering(through, path, "GET", b"", environ)


def posting(through: BaseHandler, path: str, body: bytes, **environ: str) -> Answering:
    """Return what answers one POST of JSON."""
    return _answering(through, path, "POST", body, environ)


def sending(through: BaseHandler, path: str, fields: Mapping[str, str], **environ: str) -> Answering:
    """Return what answers one form, and leads on."""
    form = {**environ, "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    return _answering(through, path, "POST", urlencode(fields).encode(), form, status=302)


def _answering(through: BaseHandler, path: str, method: str, body: bytes, environ: dict[str, str], status: int = 200) -> Answering:
    address, _, query = path.partition("?")
    # A plain stream: the one of the test client counts what is read, which takes time.
    asked = {
        "REMOTE_ADDR": "192.0.2.1",
        "HTTP_HOST": "127.0.0.1",
        "QUERY_STRING": query,
        **_HEADERS,
        "wsgi.input": BytesIO(body),
        **environ,
    }
    content_type = asked.pop("CONTENT_TYPE", "application/json")
    request = _FACTORY.generic(method, address, body, content_type=content_type, **asked)  # type: ignore[arg-type]

    def answer() -> HttpResponseBase:
        response = through.get_response(request)
        assert response.status_code == status, response
        return response

    return answer
