"""The security log: typed, one's own, and never changed (S9.1, S9.2)."""

import pytest

from accounts import audit
from accounts.audit import Event, Payload
from accounts.events import LoginPassed
from accounts.models import SecurityEvent, User
from tests.conftest import WebDoor
from tests.factories import actor


def test_a_person_reads_their_own_log_and_nobody_elses(web: WebDoor, amy: User, ben: User) -> None:
    audit.record(LoginPassed(how="a secret of ben"), subject=ben, actor=actor(ben))
    web.sign_in(amy)
    page = web.get("/security/history/").content.decode()
    assert "Signed in" in page
    assert "a secret of ben" not in page
    listed = web.get("/api/v1/security-log/").json()["results"]
    assert [entry["event"] for entry in listed] == ["login.passed"]
    assert listed[0]["actor"] == "user-amy"


def test_it_pages(web: WebDoor, amy: User) -> None:
    for number in range(60):
        audit.record(LoginPassed(how=f"number {number}."), subject=amy, actor=actor(amy))
    web.sign_in(amy)
    first, last = web.get("/security/history/"), web.get("/security/history/?page=3")
    assert "number 59." in first.content.decode()
    assert "number 0." in last.content.decode()
    assert web.get("/security/history/?page=nonsense").status_code == 200
    page = web.get("/api/v1/security-log/?limit=10").json()
    assert len(page["results"]) == 10
    assert web.get(page["next"]).json()["results"][0]["id"] not in {entry["id"] for entry in page["results"]}


def test_an_event_cannot_be_changed_or_deleted(amy: User) -> None:
    event = audit.record(LoginPassed(), subject=amy, actor=actor(amy))
    event.event = "login.failed"
    with pytest.raises(TypeError):
        event.save()
    with pytest.raises(TypeError):
        event.delete()
    with pytest.raises(TypeError):
        SecurityEvent.objects.all().delete()
    with pytest.raises(TypeError):
        SecurityEvent.objects.update(event="x")


def test_every_event_has_a_payload_with_a_title_and_a_sentence() -> None:
    assert set(Payload.by_event) == {event.value for event in Event}
    assert all(kind.title for kind in Payload.by_event.values())


def test_an_event_of_another_release_is_shown_by_its_name(web: WebDoor, amy: User) -> None:
    SecurityEvent.objects.create(event="login.danced", subject=amy, door="web", data={"step": 3})
    assert "login.danced" in web.sign_in(amy).get("/security/history/").content.decode()


def test_text_from_users_is_shown_inert(web: WebDoor, amy: User) -> None:
    agent = "<img src=x onerror=alert(1)>"
    audit.record(LoginPassed(how=agent), subject=amy, actor=actor(amy, user_agent=agent))
    page = web.sign_in(amy).get("/security/history/").content.decode()
    assert "<img" not in page
    assert "&lt;img" in page
