"""The security log is searched by filters that every door shares, and handed out as JSON Lines (S9.1, S9.2)."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from accounts import audit, exporting, history, limits, logbook
from accounts.audit import Event, Payload
from accounts.events import CredentialEnds, LoginFailed, LoginPassed, ResetAsked
from accounts.logbook import Filters
from accounts.models import SecurityEvent, User
from accounts.serializers import SecurityEventOutput
from tests.conftest import NOON, WebDoor
from tests.factories import actor
from tests.tokens.factories import token_and_text

LOG, HISTORY = "/api/v1/security-log/", "/security/history/"
DAY = timedelta(days=1)


@pytest.fixture
def amys(amy: User, ben: User, clock: Any) -> User:
    """amy, with an event on each of the four days before."""
    happened: list[tuple[Payload, User | None, dict[str, Any]]] = [
        (LoginPassed(), amy, {"ip": "192.0.2.1"}),
        (LoginFailed(), None, {"ip": "2001:db8::1"}),
        (ResetAsked(), ben, {"door": "admin"}),
        (CredentialEnds(), amy, {"door": "dx"}),
    ]
    for days, (data, who, seen) in zip((4, 3, 2, 1), happened, strict=True):
        clock.move_to(NOON - days * DAY)
        audit.record(data, subject=amy, actor=actor(who, **seen))
    clock.move_to(NOON)
    return amy


ASKED = {
    "": "password.changed password.reset-asked login.failed login.passed",
    "event=login.passed": "login.passed",
    "event=login.": "login.failed login.passed",
    "event=password.": "password.changed password.reset-asked",
    "event=&since=": "password.changed password.reset-asked login.failed login.passed",
    "since=2026-11-22": "password.changed password.reset-asked",
    "until=2026-11-21": "login.failed login.passed",
    "since=2026-11-21&until=2026-11-22": "password.reset-asked login.failed",
    "since=2026-11-21T12:00:00Z&until=2026-11-22T12:00Z": "password.reset-asked login.failed",
    "since=2026-11-21T12:00:01": "password.changed password.reset-asked",
    "since=2026-11-21T14:00:00%2B02:00&until=2026-11-21T14:00 02:00": "login.failed",
    "since=2026-11-21T14:00:00+02:00&until=2026-11-21T12:00Z": "login.failed",
    "door=dx": "password.changed",
    "door=admin": "password.reset-asked",
    "address=192.0.2.1": "login.passed",
    "address=2001:DB8:0::1": "login.failed",
    "event=login.&address=192.0.2.1&door=web": "login.passed",
    "event=token.": "",
    "nonsense=1": "password.changed password.reset-asked login.failed login.passed",
}


@pytest.mark.parametrize("asked", ASKED)
def test_a_filter_finds_what_fits_on_the_page_and_over_rest_alike(web: WebDoor, amys: User, asked: str) -> None:
    text = token_and_text(user=amys)[1]
    listed = Client(headers={"authorization": f"Bearer {text}"}).get(f"{LOG}?{asked}").json()["results"]
    assert " ".join(entry["event"] for entry in listed) == ASKED[asked]
    form_asked = web.sign_in(amys).get(f"{HISTORY}?until=2026-11-23&{asked}")
    titles = [entry.title for entry in form_asked.context["entries"]]
    assert titles == [entry["title"] for entry in listed] or "until" in asked


WRONG = {
    "event=nonsense": "event",
    "event=login": "event",
    "event=login.passed%00": "event",
    "since=yesterday": "since",
    "since=2026-02-30": "since",
    "since=20261124": "since",
    "since=0001-01-01T00:00%2B14:00": "since",
    "until=9999-12-31": "until",
    "until=2026-11-24T25:00": "until",
    "door=window": "door",
    "address=10.0.0.0/8": "address",
    "address=%00": "address",
    "actor=user-ben": "actor",
    "subject=user-ben": "subject",
    "request=1795518048545-596165": "request",
}


@pytest.mark.parametrize("asked", WRONG)
def test_a_filter_that_is_wrong_is_told_at_every_door(web: WebDoor, amys: User, asked: str) -> None:
    web.sign_in(amys)
    for path in (LOG, f"{LOG}export/"):
        refused = web.get(f"{path}?door=web&{asked}" if "door" not in asked else f"{path}?{asked}")
        assert (refused.status_code, refused.json()["code"]) == (422, "filter_refused")
        assert list(refused.json()["errors"]) == [WRONG[asked]]
    page = web.get(f"{HISTORY}?event=login.failed&{asked}" if "event" not in asked else f"{HISTORY}?{asked}")
    assert page.status_code == 422
    assert page.context["entries"] == []
    name, _, typed = asked.partition("=")
    if name in logbook.OWN:
        assert page.context["form"].errors[name]
        assert page.context["form"][name].value() == page.wsgi_request.GET[name].strip() or "%" in typed


def test_a_page_keeps_its_filters(web: WebDoor, amy: User) -> None:
    for number in range(60):
        audit.record(LoginFailed() if number % 2 else LoginPassed(how=f"number {number}."), subject=amy, actor=actor(amy))
    page = web.sign_in(amy).get(f"{HISTORY}?event=login.failed")
    older = web.get(HISTORY + page.context["older_url"])
    assert {entry.title for entry in older.context["entries"]} == {"Sign-in failed"}
    assert len(older.context["entries"]) == 5
    assert older.context["newer_url"].startswith("?event=login.failed&after=")


def test_somebody_elses_event_is_no_place_to_go_on_from(web: WebDoor, amy: User, ben: User) -> None:
    theirs = audit.record(LoginPassed(), subject=ben, actor=actor(ben))
    own = audit.record(LoginPassed(), subject=amy, actor=actor(amy))
    page = web.sign_in(amy).get(f"{HISTORY}?before={theirs.public_id}")
    assert own.public_id in [entry.public_id for entry in page.context["entries"]]


@pytest.mark.parametrize("family", ["login.", "password.", "token."])
def test_a_family_of_the_whole_log_comes_in_the_order_of_time(amys: User, family: str) -> None:
    filters = logbook.parse({"event": family}, logbook.WHOLE)
    assert filters.kinds
    fitting = [event for event in SecurityEvent.objects.order_by("-at", "-id") if event.event.startswith(family)]
    assert logbook.page_of(SecurityEvent.objects.all(), filters, {}, 25).rows == fitting
    first = logbook.page_of(SecurityEvent.objects.all(), filters, {}, 1)
    if fitting:
        older = logbook.page_of(SecurityEvent.objects.all(), filters, {"before": first.older}, 1)
        assert first.rows + older.rows == fitting


def test_every_event_can_be_chosen_and_names_its_family() -> None:
    offered = [value for _, options in logbook.choices() for value, _ in options]
    assert {event.value for event in Event} <= set(offered)
    assert len(offered) == len(set(offered))
    assert all(label and label[0].isupper() for label in logbook.families().values())


# Files


def exported(answer: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Return the events of an export, and its last line."""
    assert answer["Content-Type"] == "application/x-ndjson; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    told = b"".join(answer.streaming_content).decode()
    assert told.endswith("\n")
    *events, end = [json.loads(line) for line in told.split("\n")[:-1]]
    return events, end


