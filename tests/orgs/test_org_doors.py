"""Organizations through REST, dx and the pages: what each answers, to whom, and what of a member an admin may know (S7.1, S7.3, ORG-05)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import audit
from accounts.events import LoginPassed
from accounts.models import OutboxMail, Session, User
from orgs.models import Invitation, Membership, Organization, OrgLevel
from orgs.projects.models import Level, Project
from tests.conftest import WebDoor
from tests.factories import UserFactory, actor
from tests.orgs.factories import OrganizationFactory, invite, level_in
from tests.projects.factories import ProjectFactory, level_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import TokenFactory, token_and_text
from tests.twofactor.factories import AuthenticatorFactory
from tokens.models import TokenProject

pytestmark = pytest.mark.django_db
URL = "/api/v1/orgs/acme/"


@pytest.fixture
def acme(amy: User, ben: User) -> Organization:
    """An organization with amy as its admin, and ben."""
    return OrganizationFactory(handle="acme", name="Acme Genomics", admins=[amy], members=[ben])


@pytest.fixture
def amys(amy: User) -> str:
    """A token of amy's that nothing narrows."""
    return token_and_text(user=amy, label="of the test", last_used_at=timezone.now())[1]


def ask(method: str, path: str, text: str, body: Any = None) -> Any:
    answer: Any = rest(method, path, text, body)
    return answer.json() if answer.content else answer.status_code


def test_dx_takes_an_address_behind_the_prefix_that_its_client_adds_and_an_admin_for_a_member(acme: Organization, amys: str) -> None:
    assert dx("/org-acme/invite", {"invitee": "user-zed@example.com"}, amys).status_code == 200
    assert Invitation.objects.get().email == "zed@example.com"
    levels = {
        level: [row["id"] for row in dx("/system/findOrgs", {"level": level}, amys).json()["results"]] for level in ("ADMIN", "MEMBER")
    }
    assert levels == {"ADMIN": ["org-acme"], "MEMBER": ["org-acme"]}


def facts_of(text: str, username: str) -> Any:
    rows = ask("GET", f"{URL}members/", text)["results"]
    return next(row for row in rows if row["user"] == f"user-{username}")["facts"]


def test_rest_lists_my_organizations_and_describes_one(acme: Organization, amy: User, amys: str) -> None:
    OrganizationFactory(handle="other")
    [mine] = ask("GET", "/api/v1/orgs/", amys)["results"]
    assert {**mine, "created": ""} == {"id": "org-acme", "handle": "acme", "name": "Acme Genomics", "level": "ADMIN", "created": ""}
    assert ask("GET", URL, amys)["admins"] == ["user-amy"]
    assert ask("GET", "/api/v1/orgs/org-ACME/", amys)["id"] == "org-acme"


def test_rest_invites_by_address_and_username_lists_and_withdraws(acme: Organization, amys: str) -> None:
    UserFactory(username="cleo", email="cleo@example.com")
    by_address: Any = rest("POST", f"{URL}members/", amys, {"email": "cleo@example.com"})
    by_name: Any = rest("POST", f"{URL}members/", amys, {"user": "user-cleo", "level": "ADMIN"})
    assert (by_address.status_code, by_address.json()["invitee"], by_address.json()["level"]) == (201, "cleo@example.com", "MEMBER")
    assert (by_name.status_code, by_name.json()["invitee"], by_name.json()["level"]) == (201, "user-cleo", "ADMIN")
    listed = ask("GET", f"{URL}invitations/", amys)["results"]
    assert [one["invitee"] for one in listed] == ["user-cleo", "cleo@example.com"]
    assert ask("DELETE", f"{URL}invitations/{listed[0]['id']}/", amys) == 204
    assert ask("DELETE", f"{URL}invitations/{listed[0]['id']}/", amys)["code"] == "invitation_not_found"


@pytest.mark.parametrize("body", [{}, {"user": "a", "email": "a@b.example"}, {"email": "cleo"}, {"user": "c@d.example"}, {"user": 1}])
def test_rest_refuses_a_body_that_names_nobody_or_two(acme: Organization, amys: str, body: Any) -> None:
    answer: Any = rest("POST", f"{URL}members/", amys, body)
    assert answer.status_code in (400, 422)
    assert not OutboxMail.objects.exists()


