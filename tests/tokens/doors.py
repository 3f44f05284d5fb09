"""How tests of this room come in: a browser that signed in, a script with a token, the dx client's calls."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts.models import User
from tests.factories import PASSWORD


def signed_in(user: User) -> Client:
    """Return a browser in which `user` is signed in (without CSRF checks; the doors of conftest have them)."""
    browser = Client()
    answer = browser.post("/login/", {"username": user.username, "password": PASSWORD})
    assert answer.status_code == 302, answer.content
    return browser


def rest(method: str, path: str, text: str | None = None, body: Any = None, **headers: str) -> HttpResponse:
    """Send a REST request with the token `text`; return the answer."""
    if text is not None:
        headers["Authorization"] = f"Bearer {text}"
    payload = "" if body is None else json.dumps(body)
    answer: Any = Client().generic(method, path, payload, content_type="application/json", headers=headers)
    return answer  # type: ignore[no-any-return]


def dx(path: str, body: Any = None, text: str | None = None, *, client: Any = None, **headers: str) -> Any:
    """Send a call of the dx client; return the answer, whose cookies are asserted to be none."""
    if text is not None:
        headers["Authorization"] = f"Bearer {text}"
    raw = body if isinstance(body, str) else json.dumps({} if body is None else body)
    answer = (client or Client()).post(path, raw, content_type="application/json", headers=headers)
    assert "Set-Cookie" not in answer.headers
    return answer
