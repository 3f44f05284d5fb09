"""What programs send to every route: fields too many, hostile values, names of columns, pages without end (API-01 to API-04)."""

import json
import re
from typing import Any

import pytest
from django.apps import apps
from django.test import Client

from accounts.models import Counter, SecurityEvent, User
from config.api import Pages
from config.openapi import document
from tests.access.surface import dx_calls, filled, is_rest, routes
from tests.access.test_foreign_ids import FIELDS
from tests.config.test_strict_json import NASTY
from tests.projects.factories import project_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import TokenFactory, token_and_text
from tokens.models import Token

pytestmark = pytest.mark.django_db
OURS = ("accounts", "orgs", "projects", "tokens", "work", "twofactor")
# What is no value of any field: each stands in the place of every field at once.
WRONG: dict[str, Any] = {
    "an array": [], "an object": {"a": {"b": []}}, "true": True, "null": None, "half": 1.5, "minus": -1, "beyond 53 bits": 2**60,
    "an empty text": "", "a long text": "x" * 100_000, "controls": "a\x1b[2J\u202e\u2028", "a million deep key": {"k" * 5000: 1},
}  # fmt: skip
COLUMNS = [
    {"_connector": "OR"}, {"_negated": "1"}, {"user__password__startswith": "a"}, {"ordering": "user__password"}, {"order_by": "digest"},
    {"sort": "user__password"}, {"fields": "digest"}, {"filter": "pk__gt"}, {"user": "amy"}, {"pk__gt": "0"}, {"o": "-digest"},
]  # fmt: skip
SECRET_COLUMNS = {"fields": {"user__password": True, "digest": True}, "_connector": "OR", "user__password__startswith": "", "pk": 1}


@pytest.fixture
def text(amys: dict[str, str], amy: User) -> str:
    """The text of a token that nothing narrows."""
    return token_and_text(user=amy, label="caller")[1]


def bodies() -> list[tuple[str, str, dict[str, Any]]]:
    """Return route, method and schema of each body that REST takes."""
    told = json.loads(document().body)
    found = []
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            if body := operation.get("requestBody"):
                shape = body["content"]["application/json"]["schema"]
                named = told["components"]["schemas"][shape["$ref"].rpartition("/")[2]] if "$ref" in shape else shape
                found.append((re.sub(r"{(\w+)}", r"<\1>", path), method.upper(), named))
    return found


def columns() -> set[str]:
    """Return the names of all columns of all tables of ours."""
    models = [model for model in apps.get_models() if model._meta.app_label in OURS]
    return {field.name for model in models for field in model._meta.get_fields()} | {"is_staff", "is_superuser", "groups", "kind", "pk"}


@pytest.mark.once
def test_api_01_no_column_is_written_that_a_route_does_not_list(amys: dict[str, str], text: str) -> None:
    tried = 0
    for route, method, shape in bodies():
        too_many = sorted(columns() - set(shape["properties"]))
        assert len(too_many) > 60, route
        answer: Any = rest(method, filled(route, amys), text, dict.fromkeys(too_many, "1"))
        if answer.status_code != 403:  # the token of a job alone
            assert answer.status_code == 400, (route, answer.content)
            assert set(answer.json()["errors"]) & set(too_many), route
        tried += 1
    assert tried > 12
    amy = User.objects.get(username="amy")
    assert (amy.is_staff, amy.is_superuser) == (False, False)
    assert Token.objects.filter(user=amy).count() == 2
    assert Token.objects.get(public_id=amys["token"]).label == "amys token"


@pytest.mark.once
def test_api_02_no_route_of_rest_fails_over_a_hostile_body(amys: dict[str, str], text: str) -> None:
    headers = {"authorization": f"Bearer {text}"}
    small = {name: raw for name, raw in NASTY.items() if len(raw) < 10_000 and raw}
    for route, method, shape in bodies():
        address = filled(route, amys)
        for name, raw in small.items():
            answer: Any = Client().generic(method, address, raw, "application/json", headers=headers)
            assert answer.status_code in (400, 403), (route, name)
        for name, wrong in WRONG.items():
            answer = rest(method, address, text, dict.fromkeys(shape["properties"], wrong))
            assert answer.status_code < 500, (route, name)
            assert answer["Content-Type"] == "application/problem+json" or answer.status_code in (200, 201), (route, name)