def test_rest_changes_a_level_removes_and_leaves(acme: Organization, ben: User, amys: str) -> None:
    assert ask("PATCH", f"{URL}members/ben/", amys, {"level": "ADMIN"})["level"] == "ADMIN"
    bens = token_and_text(user=ben)[1]
    assert ask("DELETE", f"{URL}members/user-ben/", bens) == 204
    assert ask("GET", URL, bens)["code"] == "org_not_found"
    assert ask("DELETE", f"{URL}members/amy/", amys)["code"] == "last_admin"
    assert ask("PATCH", f"{URL}members/amy/", amys, {"level": "MEMBER"})["code"] == "last_admin"


def test_a_member_changes_nothing_and_sees_names_and_levels_only(acme: Organization, amy: User, ben: User) -> None:
    bens = token_and_text(user=ben)[1]
    assert ask("PATCH", f"{URL}members/ben/", bens, {"level": "ADMIN"})["code"] == "admin_needed"
    assert ask("GET", f"{URL}invitations/", bens)["code"] == "admin_needed"
    assert ask("GET", f"{URL}members/?to_look_at=true", bens)["code"] == "admin_needed"
    rows = ask("GET", f"{URL}members/", bens)["results"]
    assert [(row["user"], row["level"], row["facts"]) for row in rows] == [("user-amy", "ADMIN", None), ("user-ben", "MEMBER", None)]
    assert level_in(acme, ben) == "MEMBER"


def test_a_narrow_token_reaches_no_organization_and_one_held_below_changes_none(acme: Organization, amy: User, ben: User) -> None:
    chosen, held = token_and_text(user=amy, everywhere=None)[1], token_and_text(user=amy, everywhere=Level.VIEW)[1]
    for path in ("/api/v1/orgs/", URL, f"{URL}members/", "/api/v1/orgs/nobody/"):
        assert ask("GET", path, chosen)["code"] == "account_out_of_reach"
    assert ask("GET", URL, held)["id"] == "org-acme"
    assert ask("DELETE", f"{URL}members/ben/", held)["code"] == "account_out_of_reach"
    assert level_in(acme, ben) == "MEMBER"


def test_org_05_an_admin_sees_second_factor_tokens_and_activity_and_nothing_of_other_organizations(
    clock: Any, acme: Organization, amy: User, ben: User, amys: str
) -> None:
    assert facts_of(amys, "ben") == {"second_factor": False, "tokens": 0, "stale_tokens": 0, "oldest_token": None, "last_activity": None}
    elsewhere = ProjectFactory(billed_to=ben, org=OrganizationFactory(handle="bolt", admins=[ben]))
    here = ProjectFactory(billed_to=amy, org=acme, members={ben: Level.VIEW})
    scopes: list[tuple[Project | None, dict[str, Any]]] = [
        (None, {"last_used_at": timezone.now()}), (here, {}), (elsewhere, {}), (None, {"cli": True}), (None, {"revoked": True}),
    ]  # fmt: skip
    for number, (project, fields) in enumerate(scopes):
        token = TokenFactory(user=ben, everywhere=None if project else Level.ADMINISTER, label=f"secret name {number}", **fields)
        if project:
            TokenProject.objects.create(token=token, project=project, level=Level.VIEW)
    AuthenticatorFactory(user=ben)
    audit.record(LoginPassed(), subject=ben, actor=actor(ben))
    known = facts_of(amys, "ben")
    noon = timezone.now().isoformat().replace("+00:00", "Z")
    assert known == {"second_factor": True, "tokens": 2, "stale_tokens": 0, "oldest_token": noon, "last_activity": noon}
    body = rest("GET", f"{URL}members/", amys).content.decode()
    assert not [word for word in ("secret name", "@example.com", "192.0.2", "bolt") if word in body]


def test_those_to_look_at_are_without_second_factor_with_unused_tokens_or_long_away(
    clock: Any, acme: Organization, amy: User, ben: User
) -> None:
    names = ("fresh", "plain", "stale", "away", "session")
    people: dict[str, User] = {name: UserFactory(username=name) for name in names}
    Membership.objects.bulk_create(Membership(org=acme, user=user) for user in people.values())
    for user in [amy, ben, *people.values()]:
        if user.username != "plain":
            AuthenticatorFactory(user=user)
    TokenFactory(user=people["stale"], expires=timezone.now() + timedelta(days=365))
    clock.shift(timedelta(days=61))
    for name in ("fresh", "plain", "stale"):
        audit.record(LoginPassed(), subject=people[name], actor=actor(people[name]))
    now = timezone.now()
    Session.objects.create(
        session_key="s", user=people["session"], epoch=1, expire_date=now + timedelta(hours=9), idle_limit_seconds=900, last_activity=now
    )
    amys = token_and_text(user=amy)[1]
    rows = ask("GET", f"{URL}members/?to_look_at=true", amys)["results"]
    assert {row["user"] for row in rows} == {"user-plain", "user-stale", "user-away", "user-amy", "user-ben"}
    assert facts_of(amys, "stale")["stale_tokens"] == 1