@pytest.mark.parametrize("asked", ["", "event=login.", "since=2026-11-22&door=dx"])
def test_an_export_is_the_list_the_other_way_round(amys: User, asked: str) -> None:
    door = Client(headers={"authorization": f"Bearer {token_and_text(user=amys)[1]}"})
    events, end = exported(door.get(f"{LOG}export/?{asked}", headers={"accept": "application/x-ndjson"}))
    listed = door.get(f"{LOG}?{asked}").json()["results"]
    assert events == listed[::-1]
    assert end == {"end": True, "count": len(events)}


def test_the_page_exports_what_it_shows(web: WebDoor, amys: User) -> None:
    answer = web.sign_in(amys).send(f"{HISTORY}export/", {"event": "login.failed"}, form_at=HISTORY)
    events, _ = exported(answer)
    assert [entry["event"] for entry in events] == ["login.failed"]
    assert web.get(f"{HISTORY}export/").status_code == 405
    assert web.send(f"{HISTORY}export/", {"since": "soon"}, form_at=HISTORY).status_code == 422


def test_an_export_is_in_the_log_before_its_first_byte(web: WebDoor, amys: User) -> None:
    answer = web.sign_in(amys).get(f"{LOG}export/?event=log.")
    told = SecurityEvent.objects.get(event="log.exported")
    assert (told.subject, told.actor, told.door, told.data["filters"]) == (amys, amys, "rest", {"event": "log."})
    assert [entry["id"] for entry in exported(answer)[0]] == [told.public_id]


