"""Whoever sends bodies and does not finish them holds a few threads, not all (REL-05)."""

from contextlib import ExitStack

import pytest
from django.test import Client

from config.bodies import PER_ADDRESS, RESERVED_THREADS, BodySlots, Crowded


def take(slots: BodySlots, address: str, times: int) -> ExitStack:
    held = ExitStack()
    for _ in range(times):
        held.enter_context(slots.take(address))
    return held


def test_one_address_reads_a_few_bodies_at_a_time_and_others_go_on() -> None:
    slots = BodySlots(threads=64)
    held = take(slots, "192.0.2.1", PER_ADDRESS)
    with pytest.raises(Crowded):
        take(slots, "192.0.2.1", 1)
    take(slots, "192.0.2.2", 1)
    held.close()
    take(slots, "192.0.2.1", PER_ADDRESS)


def test_some_threads_are_left_for_requests_without_a_body() -> None:
    slots = BodySlots(threads=RESERVED_THREADS + 10)
    held = [take(slots, f"192.0.2.{number}", 1) for number in range(10)]
    with pytest.raises(Crowded):
        take(slots, "192.0.2.99", 1)
    held[0].close()
    take(slots, "192.0.2.99", 1)


def test_a_request_whose_body_finds_no_place_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.bodies.PER_ADDRESS", 0)
    answer = Client().post("/login/", {"username": "amy"})
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert Client().get("/healthz").status_code == 200
