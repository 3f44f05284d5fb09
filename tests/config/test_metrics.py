"""What is counted, for whom it is handed out, and that no name of a person gets into it."""

import socket
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, transaction
from django.test import Client
from prometheus_client import CollectorRegistry

from accounts import audit, meters, passwords
from accounts.audit import Actor
from accounts.events import LoginFailed
from accounts.models import OutboxMail, User
from config import condition
from config.cache import TolerantRedisCache
from config.metrics import Exporter, StateCollector
from config.schedule import Task
from tests.config.test_serve import environment, free_port, manage, served
from tests.conftest import WebDoor
from tests.factories import PASSWORD
from tests.journeys.house import until

__all__ = ["environment"]


@pytest.fixture
def on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where METRICS_PORT is set."""
    monkeypatch.setattr(meters, "ON", True)


def value(name: str, **labels: str) -> float:
    return meters.registry.get_sample_value(name, labels) or 0


def labels() -> set[str]:
    """Return every value of every label."""
    return {word for family in meters.registry.collect() for sample in family.samples for word in sample.labels.values()}


@pytest.mark.django_db
def test_a_request_is_counted_by_door_pattern_and_status_class(on: None, client: Client) -> None:
    asked = [
        ("web", "/login/", "2xx", lambda: client.get("/login/?next=/marker-1/")),
        ("web", "-", "4xx", lambda: client.get("/marker-2/")),
        ("admin", "/admin/people/<str:username>/", "3xx", lambda: client.get("/admin/people/marker-3/")),
        ("rest", "/api/v1/tokens/<str:public_id>/", "4xx", lambda: client.get("/api/v1/tokens/marker-4/")),
        ("dx", "/user-{id}/describe", "4xx", lambda: client.post("/user-marker5/describe")),
        ("dx", "/unknown-dx-call", "4xx", lambda: client.post("/marker-6/marker")),
        ("web", "/healthz", "2xx", lambda: client.get("/healthz")),
    ]
    for door, route, status, ask in asked:
        before = value("gatehouse_request_seconds_count", door=door, route=route, status=status)
        answer = ask()
        told = (door, route, answer.status_code)
        assert value("gatehouse_request_seconds_count", door=door, route=route, status=status) == before + 1, told
    assert not [word for word in labels() if "marker" in word]


@pytest.mark.django_db
def test_nothing_is_counted_where_no_port_is_set(client: Client) -> None:
    before = value("gatehouse_request_seconds_count", door="web", route="/healthz", status="2xx")
    client.get("/healthz")
    assert value("gatehouse_request_seconds_count", door="web", route="/healthz", status="2xx") == before


@pytest.mark.django_db(transaction=True)
def test_logins_and_the_ends_of_sessions_are_counted_and_name_nobody(on: None, web: WebDoor, amy: User) -> None:
    failed, passed = ({"event": f"login.{how}", "door": "web", "reason": ""} for how in ("failed", "passed"))
    ended = {"event": "session.ended", "door": "web", "reason": "signed-out"}
    before = [value("gatehouse_events_total", **what) for what in (failed, passed, ended)]
    web.send("/login/", {"username": amy.username, "password": "not it, by far"})
    web.send("/login/", {"username": amy.username, "password": PASSWORD})
    web.send("/logout/", {}, form_at="/")
    assert [value("gatehouse_events_total", **what) for what in (failed, passed, ended)] == [count + 1 for count in before]
    assert not {amy.username, amy.email, amy.public_id, "127.0.0.1"} & labels()


@pytest.mark.django_db(transaction=True)
def test_what_is_undone_was_not_counted(on: None, amy: User) -> None:
    what = {"event": "login.failed", "door": "web", "reason": ""}
    before = value("gatehouse_events_total", **what)
    with transaction.atomic():
        audit.record_many([(LoginFailed(), amy)] * 3, actor=Actor(user=None, door="web"))
        transaction.set_rollback(True)
    assert value("gatehouse_events_total", **what) == before
    audit.record_many([(LoginFailed(), amy)] * 3, actor=Actor(user=None, door="web"))
    assert value("gatehouse_events_total", **what) == before + 3


@pytest.mark.django_db
def test_a_refusal_is_counted_by_its_code(on: None, client: Client) -> None:
    told = [("dx", "token_unknown"), ("rest", "token_unknown")]
    before = [value("gatehouse_refusals_total", door=door, code=code) for door, code in told]
    bearer = {"authorization": "Bearer ght_nothing"}
    client.post("/system/whoami", headers=bearer)
    client.get("/api/v1/tokens/", headers=bearer)
    assert [value("gatehouse_refusals_total", door=door, code=code) for door, code in told] == [count + 1 for count in before]


@pytest.mark.django_db
def test_waits_for_a_hash_failures_of_redis_and_rounds_are_counted(on: None) -> None:
    before = [value("gatehouse_password_hash_wait_seconds_count"), value("gatehouse_cache_failures_total")]
    passwords.matches("a password", None)
    TolerantRedisCache("redis://127.0.0.1:1/0", {}).get("x")
    assert value("gatehouse_password_hash_wait_seconds_count") == before[0] + 1
    assert value("gatehouse_cache_failures_total") == before[1] + 1
    rounds = value("gatehouse_worker_round_seconds_count", task="mails", outcome="failed")
    meters.worker_round("mails", None, 0.5)
    assert value("gatehouse_worker_round_seconds_count", task="mails", outcome="failed") == rounds + 1


@pytest.fixture
def state() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(StateCollector())
    return registry


@pytest.mark.django_db(transaction=True)
def test_the_state_tells_what_waits_and_what_is_late(state: CollectorRegistry, amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(condition, "TASKS", (Task("never ran", "nowhere", 1),))
    monkeypatch.setattr(condition, "LATE_SECONDS", -2)
    OutboxMail.objects.create(message_id="<1@x>", to=amy.email, subject="s", text="t", html="h")
    told = {sample.name: sample.value for family in state.collect() for sample in family.samples}
    assert told["gatehouse_state_readable"] == 1
    assert (told["gatehouse_outbox_due"], told["gatehouse_outbox_failed"]) == (1, 0)
    assert told["gatehouse_outbox_oldest_due_seconds"] >= 0
    assert told["gatehouse_worker_task_late"] == 1
    assert amy.email not in repr(list(state.collect()))


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_is_told_and_the_rest_still_comes(state: CollectorRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("host db-7.internal refused")

    monkeypatch.setattr(condition, "outbox", away)
    assert state.get_sample_value("gatehouse_state_readable") == 0
    assert "db-7" not in repr(list(state.collect()))


def test_a_port_in_use_is_named(settings: Any) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings.METRICS_PORT = taken.getsockname()[1]
        exporter = Exporter(with_state=False)
        with pytest.raises(ImproperlyConfigured, match="METRICS_PORT"):
            exporter.open()
        exporter.close()
    assert not exporter.folder.exists()


@pytest.fixture
def watched(environment: dict[str, str]) -> dict[str, str]:
    """A house with two web processes whose metrics are handed out."""
    return {**environment, "METRICS_PORT": str(free_port()), "WEB_WORKERS": "2"}


@pytest.mark.once
def test_two_web_processes_and_the_worker_are_summed_up_on_a_port_of_their_own(watched: dict[str, str]) -> None:
    site, metrics = f"http://127.0.0.1:{watched['PORT']}", f"http://127.0.0.1:{watched['METRICS_PORT']}/metrics"
    with served(watched) as process:
        until(lambda: answers(f"{site}/readyz"), what="the server")
        asked = 1 + sum(bool(answers(f"{site}/readyz")) for _ in range(20))
        told = answers(metrics)
        (line,) = [line for line in told.splitlines() if line.startswith("gatehouse_request_seconds_count") and "/readyz" in line]
        assert float(line.rpartition(" ")[2]) == asked
        assert "gatehouse_outbox_due 0.0" in told
        until(lambda: 'gatehouse_worker_round_seconds_count{outcome="ok",task="mails"}' in answers(metrics), what="a round")
        with pytest.raises(HTTPError, match="404"):
            answers(f"{site}/metrics")
        process.terminate()
        assert process.wait(60) == 0
    assert not answers(metrics)


@pytest.mark.once
def test_the_parts_can_be_started_alone(environment: dict[str, str]) -> None:
    assert "invalid choice" in manage(environment, "serve", "--only", "mails").stderr
    with served(environment, "--only", "web") as process:
        parts = until(lambda: answers(f"http://127.0.0.1:{environment['PORT']}/readyz"), what="the server")
        assert '"database": "ok"' in parts
        process.terminate()
        assert process.wait(60) == 0


def answers(url: str) -> str:
    try:
        with urlopen(url, timeout=5) as answer:  # noqa: S310  (of this machine)
            return str(answer.read().decode())
    except HTTPError:
        raise
    except (URLError, OSError):
        return ""
