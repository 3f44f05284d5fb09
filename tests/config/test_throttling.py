"""Expensive routes are limited, per person and per address (API-08); others pay nothing for it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import get_resolver, include, path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView

from accounts.models import User
from config import urls
from tests.tokens.factories import token_and_text

PER_PERSON, PER_ADDRESS = 3, 5
RATES = {"dear per person": f"{PER_PERSON}/min", "dear per address": f"{PER_ADDRESS}/min", "half per person": "1/min"}
DEAR, HALF, CHEAP = "/api/v1/test/dear/", "/api/v1/test/half/", "/api/v1/test/cheap/"


class Dear(APIView):
    throttle_scope = "dear"

    def get(self, request: Request) -> Response:
        return Response({})


class Half(Dear):
    throttle_scope = "half"


class Cheap(Dear):
    throttle_scope = ""


handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500
urlpatterns = [
    path(DEAR[1:], Dear.as_view()),
    path(HALF[1:], Half.as_view()),
    path(CHEAP[1:], Cheap.as_view()),
    path("", include("config.urls")),
]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]
Ask = Callable[..., Any]


@pytest.fixture(autouse=True)
def _rates(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in api_settings.DEFAULT_THROTTLE_CLASSES:
        monkeypatch.setattr(limit, "THROTTLE_RATES", RATES)


@pytest.fixture
def ask(clock: Any) -> Ask:
    """Asks as a person from an address, while time stands still."""
    texts: dict[str, str] = {}

    def get(address: str, person: User, ip: str = "192.0.2.1", **headers: str) -> Any:
        text = texts.setdefault(person.username, token_and_text(user=person)[1])
        return Client(REMOTE_ADDR=ip).get(address, headers={"authorization": f"Bearer {text}", **headers})

    return get


def statuses(times: int, call: Callable[[int], Any]) -> list[int]:
    return [call(number).status_code for number in range(times)]


def test_api_08_a_person_who_asks_too_often_is_told_when_to_come_back(ask: Ask, amy: User, ben: User, clock: Any) -> None:
    assert statuses(PER_PERSON, lambda n: ask(DEAR, amy, f"192.0.2.{n}")) == [200] * PER_PERSON
    clock.shift(20)
    refused = ask(DEAR, amy, "192.0.2.99")
    body = json.loads(refused.content)
    assert (refused.status_code, refused["Content-Type"], refused["Retry-After"]) == (429, "application/problem+json", "40")
    assert (body["code"], body["detail"]) == ("throttled", "Too many requests. Try again in 40 seconds")
    assert ask(DEAR, ben, "192.0.2.99").status_code == 200
    clock.shift(40)
    assert ask(DEAR, amy).status_code == 200


def test_all_tokens_and_sessions_of_a_person_count_together(amy: User, clock: Any) -> None:
    texts = [token_and_text(user=amy)[1] for _ in range(PER_PERSON + 1)]
    answers = statuses(len(texts), lambda n: Client(REMOTE_ADDR=f"192.0.2.{n}").get(DEAR, headers={"authorization": f"Bearer {texts[n]}"}))
    assert answers == [200] * PER_PERSON + [429]


def test_api_08_an_address_is_limited_whoever_asks_and_a_network_of_ipv6_is_one(ask: Ask, browsers: Any) -> None:
    people = [User.objects.create_user(f"person{n}", f"person{n}@example.com") for n in range(PER_ADDRESS + 1)]
    assert statuses(len(people), lambda n: ask(DEAR, people[n], f"2001:db8::{n}")) == [200] * PER_ADDRESS + [429]
    assert ask(DEAR, people[0], "2001:db8:0:1::1").status_code == 200


def test_a_header_that_anybody_can_send_makes_no_other_address(ask: Ask) -> None:
    people = [User.objects.create_user(f"person{n}", f"person{n}@example.com") for n in range(PER_ADDRESS + 1)]
    answers = statuses(len(people), lambda n: ask(DEAR, people[n], **{"x-forwarded-for": f"198.51.100.{n}"}))
    assert answers == [200] * PER_ADDRESS + [429]


def test_a_scope_with_a_rate_of_one_kind_is_limited_by_that_alone(ask: Ask, amy: User, ben: User) -> None:
    assert statuses(2, lambda n: ask(HALF, amy)) == [200, 429]
    assert ask(HALF, ben).status_code == 200


def test_a_route_without_a_scope_is_not_counted(ask: Ask, amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "get", lambda *_: pytest.fail("the cache was asked"))
    assert statuses(PER_ADDRESS + 1, lambda _: ask(CHEAP, amy)) == [200] * (PER_ADDRESS + 1)


def test_a_rate_that_was_lowered_meanwhile_still_says_when_to_come_back(ask: Ask, amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    statuses(PER_PERSON, lambda _: ask(DEAR, amy))
    monkeypatch.setitem(RATES, "dear per person", "1/min")
    assert int(ask(DEAR, amy)["Retry-After"]) == 60


def test_every_scope_of_a_route_has_a_rate_for_addresses(settings: Any) -> None:
    rates = settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"]
    views = [getattr(pattern.callback, "cls", None) for pattern in every_pattern(get_resolver("config.urls"))]
    scopes = {scope for view in views if (scope := getattr(view, "throttle_scope", None))}
    assert "schema" in scopes
    assert {f"{scope} per address" for scope in scopes} <= set(rates)


def every_pattern(resolver: Any) -> list[Any]:
    inner = [getattr(pattern, "url_patterns", None) for pattern in resolver.url_patterns]
    return [
        found
        for pattern, nested in zip(resolver.url_patterns, inner, strict=True)
        for found in (every_pattern(pattern) if nested is not None else [pattern])
    ]
