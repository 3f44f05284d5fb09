"""/healthz and /readyz: short answers in a short time, without a session (OPS-09)."""

import threading
import time
from collections.abc import Iterator

import pytest
from django.db import OperationalError
from django.test import Client

from config import readiness


def test_healthz_asks_nobody(client: Client) -> None:
    # No database mark: a query would fail the test.
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert not answer.cookies


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE"])
def test_only_reading_methods_are_taken(client: Client, path: str, method: str) -> None:
    answer = client.generic(method, path)
    assert answer.status_code == 405
    assert "GET" in answer["Allow"]


@pytest.mark.django_db(transaction=True)
def test_readyz_is_ok_when_database_and_cache_answer(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "parts": {"database": "ok", "cache": "ok"}})


def _fail() -> None:
    raise OperationalError("host db-7.internal refused user gatehouse")


def test_a_part_that_fails_is_named_and_nothing_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PROBES", [readiness.Probe("database", _fail), readiness.Probe("cache", lambda: None)])
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (
        503,
        {"status": "not ok", "parts": {"database": "not ok", "cache": "ok"}},
    )


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds up whoever waits for it until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_a_part_that_hangs_costs_less_than_two_seconds_and_one_thread(
    client: Client, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    def hang() -> None:
        gate.wait()

    monkeypatch.setattr(readiness, "DEADLINE_SECONDS", 0.2)
    monkeypatch.setattr(readiness, "PROBES", [readiness.Probe("hanging", hang)])
    before, started = threading.active_count(), time.monotonic()
    answers = [client.get("/readyz") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert time.monotonic() - started < 2
    assert threading.active_count() - before == 1
