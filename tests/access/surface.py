"""Every route there is, each with ids of what amy has, for tests that go through all of them."""

import re
from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

from config import dx
from tests.access.test_foreign_ids import PAGES, REST

# Where the token of a job, or the grant in a header, is the key: no cookie counts there.
BYTES = ("/transfers/", "/api/v1/jobs/<public_id>/heartbeat/", "/api/v1/jobs/<public_id>/finish/")
OPEN = {"/healthz", "/readyz", "/favicon.ico", "/.well-known/security.txt", "/api/v1/schema/", "/api/v1/docs/"}
SIGN_OUT = "/logout/"


def patterns(resolver: URLResolver, prefix: str = "/") -> Iterator[tuple[str, Any]]:
    """Give route and view of each address, its parts named as in `<username>`; not the one pattern of the dx calls."""
    for pattern in resolver.url_patterns:
        route = prefix + re.sub(r"<\w+:", "<", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, route)
        elif isinstance(pattern, URLPattern) and "(?" not in route:
            yield route, pattern.callback


def routes() -> list[str]:
    """Return every route of pages, of the console and of REST."""
    return list(dict.fromkeys(route for route, _ in patterns(get_resolver("config.urls"))))


def is_rest(route: str) -> bool:
    """Tell whether programs come here."""
    return route.startswith("/api/v1/") and route != "/api/v1/docs/"


def is_page(route: str) -> bool:
    """Tell whether a browser comes here with its cookie."""
    return not is_rest(route) and not route.startswith(BYTES) and route not in OPEN | {"/oauth2/token", "/.well-known/change-password"}


def filled(route: str, amys: dict[str, str]) -> str:
    """Return an address of `route` with ids of amy's; where a mail or a grant holds the key, with one that is none."""
    if route.startswith("/admin/"):
        parts = {"<username>": "amy", "<public_id>": amys["token"], "<handle>": amys["handle"]}
        for name, value in parts.items():
            route = route.replace(name, value)
    for kind in {**PAGES, **REST}.get(route, []):
        route = re.sub(r"<\w+>", amys[kind], route, count=1)
    return re.sub(r"<\w+>", "x", route)


def dx_calls(amys: dict[str, str]) -> list[str]:
    """Return every call of the dx client."""
    ids = {**amys, "user": "user-amy"}
    return [f"/{name.replace(kind + '-{id}', ids.get(kind, kind + '-x'))}" for name, kind in _dx_names()]


def _dx_names() -> Iterator[tuple[str, str]]:
    for name in sorted({*dx.ROUTES, *dx.OPEN_ROUTES}):
        yield name, name.partition("-{id}")[0]
