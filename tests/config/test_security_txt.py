"""Whoever finds a weakness is told whom to turn to (OPS-08, RFC 9116)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

SECURITY_TXT = "/.well-known/security.txt"


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=200)])
def test_ops_08_security_txt_names_a_contact_and_expires_within_a_year(client: Client, clock: Any, settings: Any, ahead: timedelta) -> None:
    # No database mark: a query would fail the test.
    settings.SECURITY_CONTACT = "https://example.org/security"
    clock.shift(ahead)
    answer = client.get(SECURITY_TXT)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/plain; charset=utf-8")
    lines = answer.content.decode().splitlines()
    told = dict(line.split(": ", 1) for line in lines)
    assert len(told) == len(lines)  # each once
    assert told["Contact"] == "https://example.org/security"
    assert told["Canonical"] == settings.SITE_URL + SECURITY_TXT
    expires = datetime.fromisoformat(told["Expires"])
    assert timedelta(days=30) < expires - datetime.now(UTC) < timedelta(days=365)
    assert not answer.cookies
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_ops_08_without_a_word_on_it_the_contact_is_support(client: Client, settings: Any) -> None:
    assert f"Contact: mailto:{settings.SUPPORT_EMAIL}\n" in client.get(SECURITY_TXT).content.decode()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE"])
def test_ops_08_it_is_only_read(client: Client, method: str) -> None:
    assert client.generic(method, SECURITY_TXT).status_code == 405
