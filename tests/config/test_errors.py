"""What went wrong is told by each door in its own shape, with a request id and without a detail of ours (WEB-08)."""

import json
import re
from typing import Any

import pytest
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path
from rest_framework import exceptions
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import GatehouseError
from config import dx, urls

REQUEST_ID = re.compile(r"\d{13}-\d{1,6}")


class Refused(GatehouseError):
    code, status, field = "test_refused", 409, "label"
    message = "This cannot be"
    dx_type, dx_status = "InvalidState", 422
    retry_after = 7


FAULTS: dict[str, Exception] = {
    "refused": Refused(),
    "missing": Http404("secret-detail"),
    "denied": PermissionDenied("secret-detail"),
    "broken": RuntimeError("secret-detail"),
    "database": OperationalError("secret-detail"),
}


@login_not_required
def page(request: HttpRequest, fault: str) -> HttpResponse:
    raise FAULTS[fault]


class Api(APIView):
    authentication_classes = ()
    permission_classes = (AllowAny,)

    def get(self, request: Request, fault: str) -> Response:
        raise FAULTS[fault]

    def post(self, request: Request, fault: str) -> Response:
        if fault == "invalid":
            raise exceptions.ValidationError({"label": ["This field is required."]})
        return Response({"data": request.data})


handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
urlpatterns = [
    path("test/<str:fault>/", page),
    path("api/v1/test/<str:fault>/", Api.as_view()),
    path("", include("config.urls")),
]

pytestmark = pytest.mark.urls(__name__)


@pytest.fixture
def client() -> Client:
    """A client that sees the answer to a fault as a browser would."""
    return Client(raise_request_exception=False)


STATUS = {"refused": 409, "missing": 404, "denied": 403, "broken": 500, "database": 503}


@pytest.mark.parametrize("fault", FAULTS)
def test_web_08_a_person_gets_a_page(client: Client, fault: str) -> None:
    answer = client.get(f"/test/{fault}/")
    assert answer.status_code == STATUS[fault]
    assert answer["Content-Type"].startswith("text/html")
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Request-Id"] in answer.content.decode()
    assert "secret-detail" not in answer.content.decode()


@pytest.mark.parametrize("fault", FAULTS)
def test_web_08_a_script_gets_a_problem(client: Client, fault: str) -> None:
    answer = client.get(f"/api/v1/test/{fault}/")
    assert answer["Content-Type"] == "application/problem+json"
    body = json.loads(answer.content)
    assert (answer.status_code, body["status"], body["type"]) == (STATUS[fault], STATUS[fault], "about:blank")
    assert body["request_id"] == answer["X-Request-Id"]
    assert {"title", "code", "detail"} <= set(body)
    assert not body["detail"].endswith(".")
    assert "secret-detail" not in answer.content.decode()


def test_a_typed_error_keeps_its_code_field_and_wait(client: Client) -> None:
    answer = client.get("/api/v1/test/refused/")
    body = json.loads(answer.content)
    assert (body["code"], body["detail"], body["errors"]) == ("test_refused", "This cannot be", {"label": ["This cannot be"]})
    assert answer["Retry-After"] == "7"


def test_a_database_that_is_away_says_when_to_come_back(client: Client) -> None:
    assert client.get("/test/database/")["Retry-After"] == "5"
    assert client.get("/api/v1/test/database/")["Retry-After"] == "5"


def test_bad_input_is_told_by_field(client: Client) -> None:
    answer = client.post("/api/v1/test/invalid/", {}, content_type="application/json")
    body = json.loads(answer.content)
    assert (answer.status_code, body["code"]) == (400, "invalid")
    assert body["errors"] == {"label": ["This field is required."]}


@pytest.mark.parametrize(
    ("content_type", "raw", "status"),
    [
        ("application/json", b'{"a": 1, "a": 2}', 400),
        ("application/json", b"1e400", 400),
        ("application/json", b'"' + b"a" * 1024 * 1024 + b'"', 413),
        ("application/x-www-form-urlencoded", b"a=1", 415),
        ("text/plain", b"{}", 415),
        ("application/json", b'{"a": 1}', 200),
    ],
)
def test_api_05_rest_takes_strict_json_only(client: Client, content_type: str, raw: bytes, status: int) -> None:
    answer = client.post("/api/v1/test/x/", raw, content_type=content_type)
    assert answer.status_code == status
    assert answer["Content-Type"] == ("application/json" if status == 200 else "application/problem+json")


def test_api_05_rest_answers_405_and_406_as_problems(client: Client) -> None:
    wrong_method = client.delete("/api/v1/test/x/")
    assert (wrong_method.status_code, wrong_method["Allow"]) == (405, "GET, POST, HEAD, OPTIONS")
    wrong_type = client.get("/api/v1/test/missing/", headers={"accept": "text/html"})
    assert (wrong_type.status_code, wrong_type["Content-Type"]) == (406, "application/problem+json")