def test_it_goes_on_from_batch_to_batch_without_losing_or_repeating(amy: User, monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    monkeypatch.setattr(limits, "EXPORT_BATCH_ROWS", 3)
    for number in range(10):  # three and more at one moment, on the border of a batch
        clock.move_to(NOON + timedelta(seconds=number // 4))
        audit.record(LoginPassed(how=str(number)), subject=amy, actor=actor(amy))
    told = [json.loads(line) for line in b"".join(exporting.lines(history.of(amy), Filters(), SecurityEventOutput.of)).splitlines()]
    assert [entry["data"]["how"] for entry in told[:-1]] == [str(number) for number in range(10)]


def test_what_comes_meanwhile_does_not_prolong_it(amy: User, monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    monkeypatch.setattr(limits, "EXPORT_BATCH_ROWS", 2)
    for _ in range(4):
        audit.record(LoginPassed(), subject=amy, actor=actor(amy))
    clock.shift(1)
    count = 0
    for _ in exporting.lines(history.of(amy), Filters(), SecurityEventOutput.of):
        count += 1
        audit.record(LoginPassed(), subject=amy, actor=actor(amy))
        audit.record(LoginPassed(), subject=amy, actor=actor(amy))
    assert count == 3


def test_one_that_breaks_off_lacks_its_last_line(amy: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(limits, "EXPORT_BATCH_ROWS", 1)
    audit.record(LoginPassed(), subject=amy, actor=actor(amy))
    audit.record(LoginFailed(), subject=amy, actor=actor(amy))

    def to_json(row: SecurityEvent) -> dict[str, object]:
        if row.event == "login.failed":
            raise OperationalError("the database is away")
        return {"event": row.event}

    assert b"".join(exporting.lines(history.of(amy), Filters(), to_json)) == b'{"event":"login.passed"}\n'
    assert "broke off" in caplog.text


def test_line_ends_in_values_make_no_lines(amy: User) -> None:
    audit.record(LoginPassed(how="a\nb\u2028c\x85"), subject=amy, actor=actor(amy))
    assert len(b"".join(exporting.lines(history.of(amy), Filters(), SecurityEventOutput.of)).decode().splitlines()) == 2


def test_api_08_exports_are_limited_over_all_doors(web: WebDoor, amy: User, monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    monkeypatch.setattr(limits, "EXPORTS_PER_PERSON_AND_HOUR", 2)
    web.sign_in(amy)
    assert web.get(f"{LOG}export/").status_code == 200
    assert web.send(f"{HISTORY}export/", form_at=HISTORY).status_code == 200
    refused = web.get(f"{LOG}export/")
    assert (refused.status_code, refused["Retry-After"]) == (429, "3600")
    assert web.send(f"{HISTORY}export/", form_at=HISTORY).status_code == 429
    assert SecurityEvent.objects.filter(event="log.exported").count() == 2


def test_a_token_of_chosen_projects_gets_none(amy: User) -> None:
    door = Client(headers={"authorization": f"Bearer {token_and_text(user=amy, everywhere=None)[1]}"})
    assert [door.get(path).status_code for path in (LOG, f"{LOG}export/")] == [403, 403]


def test_a_stranger_gets_none(web: WebDoor, db: None) -> None:
    assert web.get(f"{LOG}export/").status_code == 401
    assert SecurityEvent.objects.count() == 0
