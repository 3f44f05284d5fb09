"""The schema and its page are for everybody: no session, no query, no other host, and made once (API-07, API-08, WEB-01)."""

import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from config import openapi
from tests.conftest import WebDoor

pytestmark = pytest.mark.once

SCHEMA, PAGE = "/api/v1/schema/", "/api/v1/docs/"


@pytest.mark.parametrize("path", [SCHEMA, PAGE])
def test_api_07_neither_cookie_nor_bearer_is_looked_at(web: WebDoor, amy: User, path: str) -> None:
    web.sign_in(amy)
    with CaptureQueriesContext(connection) as captured:
        plain = Client().get(path)
        signed_in = web.get(path)
        wrong = web.get(path, headers={"authorization": "Bearer nonsense"})
    assert [answer.status_code for answer in (plain, signed_in, wrong)] == [200, 200, 200]
    assert plain.content == signed_in.content == wrong.content
    assert not captured.captured_queries
    assert not [answer.cookies for answer in (plain, signed_in, wrong) if answer.cookies]
    assert "Cookie" not in plain.headers.get("Vary", "")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("application/vnd.oai.openapi+json", "application/vnd.oai.openapi+json"),
    ],
)
def test_the_schema_comes_as_json_and_under_its_own_name(client: Client, accept: str, media_type: str) -> None:
    answer = client.get(SCHEMA, headers={"accept": accept})
    assert answer["Content-Type"] == media_type
    assert json.loads(answer.content)["info"]["version"] == "0.1.0"


def test_no_other_media_type_of_the_schema_is_there(client: Client) -> None:
    for headers in ({"accept": "text/html"}, {"accept": "application/yaml"}):
        answer = client.get(SCHEMA, headers=headers)
        assert (answer.status_code, answer["Content-Type"]) == (406, "application/problem+json")


def test_the_schema_is_made_once_in_a_process(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.get(SCHEMA)
    monkeypatch.setattr(openapi, "SchemaGenerator", lambda: pytest.fail("made again"))
    assert client.get(SCHEMA).status_code == 200


def test_a_client_that_has_the_schema_is_told_so(client: Client) -> None:
    first = client.get(SCHEMA)
    assert first["Cache-Control"] == "public, no-cache"
    again = client.get(SCHEMA, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    assert client.get(SCHEMA, headers={"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("path", [SCHEMA, PAGE])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method_is_405_for_programs(path: str, method: str) -> None:
    answer = Client(enforce_csrf_checks=True).generic(method, path, b"{}", content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert "GET" in answer["Allow"]
    assert json.loads(answer.content)["code"] == "method_not_allowed"


def test_api_08_one_address_cannot_ask_for_the_schema_without_end(client: Client, clock: Any) -> None:
    most = int(settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]["schema per address"].partition("/")[0])
    answers = [client.get(SCHEMA) for _ in range(most + 1)]
    assert [answer.status_code for answer in answers] == [200] * most + [429]
    assert answers[-1]["Retry-After"] == "60"
    assert client.get(PAGE).status_code == 200


def test_web_01_the_page_loads_from_here_alone_and_says_where_the_schema_is(client: Client) -> None:
    answer = client.get(PAGE)
    text = answer.content.decode()
    assert not re.findall(r'(?:src|href)="(?!/|#|mailto:)', text)
    assert f'data-schema="{SCHEMA}"' in text
    assert "'unsafe-inline'" not in answer["Content-Security-Policy"]
    for address in re.findall(r'(?:src|href)="(/static/[^"]+)"', text):
        assert client.get(address).status_code == 200, address