def test_the_page_of_members_shows_filters_and_searches(acme: Organization, amy: User, ben: User, web: WebDoor) -> None:
    web.sign_in(amy)
    AuthenticatorFactory(user=amy)
    invite(acme, amy, "dana@example.com")
    whole = web.get("/orgs/acme/members/").content.decode()
    assert all(word in whole for word in ("user-amy", "user-ben", "dana@example.com", "/orgs/acme/members/ben/remove/"))
    assert [entry.membership.user for entry in web.get("/orgs/acme/members/?show=look").context["entries"]] == [ben]
    assert [entry.membership.user for entry in web.get("/orgs/acme/members/?q=BE").context["entries"]] == [ben]
    assert web.get("/orgs/acme/members/?q=example.com").context["entries"] == []


def test_a_member_s_pages_say_what_holds_and_offer_no_act_of_admins(acme: Organization, ben: User, web: WebDoor) -> None:
    Organization.objects.update(auto_logout_after_minutes=7)
    web.sign_in(ben)
    front, members = (web.get(path).content.decode() for path in ("/orgs/acme/", "/orgs/acme/members/"))
    assert "7 minutes" in front
    assert "user-amy" in front
    assert "Security log" not in front
    assert not [word for word in ("2FA", "/invite/", "/remove/", "Last activity") if word in members]
    assert web.get("/orgs/acme/members/?show=look").context["only_to_look_at"] is False
    for path in ("/orgs/acme/members/invite/", "/orgs/acme/members/amy/", "/orgs/acme/members/amy/remove/"):
        assert web.get(path).status_code == 403
        assert web.send(path, {"level": "MEMBER", "user": "x@example.com"}, form_at="/orgs/acme/leave/").status_code == 403


def test_an_admin_invites_changes_removes_and_leaves_on_pages(acme: Organization, amy: User, ben: User, web: WebDoor) -> None:
    project = ProjectFactory(name="Genome Atlas", billed_to=amy, org=acme, members={ben: Level.VIEW})
    web.sign_in(amy)
    assert web.send("/orgs/acme/members/invite/", {"user": "cleo@example.com", "level": "MEMBER"}).status_code == 302
    assert web.send("/orgs/acme/members/invite/", {"user": "nobody", "level": "MEMBER"}).status_code == 404
    [waiting] = web.get("/orgs/acme/members/").context["pending"].object_list
    withdrawn = web.send(f"/orgs/acme/invitations/{waiting.public_id}/withdraw/", form_at="/orgs/acme/members/")
    assert "Withdrawn." in web.get(withdrawn["Location"]).content.decode()
    assert web.send("/orgs/acme/leave/").status_code == 409
    assert web.send("/orgs/acme/members/amy/", {"level": "MEMBER"}).status_code == 409
    asked = web.get("/orgs/acme/members/ben/remove/").content.decode()
    assert "1 project" in asked
    assert "Genome Atlas" in asked
    assert web.send("/orgs/acme/members/ben/remove/").status_code == 302
    assert (level_in(acme, ben), level_of(ben, project)) == (None, None)


def test_a_project_belongs_to_an_organization_of_whoever_makes_it(
    acme: Organization, amy: User, ben: User, amys: str, web: WebDoor
) -> None:
    made = ask("POST", "/api/v1/projects/", amys, {"name": "Atlas", "org": "org-acme"})
    assert (made["org"], ask("GET", f"/api/v1/projects/{made['id']}/", amys)["org"]) == ("org-acme", "org-acme")
    assert ask("POST", "/api/v1/projects/", amys, {"name": "Own", "org": None})["org"] is None
    strangers = token_and_text()[1]
    for org in ("org-acme", "org-nobody"):
        assert ask("POST", "/api/v1/projects/", strangers, {"name": "Theirs", "org": org})["code"] == "org_not_found"
    web.sign_in(ben)
    assert web.send("/projects/new/", {"name": "Bens", "org": "acme"}).status_code == 302
    assert web.send("/projects/new/", {"name": "Foreign", "org": "bolt"}).status_code == 422
    assert dict(Project.objects.values_list("name", "org__handle")) == {"Atlas": "acme", "Own": None, "Bens": "acme"}


