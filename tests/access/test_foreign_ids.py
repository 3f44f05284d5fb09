"""Every id in every address, tried by somebody whose it is not: the answer is that to an id which nobody has (ORG-01, IDOR)."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from accounts.models import Session, User
from config import dx as dx_router
from orgs import flows as org_flows
from orgs.models import Organization
from orgs.projects.models import Project
from tests.conftest import WebDoor
from tests.projects.factories import level_of, project_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import TokenFactory, token_and_text
from tokens.models import Token
from tokens.work.models import FileInProject, Job, Transfer

pytestmark = pytest.mark.django_db
B = "B" * 24
UNKNOWN = {
    "project": f"project-{B}", "token": f"token-{B}", "session": B, "user": "user-nobody", "username": "nobody", "org": "org-nobody",
    "file": f"file-{B}", "job": f"job-{B}", "transfer": f"transfer-{B}", "work": f"job-{B}",
    "handle": "nobody", "invitation": B,
}  # fmt: skip
# Every page with an id, by its route: what its parts stand for.
PAGES = {
    "/projects/<project_id>/": ["project"],
    "/projects/<project_id>/change/": ["project"],
    "/projects/<project_id>/delete/": ["project"],
    "/projects/<project_id>/invite/": ["project"],
    "/projects/<project_id>/leave/": ["project"],
    "/projects/<project_id>/members/<username>/": ["project", "username"],
    "/projects/<project_id>/members/<username>/remove/": ["project", "username"],
    "/profile/tokens/<public_id>/": ["token"],
    "/profile/tokens/<public_id>/rename/": ["token"],
    "/profile/tokens/<public_id>/rotate/": ["token"],
    "/orgs/<handle>/": ["handle"],
    "/orgs/<handle>/leave/": ["handle"],
    "/orgs/<handle>/members/": ["handle"],
    "/orgs/<handle>/members/invite/": ["handle"],
    "/orgs/<handle>/members/<username>/": ["handle", "username"],
    "/orgs/<handle>/members/<username>/remove/": ["handle", "username"],
    "/orgs/<handle>/log/": ["handle"],
    "/orgs/<handle>/log/export/": ["handle"],
    "/orgs/<handle>/invitations/<public_id>/withdraw/": ["handle", "invitation"],
    "/work/<public_id>/": ["work"],
    "/work/<public_id>/end/": ["work"],
}
REST = {
    "/api/v1/tokens/<public_id>/": ["token"],
    "/api/v1/tokens/<public_id>/rotate/": ["token"],
    "/api/v1/sessions/<public_id>/": ["session"],
    "/api/v1/projects/<public_id>/": ["project"],
    "/api/v1/projects/<public_id>/members/": ["project"],
    "/api/v1/projects/<public_id>/members/<user>/": ["project", "user"],
    "/api/v1/orgs/<handle>/": ["handle"],
    "/api/v1/orgs/<handle>/members/": ["handle"],
    "/api/v1/orgs/<handle>/members/<user>/": ["handle", "user"],
    "/api/v1/orgs/<handle>/invitations/": ["handle"],
    "/api/v1/orgs/<handle>/policies/": ["handle"],
    "/api/v1/orgs/<handle>/security-log/": ["handle"],
    "/api/v1/orgs/<handle>/security-log/export/": ["handle"],
    "/api/v1/orgs/<handle>/invitations/<public_id>/": ["handle", "invitation"],
    "/api/v1/jobs/<public_id>/": ["job"],
    "/api/v1/transfers/<public_id>/": ["transfer"],
}
# The token of the job alone opens these, the grant in a header those (tests/work).
BY_OTHER_KEYS = {
    "/api/v1/jobs/<public_id>/heartbeat/", "/api/v1/jobs/<public_id>/finish/", "/transfers/<public_id>/part",
    "/transfers/<public_id>/dead-end", "/transfers/<public_id>/content", "/transfers/<public_id>/content/<grant>",
}  # fmt: skip
# Keys that only a mail holds; they have tests of their own (tests/accounts).
BY_MAIL = {
    "/password/reset/<uid>/<key>/", "/email/confirm/<key>/", "/email/cancel/<key>/", "/invitations/<key>/", "/security/2fa/object/<key>/",
}  # fmt: skip
FIELDS = {
    "name": "Renamed", "label": "renamed", "user": "user-mallory", "username": "mallory", "level": "ADMINISTER", "overlap": "0",
    "invitee": "user-mallory", "folder": "/new", "newpath": "/n2", "folders": ["/data"], "destination": "/", "objects": [],
    "tags": ["t"], "properties": {"k": "v"}, "md5": "d" * 32, "size": 1,
}  # fmt: skip


def masked(answer: Any) -> tuple[int, str]:
    """Return the answer without what differs each time."""
    body = re.sub(r"\d{13}-\d{1,6}|name=\"csrfmiddlewaretoken\" value=\"\w+\"", "", answer.content.decode())
    return answer.status_code, body


def unharmed(amys: dict[str, str]) -> bool:
    """Whether all is as amy left it."""
    project = Project.objects.get(public_id=amys["project"])
    return (
        project.name == "Amys project"
        and {member.user.username for member in project.members.all()} == {"amy", "ben"}
        and level_of(User.objects.get(username="ben"), project) == "VIEW"
        and list(project.folders.values_list("path", flat=True)) == ["/data"]
        and not project.tags.exists()
        and Token.objects.get(public_id=amys["token"]).label == "amys token"
        and Token.objects.filter(user__username="amy").live().count() == 1
        and Session.objects.filter(user__username="amy").count() == 1
        and Job.objects.running().count() == Transfer.objects.running().count() == 1
        and FileInProject.objects.get().name == "amys file"
        and not FileInProject.objects.get().marks.exists()
        and org_unharmed()
    )


def org_unharmed() -> bool:
    """Whether amy's organization is as she left it."""
    acme = Organization.objects.get(handle="acme")
    levels = dict(acme.memberships.values_list("user__username", "level"))
    waiting = [one.email for one in org_flows.find_pending(org=acme)]
    return (acme.name, levels, waiting) == ("Acme", {"amy": "ADMIN", "ben": "MEMBER"}, ["dana@example.com"])