def test_an_unknown_address_is_told_by_shape(client: Client) -> None:
    assert client.get("/nothing/")["Content-Type"].startswith("text/html")
    assert client.get("/api/v1/nothing/")["Content-Type"] == "application/problem+json"
    dx_answer = client.post("/nothing/here")
    assert (dx_answer.status_code, dx_answer.json()["error"]["type"]) == (404, "ResourceNotFound")


def test_a_wrong_host_is_400_in_every_shape(client: Client) -> None:
    wrong = {"host": "evil.example"}
    assert client.get("/login/", headers=wrong).status_code == 400
    assert client.get("/api/v1/me/", headers=wrong)["Content-Type"] == "application/problem+json"
    assert client.post("/system/whoami", headers=wrong).json()["error"]["type"] == "InvalidInput"


def test_web_04_a_form_without_its_token_is_a_readable_403() -> None:
    answer = Client(enforce_csrf_checks=True).post("/login/", {"username": "amy"})
    assert answer.status_code == 403
    assert answer["Content-Type"].startswith("text/html")


def _whoami(caller: Any, body: dict[str, Any]) -> dict[str, Any]:
    return {"body": body}


def _broken(request: HttpRequest, body: dict[str, Any]) -> dict[str, Any]:
    raise FAULTS[body["fault"]]


@pytest.fixture
def dx_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two calls that authenticate nobody."""
    monkeypatch.setattr(dx, "OPEN_ROUTES", {"system/echo": _whoami, "system/fail": _broken, "user-{id}/echo": _whoami})


@pytest.mark.usefixtures("dx_open")
class TestDx:
    def test_an_answer_is_json_with_its_length_and_no_cookie(self, client: Client) -> None:
        answer = client.post("/system/echo", b'{"a": 1}', content_type="application/json")
        assert answer.json() == {"body": {"a": 1}}
        assert answer["Content-Type"] == "application/json"
        assert answer["Content-Length"] == str(len(answer.content))
        assert not answer.cookies
        assert REQUEST_ID.fullmatch(answer["X-Request-Id"])

    def test_an_empty_body_is_an_empty_object(self, client: Client) -> None:
        assert client.post("/system/echo", b"", content_type="application/json").json() == {"body": {}}

    @pytest.mark.parametrize(
        ("raw", "status", "type_name"),
        [
            (b"{", 400, "MalformedJSON"),
            (b'{"a": NaN}', 400, "MalformedJSON"),
            (b"\xff", 400, "MalformedJSON"),
            (b"[]", 422, "InvalidInput"),
            (b"null", 422, "InvalidInput"),
            (b'"' + b"a" * 1024 * 1024 + b'"', 422, "InvalidInput"),
        ],
    )
    def test_a_body_that_is_no_object_is_refused(self, client: Client, raw: bytes, status: int, type_name: str) -> None:
        answer = client.post("/system/echo", raw, content_type="application/json")
        assert (answer.status_code, answer.json()["error"]["type"]) == (status, type_name)

    @pytest.mark.parametrize(
        ("fault", "status", "type_name"),
        [("refused", 422, "InvalidState"), ("broken", 500, "InternalError"), ("database", 503, "ServiceUnavailable")],
    )
    def test_an_error_is_an_envelope(self, client: Client, fault: str, status: int, type_name: str) -> None:
        answer = client.post("/system/fail", json.dumps({"fault": fault}), content_type="application/json")
        assert (answer.status_code, answer.json()["error"]["type"]) == (status, type_name)
        assert "secret-detail" not in answer.content.decode()

    def test_a_known_call_takes_post_only(self, client: Client) -> None:
        for method in ("GET", "PUT", "DELETE", "TRACE"):
            answer = client.generic(method, "/system/echo")
            assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize("call", ["/system/nothing", "/app-x/describe", "/app-x/1.0.0/describe", "/file-Invalid/run"])
def test_an_unknown_call_is_not_found(client: Client, call: str) -> None:
    answer = client.post(call, b"{}", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "ResourceNotFound")


def test_a_call_without_a_token_is_401_in_the_envelope(client: Client) -> None:
    answer = client.post("/system/whoami", b"{}", content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "InvalidAuthentication")


def test_a_page_s_address_without_its_slash_is_not_found_for_people(client: Client) -> None:
    answer = client.get("/profile/tokens")
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_oauth2_fails_outside_the_envelope(client: Client) -> None:
    answer = client.post("/oauth2/token", {"grant_type": "authorization_code"})
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_request"})
