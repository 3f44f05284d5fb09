"""Every answer carries what WEB-01, WEB-02 and WEB-03 ask for."""

import re

import pytest
from django.test import Client, override_settings

from config.middleware import HEADERS, new_request_id

PATHS = ["/healthz", "/login/", "/nothing/", "/api/v1/me/", "/static/gatehouse.css", "/static/nothing.css"]
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
pytestmark = [pytest.mark.django_db, pytest.mark.once]


@pytest.mark.parametrize("path", PATHS)
def test_web_02_every_answer_has_the_security_headers(client: Client, path: str) -> None:
    answer = client.get(path)
    assert {name: answer[name] for name in HEADERS} == HEADERS
    assert re.fullmatch(r"\d{13}-\d{1,6}", answer["X-Request-Id"])
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("path", ["/login/", "/nothing/"])
def test_web_03_every_page_has_the_strict_policy_and_stays_out_of_caches(client: Client, path: str) -> None:
    answer = client.get(path)
    assert set(answer["Content-Security-Policy"].split("; ")) == POLICY
    assert answer["Cache-Control"] == "no-store"


def test_a_style_sheet_may_be_kept(client: Client) -> None:
    assert "max-age" in client.get("/static/gatehouse.css")["Cache-Control"]


@override_settings(SITE_URL="https://gatehouse.example.org", SECURE_HSTS_SECONDS=31_536_000, SECURE_HSTS_INCLUDE_SUBDOMAINS=True)
def test_web_02_over_tls_browsers_are_told_to_stay_there(client: Client) -> None:
    assert client.get("/healthz")["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


def test_request_ids_have_the_form_that_programs_match_on() -> None:
    made = {new_request_id() for _ in range(200)}
    assert all(re.fullmatch(r"\d{13}-\d{1,6}", identifier) for identifier in made)
    assert len(made) > 190


def test_api_06_no_origin_gets_a_cors_answer(client: Client) -> None:
    answer = client.options("/api/v1/me/", headers={"origin": "https://evil.example", "access-control-request-method": "GET"})
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
