"""Programs take the short way (config.programs), and miss nothing that protects on the long one."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

import config.dx
from accounts.models import Session, User
from config.middleware import HEADERS
from tests.tokens.factories import token_and_text

pytestmark = pytest.mark.django_db
CALLS = [("GET", "/api/v1/me/"), ("POST", "/system/whoami")]


def call(method: str, path: str, text: str, **headers: str) -> Any:
    client = Client(headers={"authorization": f"Bearer {text}", **headers}, raise_request_exception=False)
    return client.generic(method, path, "{}" if method == "POST" else "", content_type="application/json")


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_web_02_a_program_s_answer_has_the_headers_of_every_answer(amy: User, method: str, path: str) -> None:
    answer = call(method, path, token_and_text(user=amy)[1])
    assert answer.status_code == 200
    assert {name: answer[name] for name in HEADERS} == HEADERS
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Length"] == str(len(answer.content))


@pytest.mark.parametrize(("method", "path", "refused"), [(*CALLS[0], 400), (*CALLS[1], 422)])
def test_another_name_in_host_is_refused_on_the_short_way_too(amy: User, method: str, path: str, refused: int) -> None:
    text = token_and_text(user=amy)[1]
    assert call(method, path, text, host="testserver").status_code == 200
    strangers = ("evil.example", "evil.example:80", "a b", "testserver@evil")
    assert {call(method, path, text, host=host).status_code for host in strangers} == {refused}


@pytest.mark.parametrize("text", ["", "ght_nothing"])
def test_api_07_a_cookie_beside_a_bearer_counts_for_nothing(web: Any, amy: User, text: str) -> None:
    web.sign_in(amy)
    cookie = {"cookie": f"{settings.SESSION_COOKIE_NAME}={web.cookies[settings.SESSION_COOKIE_NAME].value}"}
    assert call("GET", "/api/v1/me/", text, **cookie).status_code == 401
    assert call("POST", "/system/whoami", text, **cookie).status_code == 401
    assert Session.objects.count() == 1


def test_an_address_without_anything_is_a_problem_with_a_bearer_too(amy: User) -> None:
    answer = call("GET", "/api/v1/nothing/", token_and_text(user=amy)[1])
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_fault_of_ours_on_the_short_way_is_a_500_in_the_door_s_shape(amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: object, **named: object) -> None:
        raise RuntimeError("marker-1234")

    text = token_and_text(user=amy)[1]
    monkeypatch.setattr("tokens.api.MeView.get", fail)
    monkeypatch.setitem(config.dx.ROUTES, "system/whoami", fail)
    rest, dx = call("GET", "/api/v1/me/", text), call("POST", "/system/whoami", text)
    assert (rest.status_code, rest["Content-Type"], rest.json()["code"]) == (500, "application/problem+json", "internal_error")
    assert (dx.status_code, json.loads(dx.content)["error"]["type"]) == (500, "InternalError")
    assert "marker" not in rest.content.decode() + dx.content.decode()
