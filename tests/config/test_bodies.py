"""Whoever sends bodies and does not finish them holds a few threads, not all (REL-05)."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import Client

from config.bodies import PER_ADDRESS, RESERVED_THREADS, BodySlots, slots_of
from tests.tokens.factories import token_and_text
from tokens.models import Token


def taken(slots: BodySlots, address: str, times: int) -> list[bool]:
    return [slots.take(address) for _ in range(times)]


def test_one_address_reads_a_few_bodies_at_a_time_and_others_go_on() -> None:
    slots, _ = slots_of(64)
    assert taken(slots, "192.0.2.1", PER_ADDRESS + 1) == [True] * PER_ADDRESS + [False]
    assert slots.take("192.0.2.2")
    for _ in range(PER_ADDRESS):
        slots.give_back("192.0.2.1")
    assert taken(slots, "192.0.2.1", PER_ADDRESS) == [True] * PER_ADDRESS


def test_some_threads_are_left_for_requests_without_a_body() -> None:
    slots, streams = slots_of(2 * (RESERVED_THREADS + 10))
    assert [streams.take(f"192.0.2.{number}") for number in range(19)] == [True] * 18 + [False]
    assert [slots.take(f"192.0.2.{number}") for number in range(11)] == [True] * 10 + [False]
    slots.give_back("192.0.2.0")
    assert slots.take("192.0.2.99")


def test_who_waits_for_a_slot_gets_the_one_that_is_given_back() -> None:
    slots, _ = slots_of(64)
    taken(slots, "192.0.2.1", PER_ADDRESS)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(slots.take, "192.0.2.1")
        slots.give_back("192.0.2.1")
        assert waiting.result(timeout=5)


def test_a_request_whose_body_finds_no_place_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.bodies.PER_ADDRESS", 0)
    answer = Client().post("/login/", {"username": "amy"})
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert Client().get("/healthz").status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"), [("/system/newAuthToken", 422), ("/api/v1/tokens/", 411), ("/api/v1/tokens/token-x/rotate/", 411), ("/login/", 411)]
)
def test_a_body_in_chunks_is_refused_and_not_taken_for_an_empty_one(path: str, status: int) -> None:
    text = token_and_text()[1]
    answer = Client().post(
        path, b"", content_type="application/json", HTTP_TRANSFER_ENCODING="chunked", headers={"Authorization": f"Bearer {text}"}
    )
    assert answer.status_code == status
    assert b"Content-Length" in answer.content
    assert Token.objects.count() == 1


@pytest.mark.django_db
def test_an_export_takes_a_place_among_the_streams_only_once_somebody_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    text = token_and_text()[1]
    path, headers = "/api/v1/security-log/export/", {"Authorization": f"Bearer {text}"}
    assert Client().post("/security/history/export/", {"event": "x" * (1024 * 1024)}).status_code == 413
    streams = Client().get(path, headers=headers)
    assert b'"end":true' in streams.getvalue()
    monkeypatch.setattr(BodySlots, "take", lambda slots, address: False)
    assert Client().get(path).status_code == 401
    assert Client().get(path, headers=headers).status_code == 503
