"""Where programs are answered: calls of the dx client, and REST with a bearer.

No cookie counts for them (API-07), so none of the layers that pages need is theirs: static files, session, CSRF check, login page.
Passing those by is a third of the time of such a request.
"""

from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest
from django.http.request import split_domain_port, validate_host
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from accounts.errors import GatehouseError
from accounts.sessions import SessionStore
from config import dx, envelopes, pages

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class ProgramsMiddleware:
    """Answers programs, and hands all else on."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._allowed = tuple(settings.ALLOWED_HOSTS)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Return the answer of the door that the program knocks at."""
        if envelopes.is_dx(request):
            self._require_host(request)
            return dx.router(request)
        if "HTTP_AUTHORIZATION" in request.META and envelopes.is_rest(request):
            return self._rest(request)
        if envelopes.is_bytes(request):
            return self._bytes(request)
        return self.get_response(request)

    def _bytes(self, request: HttpRequest) -> HttpResponseBase:
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return pages.answer(request, 404)
        self._require_host(request)
        request.resolver_match = match
        try:
            response = cast(HttpResponseBase, match.func(request, *match.args, **match.kwargs))
        except GatehouseError as refusal:
            return pages.refusal(request, refusal)
        if response.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            refused = pages.answer(request, HTTPStatus.METHOD_NOT_ALLOWED)
            refused["Allow"] = response["Allow"]
            return refused
        return response

    def _rest(self, request: HttpRequest) -> HttpResponseBase:
        try:
            match = resolve(request.path_info)
        except Resolver404:
            return self.get_response(request)
        self._require_host(request)
        request.resolver_match = match
        request.session = SessionStore()
        response: Any = match.func(request, *match.args, **match.kwargs)
        if hasattr(response, "render"):
            response.render()
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return cast(HttpResponseBase, response)

    def _require_host(self, request: HttpRequest) -> None:
        """Return where the name in `Host` is one of ours; raise DisallowedHost otherwise."""
        if not _is_ours(request.META.get("HTTP_HOST", ""), self._allowed):
            request.get_host()


@lru_cache(maxsize=64)
def _is_ours(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)