def addresses(route: str, kinds: list[str], amys: dict[str, str]) -> tuple[str, str]:
    """Return the address with amy's ids, and the one with ids of nobody."""
    known, unknown = route, route
    for kind in kinds:
        known = re.sub(r"<\w+>", amys[kind], known, count=1)
        unknown = re.sub(r"<\w+>", UNKNOWN[kind], unknown, count=1)
    return known, unknown


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("route", PAGES)
def test_org_01_a_page_of_another_person_is_as_unknown_as_none(route: str, method: str, mallory: User, amys: dict[str, str]) -> None:
    browser = WebDoor().sign_in(mallory)
    csrf = str(browser.get("/security/").context["csrf_token"])
    known, unknown = addresses(route, PAGES[route], amys)
    sent = {**FIELDS, "csrfmiddlewaretoken": csrf} if method == "post" else {}
    sent = {name: value for name, value in sent.items() if isinstance(value, str)}
    answers = [getattr(browser, method)(address, sent) for address in (known, unknown)]
    assert masked(answers[0])[0] in (404, 405)
    assert masked(answers[0]) == masked(answers[1])
    assert unharmed(amys)


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE", "PUT"])
@pytest.mark.parametrize("route", REST)
@pytest.mark.parametrize("how", ["bearer", "session"])
def test_org_01_a_thing_of_another_person_is_as_unknown_over_rest_as_none(
    route: str, method: str, how: str, mallory: User, amys: dict[str, str]
) -> None:
    bodies = {
        "/api/v1/tokens/<public_id>/": {"label": "renamed"}, "/api/v1/tokens/<public_id>/rotate/": {"overlap_seconds": 0},
        "/api/v1/projects/<public_id>/": {"name": "Renamed"}, "/api/v1/projects/<public_id>/members/": {"user": "mallory"},
        "/api/v1/orgs/<handle>/members/": {"user": "mallory", "level": "ADMIN"},
        "/api/v1/orgs/<handle>/policies/": {"autoLogoutAfter": 1},
    }  # fmt: skip
    body = bodies.get(route, {"level": "ADMIN"} if "/orgs/" in route else {"level": "ADMINISTER"})
    known, unknown = addresses(route, REST[route], amys)
    if how == "bearer":
        text = token_and_text(user=mallory)[1]
        answers: list[Any] = [rest(method, address, text, body) for address in (known, unknown)]
    else:
        browser = WebDoor().sign_in(mallory)
        headers = {"x-csrftoken": str(browser.get("/security/").context["csrf_token"])}
        answers = [
            browser.generic(method, address, json.dumps(body), content_type="application/json", headers=headers)
            for address in (known, unknown)
        ]
    assert masked(answers[0])[0] in (404, 405)
    assert masked(answers[0]) == masked(answers[1])
    assert unharmed(amys)


