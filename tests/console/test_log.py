"""Support reads the whole security log, finds in it, and takes it along with a reason (S9.1, S9.2, ADM-04, ADM-06)."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from accounts import audit, limits
from accounts.events import LoginFailed, LoginPassed
from accounts.models import OutboxMail, SecurityEvent, User
from tests.console.conftest import INERT, REASON, Desk
from tests.factories import actor

LOG, EXPORT = "/admin/log/", "/admin/log/export/"
REQUEST = "1795518048545-596165"


@pytest.fixture
def happened(amy: User, ben: User) -> SecurityEvent:
    """Two events of amy, one of ben; the one with everything in it comes back."""
    audit.record(LoginFailed(), subject=amy, actor=actor(None, door="dx", ip="2001:db8::1"))
    audit.record(LoginPassed(how="as ben"), subject=ben, actor=actor(ben))
    who = actor(amy, ip="203.0.113.7", request_id=REQUEST, user_agent=INERT)
    return audit.record(LoginPassed(how=f"as amy {INERT}"), subject=amy, actor=who)


@pytest.mark.parametrize(
    ("asked", "words"),
    [("subject=user-amy", ["amy", "nobody"]), ("subject=ben", ["ben"]), ("actor=user-amy", ["amy"]), ("address=2001:db8:0::1", ["nobody"]),
     (f"request={REQUEST}", ["amy"]), ("event=login.", ["amy", "ben", "nobody"]), ("event=login.failed&door=dx", ["nobody"]),
     ("subject=user-amy&event=login.passed", ["amy"]), ("about=org-acme", []), ("subject=nobody.here", [])],
)  # fmt: skip
def test_every_filter_finds(desk: Desk, happened: SecurityEvent, asked: str, words: list[str]) -> None:
    page = desk.get(f"{LOG}?{asked}")
    assert page.status_code == 200
    by = [entry.who.removeprefix("user-") or "nobody" for entry in page.context["entries"] if entry.title.startswith("Sign")]
    assert by == words


def test_a_wrong_filter_is_told_at_its_field_and_keeps_the_others(desk: Desk, happened: SecurityEvent) -> None:
    page = desk.get(f"{LOG}?subject=user-amy&since=soon")
    assert page.status_code == 422
    assert (page.context["form"]["subject"].value(), list(page.context["form"].errors)) == ("user-amy", ["since"])


def test_adm_06_one_event_has_a_page_with_all_its_data_as_text(desk: Desk, happened: SecurityEvent) -> None:
    page = desk.get(f"{LOG}{happened.public_id}/").content.decode()
    for words in ("login.passed", "user-amy", "203.0.113.7", REQUEST, "failures_before", "as amy &lt;img"):
        assert words in page
    assert INERT not in page
    assert [desk.get(f"{LOG}{unknown}/").status_code for unknown in ("x", "0" * 24, "%00")] == [404, 404, 404]


def test_an_export_says_why_and_is_in_the_log_first(desk: Desk, happened: SecurityEvent, amy: User, sam: User) -> None:
    answer = desk.send(EXPORT, {"reason": REASON, "subject": "user-amy"}, form_at=f"{EXPORT}?subject=user-amy")
    told = SecurityEvent.objects.get(event="log.exported")
    assert (told.subject, told.actor, told.door, told.data["reason"]) == (amy, sam, "admin", REASON)
    *events, end = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert [event["event"] for event in events] == ["login.failed", "login.passed", "log.exported"]
    assert end == {"end": True, "count": 3}
    assert (events[1]["subject"], events[1]["request_id"], events[1]["user_agent"]) == ("user-amy", REQUEST, INERT)
    assert answer["Content-Type"] == "application/x-ndjson; charset=utf-8"
    assert OutboxMail.objects.count() == 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [({"reason": "short"}, 422), ({"reason": REASON, "since": "soon"}, 422), ({"reason": REASON, "nonsense": "1"}, 200)],
)
def test_what_is_wrong_with_an_export_is_told_and_nothing_leaves(
    desk: Desk, happened: SecurityEvent, fields: dict[str, str], status: int
) -> None:
    answer = desk.send(EXPORT, fields)
    assert (answer.status_code, answer.streaming) == (status, status == 200)
    assert SecurityEvent.objects.filter(event="log.exported").exists() == (status == 200)


def test_exports_of_support_are_limited(clock: Any, desk: Desk, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EXPORTS_PER_PERSON_AND_HOUR", 1)
    assert [desk.press(EXPORT).status_code for _ in range(2)] == [200, 429]


def test_a_page_of_the_log_costs_the_same_with_few_and_many(
    desk: Desk, happened: SecurityEvent, amy: User, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for _ in range(60):
        audit.record(LoginPassed(), subject=amy, actor=actor(amy))
    with django_assert_max_num_queries(4) as asked:  # three are the session, and whether it is support's
        desk.get(LOG)
    assert not [query for query in asked.captured_queries if "COUNT(" in query["sql"]]
