"""Every id in every address, tried by somebody whose it is not: the answer is that to an id which nobody has (ORG-01, IDOR)."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts.models import Session, User
from config import dx as dx_router
from orgs.models import Membership, Organization, OrgLevel
from orgs.projects.models import Level, Project
from tests.conftest import WebDoor
from tests.factories import UserFactory
from tests.projects.factories import ProjectFactory, folders_of, level_of, project_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import TokenFactory, token_and_text
from tokens.models import Token
from tokens.work.models import File, FileInProject, Job, Transfer, TransferKind

pytestmark = pytest.mark.django_db
B = "B" * 24
UNKNOWN = {
    "project": f"project-{B}", "token": f"token-{B}", "session": B, "user": "user-nobody", "username": "nobody", "org": "org-nobody",
    "file": f"file-{B}", "job": f"job-{B}", "transfer": f"transfer-{B}", "work": f"job-{B}",
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
    "/api/v1/jobs/<public_id>/": ["job"],
    "/api/v1/transfers/<public_id>/": ["transfer"],
}
# The token of the job alone opens these, the grant in a header those (tests/work).
BY_OTHER_KEYS = {
    "/api/v1/jobs/<public_id>/heartbeat/", "/api/v1/jobs/<public_id>/finish/", "/transfers/<public_id>/part",
    "/transfers/<public_id>/dead-end", "/transfers/<public_id>/content", "/transfers/<public_id>/content/<grant>",
}  # fmt: skip
# Keys that only a mail holds; they have tests of their own (tests/accounts).
BY_MAIL = {"/password/reset/<uid>/<key>/", "/email/confirm/<key>/", "/email/cancel/<key>/"}
FIELDS = {
    "name": "Renamed", "label": "renamed", "user": "user-mallory", "username": "mallory", "level": "ADMINISTER", "overlap": "0",
    "invitee": "user-mallory", "folder": "/new", "newpath": "/n2", "folders": ["/data"], "destination": "/", "objects": [],
    "tags": ["t"], "properties": {"k": "v"}, "md5": "d" * 32, "size": 1,
}  # fmt: skip


@pytest.fixture
def mallory(db: None) -> User:
    """Somebody who knows ids of amy's."""
    user: User = UserFactory(username="mallory")
    return user


@pytest.fixture
def amys(amy: User) -> dict[str, str]:
    """Ids of what is amy's, by kind."""
    project = ProjectFactory(billed_to=amy, name="Amys project", members={UserFactory(username="ben"): Level.VIEW})
    folders_of(project, "/data")
    org = Organization.objects.create(handle="acme", name="Acme")
    Membership.objects.create(org=org, user=amy, level=OrgLevel.ADMIN)
    browser = WebDoor().sign_in(amy)
    assert browser.signed_in
    session = Session.objects.get(user=amy).public_id
    token = TokenFactory(user=amy, label="amys token")
    file = File.objects.create(created_by=amy)
    FileInProject.objects.create(file=file, project=project, name="amys file")
    running = {"user": amy, "token": token, "project": project}
    upload = Transfer.objects.create(**running, name="amys file", kind=TransferKind.UPLOAD, file=file)
    job = Job.objects.create(**running, name="amys job", leased_until=timezone.now() + timedelta(hours=1))
    return {
        "project": project.public_id, "token": token.public_id, "session": session, "user": "user-ben", "username": "ben",
        "org": "org-acme", "file": file.public_id, "job": job.public_id, "transfer": upload.public_id, "work": job.public_id,
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
    )


def addresses(route: str, kinds: list[str], amys: dict[str, str]) -> tuple[str, str]:
    """Return the address with amy's ids, and the one with ids of nobody."""
    known, unknown = route, route
    for kind in kinds:
        known = re.sub(r"<\w+>", amys[kind], known, count=1)
        unknown = re.sub(r"<\w+>", UNKNOWN[kind], unknown, count=1)
    return known, unknown


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("route", PAGES)
def test_a_page_of_another_person_is_as_unknown_as_none(route: str, method: str, mallory: User, amys: dict[str, str]) -> None:
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
def test_a_thing_of_another_person_is_as_unknown_over_rest_as_none(
    route: str, method: str, how: str, mallory: User, amys: dict[str, str]
) -> None:
    bodies = {
        "/api/v1/tokens/<public_id>/": {"label": "renamed"}, "/api/v1/tokens/<public_id>/rotate/": {"overlap_seconds": 0},
        "/api/v1/projects/<public_id>/": {"name": "Renamed"}, "/api/v1/projects/<public_id>/members/": {"user": "mallory"},
    }  # fmt: skip
    body = bodies.get(route, {"level": "ADMINISTER"})
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
def test_a_thing_of_another_person_is_as_unknown_over_dx_as_none(route: str, mallory: User, amys: dict[str, str]) -> None:
    kind, _, method = route.partition("-{id}/")
    text = token_and_text(user=mallory)[1]
    body: dict[str, Any] = {"user-ben": None} if method == "decreasePermissions" else FIELDS  # its keys are people, and nothing else
    if method == "clone":
        body = {"objects": [], "project": project_of(mallory).public_id}
    answers = [dx(f"/{one[kind]}/{method}", body, text) for one in (amys, UNKNOWN)]
    assert (answers[0].status_code, answers[0].json()["error"]["type"]) == (404, "ResourceNotFound")
    assert masked(answers[0]) == masked(answers[1])
    assert unharmed(amys)


@pytest.mark.parametrize("kind", ["token", "project"])
def test_ids_in_bodies_are_as_unknown_as_none(kind: str, mallory: User, amys: dict[str, str]) -> None:
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


def test_a_cursor_of_one_person_shows_another_nothing_of_theirs(mallory: User, amys: dict[str, str], amy: User) -> None:
    TokenFactory.create_batch(5, user=amy)
    first: Any = rest("GET", "/api/v1/tokens/?limit=2", token_and_text(user=amy)[1])
    cursor = first.json()["next"].partition("?")[2]
    mallorys: Any = rest("GET", f"/api/v1/tokens/?{cursor}", token_and_text(user=mallory)[1])
    hers = set(Token.objects.of(amy).values_list("public_id", flat=True))
    assert not hers & {row["id"] for row in mallorys.json()["results"]}


def test_strangers_without_a_login_are_sent_to_it_whatever_the_id(amys: dict[str, str]) -> None:
    for route, kinds in PAGES.items():
        answers = [Client().get(address) for address in addresses(route, kinds, amys)]
        assert {answer.status_code for answer in answers} == {302}
    for route, kinds in REST.items():
        assert {rest("GET", address).status_code for address in addresses(route, kinds, amys)} == {401}


def routes_with_ids(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + re.sub(r"<\w+:", "<", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from routes_with_ids(pattern, route)
        elif isinstance(pattern, URLPattern) and "<" in route and "(?" not in route:
            yield route


def test_every_address_with_an_id_is_in_the_tables() -> None:
    ours = {route for route in routes_with_ids(get_resolver()) if not route.startswith("/admin/")}
    assert ours == set(PAGES) | set(REST) | BY_MAIL | BY_OTHER_KEYS
