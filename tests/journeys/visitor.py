"""A browser without a window, and a script: plain HTTP against a running server, cookies and CSRF tokens as a browser has them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, OpenerDirector, Request, build_opener

from tests.journeys.house import PASSWORD

TIMEOUT_SECONDS = 30
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
_TOKEN = re.compile(r"ght_[0-9A-Za-z]{28}")


class _NoRedirect(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


@dataclass(frozen=True)
class Answer:
    """What came back. A refusal is an answer, too."""

    status: int
    headers: "Message[str, str]"
    text: str

    @property
    def location(self) -> str:
        """Where a redirect leads; empty if it is none."""
        return self.headers.get("Location") or ""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.text)


def send(
    url: str, *, opener: OpenerDirector | None = None, data: bytes | None = None, headers: Mapping[str, str] | None = None,
    method: str | None = None,
) -> Answer:  # fmt: skip
    """Send one request and return the answer; redirects are not followed. Raises OSError where the connection breaks."""
    asked = Request(url, data=data, headers=dict(headers or {}), method=method)  # noqa: S310  (the scheme is ours)
    try:
        with (opener or build_opener(_NoRedirect())).open(asked, timeout=TIMEOUT_SECONDS) as answer:
            return Answer(answer.status, answer.headers, answer.read().decode())
    except HTTPError as refusal:
        with refusal:
            return Answer(refusal.code, refusal.headers, refusal.read().decode())


class Visitor:
    """A browser of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.jar = CookieJar()
        self.opener = build_opener(HTTPCookieProcessor(self.jar), _NoRedirect())

    def get(self, path: str) -> Answer:
        """Open a page."""
        return send(self.url + path, opener=self.opener)

    def form(self, path: str, fields: Mapping[str, str] | None = None, *, at: str | None = None) -> Answer:
        """Open the page with the form (by default `path`), fill it in and send it."""
        found = _CSRF.search(self.get(at or path).text)
        token = found[1] if found else ""
        return self.post(path, {**(fields or {}), "csrfmiddlewaretoken": token})

    def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Send form fields."""
        return send(self.url + path, opener=self.opener, data=urlencode(fields).encode(), headers={"Origin": self.url})

    def sign_in(self, username: str, password: str = PASSWORD) -> "Visitor":
        """Sign in; fail if that fails."""
        answer = self.form("/login/", {"username": username, "password": password})
        assert answer.status == 302, answer.text
        return self

    @property
    def signed_in(self) -> bool:
        """Whether a private page opens now."""
        return self.get("/profile/").status == 200

    def make_token(self, label: str) -> str:
        """Make an API token on its page and return the text."""
        answer = self.form("/profile/tokens/new/", {"label": label, "expires": "30"})
        found = _TOKEN.search(answer.text)
        assert found is not None, answer.text
        return found[0]

    def change_password(self, new: str, *, old: str = PASSWORD, revoke: bool = False) -> Answer:
        """Send the form."""
        fields = {"current_password": old, "new_password1": new, "new_password2": new}
        return self.form("/security/password/", fields | ({"revoke_tokens": "on"} if revoke else {}))


def with_token(url: str, text: str, path: str = "/api/v1/me/") -> Answer:
    """Ask REST with a token."""
    return send(url + path, headers={"Authorization": f"Bearer {text}"})


def dx_call(url: str, call: str, body: Mapping[str, Any], text: str | None = None) -> Answer:
    """Send a call of the dx client."""
    bearer = {"Authorization": f"Bearer {text}"} if text else {}
    return send(f"{url}/{call}", data=json.dumps(body).encode(), headers={"Content-Type": "application/json", **bearer})


def make_projects(url: str, text: str, *names: str, phi: bool = False) -> list[str]:
    """Make projects by the dx door with a token, and return their ids."""
    answers = [dx_call(url, "project/new", {"name": name, "containsPHI": phi}, text) for name in names]
    assert all(answer.status == 200 for answer in answers), answers
    return [str(answer.json["id"]) for answer in answers]


def add_member(url: str, text: str, project: str, username: str, level: str) -> None:
    """Make a person a member of a project by the dx door, with the token of one who administers it."""
    answer = dx_call(url, f"{project}/invite", {"invitee": f"user-{username}", "level": level, "suppressEmailNotification": True}, text)
    assert answer.status == 200, answer


def dx_login(url: str, username: str, password: str = PASSWORD) -> str:
    """Log in as `dx login` does and return the token."""
    answer = dx_call(url, "system/newAuthToken", {"username": username, "password": password})
    assert answer.status == 200, answer.text
    return str(answer.json["access_token"])
