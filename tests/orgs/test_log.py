"""An admin reads the log of their organization: its matters, and nothing of anybody's sessions or other organizations (S9.1, ORG-05)."""

import json
from typing import Any

import pytest
from django.test import Client

from accounts import audit
from accounts.events import LoginPassed
from accounts.models import SecurityEvent, User
from orgs import flows
from orgs.models import Organization, OrgLevel
from tests.conftest import WebDoor
from tests.factories import UserFactory, actor
from tests.orgs.factories import OrganizationFactory, person
from tests.tokens.factories import token_and_text

LOG, REST = "/orgs/acme/log/", "/api/v1/orgs/acme/security-log/"
HIDDEN = ("203.0.113.77", "Firefox", "Signed in", "session-secret", "other", "fields of others")


@pytest.fixture
def acme(amy: User, ben: User, clock: Any) -> Organization:
    """amy's organization with ben, in which something happened; ben is in another one, too."""
    org: Organization = OrganizationFactory(handle="acme", admins=[amy], members=[ben])
    dana: User = UserFactory(username="dana")
    OrganizationFactory(handle="other", name="The other", admins=[dana], members=[ben, amy])
    clock.shift(1)
    flows.change_level(caller=person(amy), handle="acme", username="ben", level=OrgLevel.ADMIN, actor=actor(amy, ip="203.0.113.77"))
    clock.shift(1)
    flows.change_level(caller=person(amy), handle="acme", username="ben", level=OrgLevel.MEMBER, actor=actor(amy, door="rest"))
    flows.change_level(caller=person(dana), handle="other", username="ben", level=OrgLevel.ADMIN, actor=actor(dana, ip="203.0.113.77"))
    audit.record(LoginPassed(how="session-secret"), subject=ben, actor=actor(ben, ip="203.0.113.77"))
    return org


def bearer(user: User, **token: Any) -> Client:
    return Client(headers={"authorization": f"Bearer {token_and_text(user=user, **token)[1]}"})


def test_an_admin_sees_who_did_what_to_whom(web: WebDoor, acme: Organization, amy: User) -> None:
    page = web.sign_in(amy).get(LOG).content.decode()
    assert page.count("user-ben, by user-amy") == 2
    listed = bearer(amy).get(REST).json()["results"]
    assert [(entry["event"], entry["actor"], entry["subject"], entry["door"]) for entry in listed] == [
        ("org.member-changed", "user-amy", "user-ben", "rest"), ("org.member-changed", "user-amy", "user-ben", "web"),
    ]  # fmt: skip
    assert set(listed[0]) == {"id", "at", "event", "title", "text", "actor", "subject", "door"}


@pytest.mark.parametrize("hidden", HIDDEN)
def test_org_05_an_admin_sees_nothing_of_sessions_and_of_other_organizations(
    web: WebDoor, acme: Organization, amy: User, hidden: str
) -> None:
    page = web.sign_in(amy).get(LOG)
    told = " ".join(f"{entry.title} {entry.text} {entry.place} {entry.device} {entry.whom}" for entry in page.context["entries"])
    exported: Any = bearer(amy, label="two").get(f"{REST}export/")
    told += bearer(amy).get(REST).content.decode() + b"".join(exported.streaming_content).decode()
    assert hidden not in told


@pytest.mark.parametrize(
    ("asked", "count"),
    [("", 2), ("door=web", 1), ("actor=user-amy", 2), ("actor=amy&door=rest", 1), ("actor=user-ben", 0), ("actor=nobody.here", 0),
     ("event=org.", 2), ("event=login.", 0), ("until=2020-01-01", 0)],
)  # fmt: skip
def test_filters_hold_at_every_door(web: WebDoor, acme: Organization, amy: User, asked: str, count: int) -> None:
    web.sign_in(amy)
    assert len(web.get(f"{LOG}?{asked}").context["entries"]) == count
    assert len(web.get(f"{REST}?{asked}").json()["results"]) == count


@pytest.mark.parametrize("asked", ["address=203.0.113.77", "subject=user-ben", "about=org-other", "request=1795518048545-596165"])
def test_org_05_what_is_not_theirs_is_no_filter(web: WebDoor, acme: Organization, amy: User, asked: str) -> None:
    web.sign_in(amy)
    assert [web.get(f"{path}?{asked}").status_code for path in (LOG, REST, f"{REST}export/")] == [422, 422, 422]
    assert SecurityEvent.objects.filter(event="log.exported").count() == 0


def test_an_export_is_the_list_and_an_entry_about_the_organization(web: WebDoor, acme: Organization, amy: User) -> None:
    answer = web.sign_in(amy).send(f"{LOG}export/", {"door": "web"}, form_at=LOG)
    *events, end = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert events == web.get(f"{REST}?door=web").json()["results"][::-1]
    assert [event["event"] for event in events] == ["org.member-changed", "log.exported"]
    assert end == {"end": True, "count": 2}
    told = SecurityEvent.objects.get(event="log.exported")
    assert (told.about, told.subject, told.data["filters"]) == ("org-acme", amy, {"door": "web"})


@pytest.mark.parametrize(("who", "status"), [("ben", 403), ("dana", 404), ("stranger", 404)])
def test_nobody_else_reads_it(web: WebDoor, acme: Organization, who: str, status: int) -> None:
    user = User.objects.filter(username=who).first() or UserFactory(username=who)
    door = bearer(user)
    assert [door.get(path).status_code for path in (REST, f"{REST}export/")] == [status, status]
    assert web.sign_in(user).get(LOG).status_code == status
    assert web.send(f"{LOG}export/", form_at="/security/").status_code == status
    assert SecurityEvent.objects.filter(event="log.exported").count() == 0


def test_one_that_does_not_exist_is_as_unknown_as_a_foreign_one(acme: Organization, db: None) -> None:
    door = bearer(UserFactory(username="stranger"))
    foreign, unknown = (door.get(f"/api/v1/orgs/{handle}/security-log/").json() for handle in ("acme", "nothing"))
    assert {**foreign, "request_id": ""} == {**unknown, "request_id": ""}


def test_a_token_of_chosen_projects_gets_none(acme: Organization, amy: User) -> None:
    assert bearer(amy, everywhere=None).get(REST).json()["code"] == "account_out_of_reach"