@pytest.mark.once
def test_api_02_no_call_of_dx_fails_over_a_hostile_body(amys: dict[str, str], text: str) -> None:
    headers = {"authorization": f"Bearer {text}"}
    small = {name: raw for name, raw in NASTY.items() if len(raw) < 10_000 and raw}
    for call in dx_calls(amys):
        if call.endswith("/destroyAuthToken"):
            continue
        for name, raw in small.items():
            answer: Any = Client().post(call, raw, "application/json", headers=headers)
            assert (answer.status_code, answer.json()["error"]["type"]) in ((400, "MalformedJSON"), (422, "InvalidInput")), (call, name)
        for name, wrong in WRONG.items():
            answer = dx(call, dict.fromkeys({*FIELDS, "describe", "limit", "starting", "project", "id", "scope", "expires"}, wrong), text)
            assert answer.status_code < 500, (call, name, answer.content)


@pytest.mark.once
@pytest.mark.parametrize("wrong", [None, 5, True, ["x"], {"a": 1}, 1.5])
def test_api_02_a_password_that_is_no_text_is_no_failed_login(amy: User, wrong: Any) -> None:
    answer = dx("/system/newAuthToken", {"username": "amy", "password": wrong, "expires": 1_900_000_000_000})
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "InvalidInput")
    assert not Counter.objects.exists()
    assert not SecurityEvent.objects.exists()


def rows_of(answer: Any) -> list[Any]:
    """Return the rows of an answer, without what differs each time."""
    return re.sub(r"\d{13}-\d{1,6}", "", answer.content.decode()).splitlines()


@pytest.mark.usefixtures("clock")
def test_api_03_no_parameter_reaches_a_column(amys: dict[str, str], text: str) -> None:
    lists = 0
    for route in filter(is_rest, routes()):
        address = filled(route, amys)
        plain: Any = rest("GET", address, text)
        if plain.status_code != 200 or "export" in route:
            continue
        lists += 1
        for asked in COLUMNS:
            query = "&".join(f"{name}={value}" for name, value in asked.items())
            answer: Any = rest("GET", f"{address}?{query}", text)
            # Filters that a log does not have are refused by name; every other parameter is not read.
            assert answer.status_code in (200, 422), (route, asked)
            if answer.status_code == 200 and "security-log" not in route:
                assert rows_of(answer) == rows_of(plain), (route, asked)
    assert lists > 10
    for call in dx_calls(amys):
        if call.rpartition("/")[2].startswith(("find", "describe", "list")):
            answer = dx(call, SECRET_COLUMNS, text)
            assert answer.status_code < 500, call
            assert not re.search(r"user__password|[0-9a-f]{64}|md5\$|argon2", answer.content.decode()), call


@pytest.mark.usefixtures("clock")
def test_api_04_every_list_has_a_greatest_page_and_an_order_that_stays(
    amys: dict[str, str], text: str, amy: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    TokenFactory.create_batch(3, user=amy)
    project_of(amy)
    monkeypatch.setattr(Pages, "max_page_size", 1)
    lists = 0
    for route in filter(is_rest, routes()):
        address = filled(route, amys)
        whole: Any = rest("GET", address, text)
        if whole.status_code != 200 or "results" not in (whole.json() if whole["Content-Type"] == "application/json" else {}):
            continue
        lists += 1
        answer: Any = rest("GET", f"{address}?limit=1000000000", text)
        assert (answer.status_code, len(answer.json()["results"])) == (200, min(1, len(whole.json()["results"]))), route
        assert rest("GET", f"{address}?limit=0", text).status_code == 400, route
        assert rest("GET", f"{address}?cursor=cD0y", text).status_code in (200, 404), route
        assert rest("GET", f"{address}?cursor=nonsense", text).status_code == 404, route
        seen, page = [], answer
        while (following := page.json()["next"]) and len(seen) < 20:
            seen += page.json()["results"]
            page = rest("GET", following.replace("http://testserver", ""), text)
        seen += page.json()["results"]
        assert [row.get("id", row.get("user")) for row in seen] == [row.get("id", row.get("user")) for row in whole.json()["results"]], (
            route
        )
    assert lists > 8
    for call in dx_calls(amys):
        if call.rpartition("/")[2].startswith("find"):
            assert dx(call, {"limit": 10**9}, text).status_code in (200, 422), call
            answer = dx(call, {"limit": 1}, text)
            assert answer.status_code == 422 or len(answer.json()["results"]) <= 1, call
    assert Token.objects.of(amy).count() == 5
