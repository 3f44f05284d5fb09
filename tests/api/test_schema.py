"""The OpenAPI schema describes the REST door: all of it, and nothing else, with examples that hold (I4)."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import get_resolver
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from rest_framework.views import APIView

from accounts.errors import GatehouseError
from config import openapi
from tests.test_docs import every_subclass, first_column, routes, section

pytestmark = pytest.mark.once

DOCUMENT: dict[str, Any] = json.loads(openapi.document().body)
PAGE = "/api/v1/docs/"
METHODS = ("get", "post", "put", "patch", "delete")


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each operation, with a name for people who read of a failure."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def media() -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the media types of every body and every answer."""
    for name, operation in operations():
        bodies = {"body": operation.get("requestBody", {}), **operation["responses"]}
        for part, body in bodies.items():
            for media_type, content in resolved(body).get("content", {}).items():
                yield f"{name} {part} {media_type}", content


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference names."""
    name = part.get("$ref", "").removeprefix("#/components/").split("/")
    return DOCUMENT["components"][name[0]][name[1]] if len(name) == 2 else part


def errors_of(value: object, schema: dict[str, Any]) -> list[str]:
    """Return what is wrong with `value`; formats are checked, too."""
    whole = {**schema, "components": DOCUMENT["components"]}
    return [error.message for error in jsonschema_rs.Draft202012Validator(whole, validate_formats=True).iter_errors(value)]


def test_every_rest_route_is_in_the_schema_and_no_other() -> None:
    known = {re.sub(r"<(\w+)>", r"{\1}", address) for address in routes() if address.startswith("/api/")}
    assert set(DOCUMENT["paths"]) == known - {PAGE}


def test_every_method_of_a_route_is_in_the_schema_and_no_other() -> None:
    for path, described in DOCUMENT["paths"].items():
        view = get_resolver().resolve(path.replace("{id}", "x")).func.view_class  # type: ignore[attr-defined]
        assert set(described) == {method for method in METHODS if hasattr(view, method)}, path


def test_it_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    validate_schema(DOCUMENT)


def test_it_is_made_without_a_warning() -> None:
    SchemaGenerator().get_schema(request=None, public=True)
    assert not GENERATOR_STATS


@pytest.mark.parametrize(("name", "operation"), list(operations()))
def test_an_operation_says_what_it_does_where_it_belongs_and_who_may(name: str, operation: dict[str, Any]) -> None:
    assert operation["description"]
    assert 5 < len(operation["summary"]) < 90
    assert re.fullmatch(r"[a-z_]+", operation["operationId"])
    assert {tag["name"]: bool(tag["description"]) for tag in DOCUMENT["tags"]}[operation["tags"][0]]
    assert operation["security"]
    assert all(parameter["description"] for parameter in operation.get("parameters", []))


def test_no_two_operations_have_one_id() -> None:
    names = [operation["operationId"] for _, operation in operations()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("name", "content"), list(media()))
def test_every_body_and_every_answer_has_an_example_that_fits(name: str, content: dict[str, Any]) -> None:
    assert errors_of(content["example"], content["schema"]) == []


@pytest.mark.parametrize(("name", "operation"), list(operations()))
def test_a_body_lists_its_fields_and_takes_no_other(name: str, operation: dict[str, Any]) -> None:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        assert errors_of({**content["example"], "is_staff": True}, content["schema"])


@pytest.mark.parametrize(("name", "operation"), list(operations()))
def test_an_operation_tells_how_it_refuses(name: str, operation: dict[str, Any]) -> None:
    expected = {"406", "503"}
    if operation["security"] != [{}]:
        expected |= {"401", "403"}
    if "requestBody" in operation:
        expected |= {"400", "413", "415"}
    if any(parameter["in"] == "query" for parameter in operation.get("parameters", [])):
        expected |= {"400"}
    if any(parameter["name"] in ("id", "cursor") for parameter in operation.get("parameters", [])):
        expected |= {"404"}
    assert expected <= set(operation["responses"])
    for status, answer in operation["responses"].items():
        headers = set(resolved(answer)["headers"])
        assert "X-Request-Id" in headers
        assert ("WWW-Authenticate" in headers) == (status == "401")
        assert ("Retry-After" in headers) == (status in ("429", "503"))


def test_every_code_in_it_is_documented() -> None:
    documented = {*first_column(section("docs/api.md", "Errors")), *first_column(section("docs/api.md", "Errors around a route"))}
    codes = {
        code
        for name, content in media()
        if name.endswith("problem+json")
        for code in content["schema"]["allOf"][1]["properties"]["code"]["enum"]
    }
    assert codes <= documented
    assert codes & {kind.code for kind in every_subclass(GatehouseError) if issubclass(kind, GatehouseError)}


def test_a_method_that_says_nothing_of_its_answer_is_refused() -> None:
    class Silent(APIView):
        def get(self, request: object) -> None: ...

    view = Silent()
    schema = openapi.RestSchema()
    schema.view, schema.method = view, "GET"
    with pytest.raises(ImproperlyConfigured, match=r"Silent\.get"):
        schema.answers  # noqa: B018  (asking is the test)
