"""/healthz and /readyz: short answers in a short time, without a session (OPS-09)."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from accounts.models import Session, WorkerBeat
from config import condition, readiness
from config.schedule import TASKS


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
def test_ops_09_readyz_is_ok_when_all_parts_answer_and_opens_no_session(client: Client, just_started: None) -> None:
    answer = client.get("/readyz")
    parts = {"database": "ok", "cache": "ok", "worker": "ok"}
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "parts": parts})
    assert not answer.cookies
    assert not Session.objects.exists()


@pytest.fixture
def just_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process began a moment ago."""
    monkeypatch.setattr(condition, "_started", timezone.now())


@pytest.fixture
def long_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has been up for an hour."""
    monkeypatch.setattr(condition, "_started", timezone.now() - timedelta(hours=1))


def beats(*, seconds_ago: int, **others: int) -> None:
    """Write the last round of each task; `others`: of one task another time ago, its blanks as underscores."""
    now = timezone.now()
    for task in TASKS:
        ago = timedelta(seconds=others.get(task.name.replace(" ", "_"), seconds_ago))
        WorkerBeat.objects.create(task=task.name, worker="here:1", started_at=now - ago, ended_at=now - ago)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("ago", "word"), [(0, "ok"), (100, "ok"), (130, "late")])
def test_f13_a_worker_that_was_not_heard_of_for_two_minutes_is_late_and_requests_go_on(
    ago: int, word: str, client: Client, long_up: None
) -> None:
    beats(seconds_ago=ago)
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["parts"]["worker"]) == (200, word)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("ahead", "word"), [(90, "ok"), (86_400, "late")])
def test_f11_a_round_in_the_future_is_no_sign_of_life_unless_another_clock_explains_it(
    ahead: int, word: str, client: Client, long_up: None
) -> None:
    beats(seconds_ago=-ahead)
    assert client.get("/readyz").json()["parts"]["worker"] == word


@pytest.mark.django_db(transaction=True)
def test_f13_one_task_that_hangs_is_late_though_the_others_go_on(client: Client, long_up: None) -> None:
    beats(seconds_ago=1, mails=130)
    assert client.get("/readyz").json()["parts"]["worker"] == "late"


@pytest.mark.django_db(transaction=True)
def test_f13_a_worker_that_never_came_is_late_two_minutes_after_the_start(client: Client, long_up: None) -> None:
    assert client.get("/readyz").json()["parts"]["worker"] == "late"


@pytest.mark.django_db(transaction=True)
def test_ops_09_without_its_cache_the_server_stays_in_and_says_so(
    client: Client, just_started: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "cache", caches.create_connection("forgetful"))
    answer = client.get("/readyz")
    parts = {"database": "ok", "cache": "not ok", "worker": "ok"}
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "parts": parts})


@pytest.fixture(autouse=True)
def _forgetful_cache(settings: Any) -> None:
    """A cache that keeps nothing, as Redis that is away."""
    settings.CACHES = {**settings.CACHES, "forgetful": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}}


def _fail() -> None:
    raise OperationalError("host db-7.internal refused user gatehouse")


def test_ops_09_a_part_that_fails_is_named_and_nothing_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_ops_09_a_part_that_hangs_costs_less_than_two_seconds_and_one_thread(
    client: Client, monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    def hang() -> None:
        gate.wait()

    monkeypatch.setattr(readiness, "DEADLINE_SECONDS", 0.2)
    monkeypatch.setattr(readiness, "PROBES", [readiness.Probe("database", hang)])
    before, started = threading.active_count(), time.monotonic()
    answers = [client.get("/readyz") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert time.monotonic() - started < 2
    assert threading.active_count() - before == 1


def test_ops_09_whoever_asks_at_the_same_moment_gets_the_same_answer(monkeypatch: pytest.MonkeyPatch, gate: threading.Event) -> None:
    asked: list[int] = []

    def ask() -> None:
        asked.append(1)
        gate.wait()

    monkeypatch.setattr(readiness, "PROBES", [readiness.Probe("database", ask)])
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(readiness.check) for _ in range(8)]
        time.sleep(0.1)
        gate.set()
        assert [answer.result() for answer in answers] == [{"database": "ok"}] * 8
    assert len(asked) == 1


def test_f06_asking_about_a_part_that_hangs_holds_no_thread(monkeypatch: pytest.MonkeyPatch, gate: threading.Event) -> None:
    def hang() -> None:
        gate.wait()

    monkeypatch.setattr(readiness, "DEADLINE_SECONDS", 0.3)
    monkeypatch.setattr(readiness, "PROBES", [readiness.Probe("database", hang)])
    assert readiness.check() == {"database": "not ok"}
    started = time.monotonic()
    assert [readiness.check() for _ in range(20)] == [{"database": "not ok"}] * 20
    assert time.monotonic() - started < 0.3
