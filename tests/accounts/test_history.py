"""The security log: typed, one's own, and never changed (S9.1, S9.2)."""

import re
from pathlib import Path

from accounts import audit
from accounts.audit import Event, Payload
from accounts.events import ConfirmationFailed, LoginPassed
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
    address, seen = "/security/history/", []
    while address:
        page = web.get(address)
        seen.append(page.content.decode())
        address = page.context["older_url"] and f"/security/history/{page.context['older_url']}"
    assert len(seen) == 3
    assert "number 59." in seen[0]
    assert "number 0." in seen[2]
    newer = web.get(f"/security/history/{page.context['newer_url']}").content.decode()
    assert [f"number {number}." in newer for number in (36, 35, 11, 10)] == [False, True, True, False]
    assert web.get("/security/history/?before=nonsense&after=%00").status_code == 200
    page = web.get("/api/v1/security-log/?limit=10").json()
    assert len(page["results"]) == 10
    assert web.get(page["next"]).json()["results"][0]["id"] not in {entry["id"] for entry in page["results"]}


def test_every_event_has_a_payload_with_a_title_and_a_sentence() -> None:
    assert set(Payload.by_event) == {event.value for event in Event}
    assert all(kind.title for kind in Payload.by_event.values())


def test_every_event_is_recorded_by_some_act() -> None:
    root = Path(__file__).parents[2]
    rooms = [path for room in ("accounts", "orgs", "twofactor", "tokens", "config") for path in (root / room).rglob("*.py")]
    acts = "\n".join(path.read_text() for path in rooms if "report" not in path.name)
    used = [re.search(rf"(?<!class )\b{kind.__name__}\b(?!, event=)", acts) for kind in Payload.by_event.values()]
    assert [kind.__name__ for kind, found in zip(Payload.by_event.values(), used, strict=True) if not found] == []


def test_an_event_of_another_release_is_shown_by_its_name(web: WebDoor, amy: User) -> None:
    SecurityEvent.objects.create(event="login.danced", subject=amy, door="web", data={"step": 3})
    SecurityEvent.objects.create(event="token.renamed", subject=amy, door="web", data={"said": "less, then"})
    page = web.sign_in(amy).get("/security/history/").content.decode()
    assert "login.danced" in page
    assert "token.renamed" in page


def test_web_07_text_from_users_is_shown_inert(web: WebDoor, amy: User) -> None:
    agent = "<img src=x onerror=alert(1)>"
    audit.record(LoginPassed(how=agent), subject=amy, actor=actor(amy, user_agent=agent))
    page = web.sign_in(amy).get("/security/history/").content.decode()
    assert "<img" not in page
    assert "&lt;img" in page


def test_where_somebody_else_was_who_did_it_is_theirs_alone(web: WebDoor, amy: User, ben: User) -> None:
    audit.record(ConfirmationFailed(), subject=amy, actor=actor(ben, ip="203.0.113.77"))
    audit.record(ConfirmationFailed(), subject=amy, actor=actor(amy, ip="203.0.113.78"))
    shown = web.sign_in(amy).get("/security/history/").content.decode()
    told = web.get("/api/v1/security-log/").content.decode()
    for text in (shown, told):
        assert "203.0.113.77" not in text
        assert "203.0.113.78" in text