def test_dx_bills_a_project_to_an_organization(acme: Organization, amy: User, amys: str) -> None:
    made = dx("/project/new", {"name": "Atlas", "billTo": "org-ACME"}, amys).json()["id"]
    own = dx("/project/new", {"name": "Own"}, amys).json()["id"]
    assert [dx(f"/{one}/describe", {}, amys).json()["billTo"] for one in (made, own)] == ["org-acme", "user-amy"]
    for body, ids in (({"billTo": "org-acme"}, [made]), ({"billTo": "user-amy"}, [own])):
        assert [row["id"] for row in dx("/system/findProjects", body, amys).json()["results"]] == ids
    rows = dx("/org-acme/findProjects", {"describe": True}, amys).json()["results"]
    assert [(row["id"], row["describe"]["name"]) for row in rows] == [(made, "Atlas")]
    refused = dx(f"/{made}/update", {"billTo": "user-amy"}, amys)
    assert (refused.status_code, refused.json()["error"]["type"]) == (422, "InvalidInput")
    assert dx(f"/{made}/update", {"billTo": "org-acme", "name": "Atlas 2"}, amys).status_code == 200


def test_dx_finds_organizations_and_members_page_by_page(acme: Organization, amy: User, amys: str) -> None:
    OrganizationFactory(handle="bolt", name="Bolt", members=[amy])
    page = dx("/system/findOrgs", {"describe": True, "limit": 1}, amys).json()
    assert ([row["describe"]["name"] for row in page["results"]], page["next"]) == (["Acme Genomics"], "bolt")
    rest_of = dx("/system/findOrgs", {"limit": 1, "starting": page["next"]}, amys).json()
    assert ([row["id"] for row in rest_of["results"]], rest_of["next"]) == (["org-bolt"], None)
    assert [row["id"] for row in dx("/system/findOrgs", {"level": "MEMBER"}, amys).json()["results"]] == ["org-acme", "org-bolt"]
    found = dx("/org-acme/findMembers", {"describe": True, "limit": 1}, amys).json()
    [row] = found["results"]
    assert (row["id"], row["level"], row["describe"]["first"], found["next"]) == ("user-amy", "ADMIN", "Amy", "ben")
    assert "email" not in row["describe"]
    for body, ids in (
        ({"id": ["user-ben", "user-x"]}, ["user-ben"]),
        ({"level": "ADMIN"}, ["user-amy"]),
        ({"starting": "ben"}, ["user-ben"]),
    ):
        assert [one["id"] for one in dx("/org-acme/findMembers", body, amys).json()["results"]] == ids


def test_dx_invites_changes_removes_and_updates(acme: Organization, amy: User, ben: User, amys: str) -> None:
    project = ProjectFactory(billed_to=amy, org=acme, members={ben: Level.VIEW})
    UserFactory(username="cleo")
    assert dx("/org-acme/invite", {"invitee": "user-cleo", "level": "MEMBER"}, amys).json() == {"id": "org-acme", "state": "pending"}
    assert dx("/org-acme/invite", {"invitee": "user-ben"}, amys).json()["error"]["type"] == "InvalidState"
    assert dx("/org-acme/setMemberAccess", {"user-ben": {"level": "ADMIN", "appAccess": True}}, amys).json() == {"id": "org-acme"}
    assert level_in(acme, ben) == OrgLevel.ADMIN
    removed = dx("/org-acme/removeMember", {"user": "user-ben", "revokeProjectPermissions": True}, amys).json()
    assert removed == {"id": "org-acme", "projects": {project.public_id: "NONE"}, "apps": {}}
    last = dx("/org-acme/removeMember", {"user": "user-amy"}, amys)
    assert (last.status_code, last.json()["error"]["type"]) == (422, "InvalidState")
    body = {"name": "Acme 2", "policies": {"autoLogoutAfter": 5, "memberListVisibility": "MEMBER"}}
    assert dx("/org-acme/update", body, amys).json() == {"id": "org-acme"}
    acme.refresh_from_db()
    assert (acme.name, acme.auto_logout_after_minutes) == ("Acme 2", 5)
    for wrong in ({"autoLogoutAfter": 0}, {"autoLogoutAfter": "5"}, {"color": 1}, {"memberListVisibility": "ADMIN"}, {"require2fa": 1}):
        answer = dx("/org-acme/update", {"name": "Not", "policies": wrong}, amys)
        assert (answer.status_code, answer.json()["error"]["type"]) == (422, "InvalidInput"), wrong
    acme.refresh_from_db()
    assert acme.name == "Acme 2"