@pytest.mark.parametrize("route", [route for route in (*dx_router.ROUTES, *dx_router.OPEN_ROUTES) if "{id}" in route])
def test_org_01_a_thing_of_another_person_is_as_unknown_over_dx_as_none(route: str, mallory: User, amys: dict[str, str]) -> None:
    kind, _, method = route.partition("-{id}/")
    text = token_and_text(user=mallory)[1]
    body: dict[str, Any] = {"user-ben": None} if method == "decreasePermissions" else FIELDS  # its keys are people, and nothing else
    if kind == "org":
        body = {**FIELDS, "level": "ADMIN", "user": "user-ben", "policies": {"autoLogoutAfter": 1}}
    if method == "setMemberAccess":
        body = {"user-ben": {"level": "ADMIN"}}  # its keys, too
    if method == "clone":
        body = {"objects": [], "project": project_of(mallory).public_id}
    answers = [dx(f"/{one[kind]}/{method}", body, text) for one in (amys, UNKNOWN)]
    assert (answers[0].status_code, answers[0].json()["error"]["type"]) == (404, "ResourceNotFound")
    assert masked(answers[0]) == masked(answers[1])
    assert unharmed(amys)


@pytest.mark.parametrize("kind", ["token", "project"])
def test_org_01_ids_in_bodies_are_as_unknown_as_none(kind: str, mallory: User, amys: dict[str, str]) -> None:
    text = token_and_text(user=mallory)[1]
    own = TokenFactory(user=mallory).public_id
    for one in (amys, UNKNOWN):
        if kind == "token":
            revoked: Any = rest("POST", "/api/v1/tokens/revoke/", text, {"ids": [own, one["token"]]})
            preview: Any = rest("POST", "/api/v1/tokens/revoke/", text, {"ids": [one["token"]], "preview": True})
            assert (revoked.status_code, preview.status_code) == (404, 404)
        else:
            scoped: Any = rest("POST", "/api/v1/tokens/", text, {"label": "x", "projects": {one["project"]: "VIEW"}})
            assert (scoped.status_code, scoped.json()["code"]) == (404, "project_not_found")
    assert Token.objects.of(mallory).live().count() == 2
    assert unharmed(amys)


def test_api_04_a_cursor_of_one_person_shows_another_nothing_of_theirs(mallory: User, amys: dict[str, str], amy: User) -> None:
    TokenFactory.create_batch(5, user=amy)
    first: Any = rest("GET", "/api/v1/tokens/?limit=2", token_and_text(user=amy)[1])
    cursor = first.json()["next"].partition("?")[2]
    mallorys: Any = rest("GET", f"/api/v1/tokens/?{cursor}", token_and_text(user=mallory)[1])
    hers = set(Token.objects.of(amy).values_list("public_id", flat=True))
    assert not hers & {row["id"] for row in mallorys.json()["results"]}


def test_strangers_without_a_login_are_sent_to_it_whatever_the_id(amys: dict[str, str]) -> None:
    for route, kinds in PAGES.items():
        answers = [Client().get(address) for address in addresses(route, kinds, amys)]
        assert {answer.status_code for answer in answers} in ({302}, {405})
    for route, kinds in REST.items():
        assert {rest("GET", address).status_code for address in addresses(route, kinds, amys)} == {401}


def routes_with_ids(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + re.sub(r"<\w+:", "<", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes_with_ids(pattern, route)
        elif isinstance(pattern, URLPattern) and "<" in route and "(?" not in route:
            yield route


def test_org_01_of_one_s_own_organization_foreign_members_and_invitations_are_unknown(mallory: User, amys: dict[str, str]) -> None:
    browser, text = WebDoor().sign_in(mallory), token_and_text(user=mallory)[1]
    csrf = str(browser.get("/security/").context["csrf_token"])
    for one in (amys, UNKNOWN):
        sent = {"csrfmiddlewaretoken": csrf, "level": "ADMIN"}
        pages = [f"/orgs/evil/members/{one['username']}/", f"/orgs/evil/members/{one['username']}/remove/"]
        pages.append(f"/orgs/evil/invitations/{one['invitation']}/withdraw/")
        assert [browser.post(page, sent).status_code for page in pages] == [404] * 3
        member = f"/api/v1/orgs/evil/members/{one['user']}/"
        assert rest("PATCH", member, text, {"level": "ADMIN"}).status_code == rest("DELETE", member, text).status_code == 404
        assert rest("DELETE", f"/api/v1/orgs/evil/invitations/{one['invitation']}/", text).status_code == 404
        assert dx("/org-evil/removeMember", {"user": one["user"]}, text).status_code == 404
        assert dx("/org-evil/findMembers", {"id": [one["user"]]}, text).json()["results"] == []
        assert browser.get(f"/invitations/{one['invitation']}/").status_code == 410
    assert unharmed(amys)


def test_org_01_every_address_with_an_id_is_in_the_tables() -> None:
    ours = {route for route in routes_with_ids(get_resolver()) if not route.startswith("/admin/")}
    assert ours == set(PAGES) | set(REST) | BY_MAIL | BY_OTHER_KEYS
