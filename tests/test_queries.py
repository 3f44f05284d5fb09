"""How many queries each page and route costs. A change is a line in the diff of this file; a list costs the same with 1 and 50 rows."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from accounts import audit, flows
from accounts.digests import digest
from accounts.events import ConfirmationFailed, LoginPassed
from accounts.models import Session, User
from accounts.reauth import Proof
from orgs.models import Invitation, Membership, Organization
from orgs.projects.models import Level, Project, ProjectMember
from tests.conftest import WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.faults.links import CANCEL, CONFIRM, RESET, mailed_link
from tests.orgs.factories import OrganizationFactory
from tests.projects.factories import ProjectFactory, folders_of
from tests.tokens.factories import TokenFactory, token_and_text
from tests.twofactor.factories import supporter, turned_on
from tokens.models import Token, TokenKind, TokenProject
from tokens.work.models import File, FileInProject, Job, Transfer, TransferKind
from twofactor import flows as second_factor_flows

FEW, MANY = 1, 50
LINE_CHARS = 200

# Pages of a person who is signed in. One SELECT of each number is the session with its user, and nothing is written.
PAGES = {
    "/": 6,
    "/?q=project": 6,
    "/projects/new/": 2,
    "/projects/<project_id>/": 6,
    "/projects/<project_id>/change/": 2,
    "/projects/<project_id>/delete/": 7,
    "/projects/<project_id>/invite/": 2,
    "/projects/<project_id>/leave/": 2,
    "/projects/<project_id>/members/<username>/": 3,
    "/projects/<project_id>/members/<username>/remove/": 3,
    "/orgs/": 3,
    "/orgs/<handle>/": 12,
    "/orgs/<handle>/leave/": 4,
    "/orgs/<handle>/log/": 4,
    "/orgs/<handle>/members/": 10,
    "/orgs/<handle>/members/?show=look": 10,
    "/orgs/<handle>/members/invite/": 3,
    "/orgs/<handle>/members/<username>/": 4,
    "/orgs/<handle>/members/<username>/remove/": 5,
    "/profile/": 1,
    "/security/": 8,
    "/security/password/": 6,
    "/security/email/": 3,
    "/security/2fa/enable/": 4,
    "/security/2fa/disable/": 2,
    "/security/2fa/backup-codes/": 2,
    "/security/sessions/": 3,
    "/security/compromised/": 9,
    "/security/report/": 11,
    "/security/history/": 2,
    "/session/": 1,
    "/help/": 1,
    "/login/": 1,
    "/profile/tokens/": 5,
    "/profile/tokens/?q=live": 5,
    "/profile/tokens/?ended=1": 5,
    "/profile/tokens/?sort=used": 5,
    "/profile/tokens/new/": 4,
    "/profile/tokens/revoke/?token=<public_id>": 8,
    "/profile/tokens/rotate/?token=<public_id>": 2,
    "/profile/tokens/<public_id>/": 12,
    "/profile/tokens/<public_id>/rename/": 4,
    "/profile/tokens/<public_id>/rotate/": 5,
    "/api/v1/me/": 1,
    "/work/running/": 5,
    "/work/<work_id>/": 2,
    "/work/<work_id>/end/": 2,
}

CHOOSE, CHOOSING = "/password/reset/<uid>/<key>/", "/password/reset/<uid>/choose/"
INVITED, INVITATION = "/invitations/<key>/", "/invitations/<opened>/"
OBJECT = "/security/2fa/object/<key>/"
# Pages for anybody, without a session.
OPEN_PAGES = {
    "/healthz": 0,
    "/favicon.ico": 0,
    "/login/": 0,
    "/login/verify/": 0,
    "/help/": 0,
    "/password/reset/": 0,
    CHOOSE: 3,
    CHOOSING: 6,
    "/email/confirm/<key>/": 5,
    "/email/cancel/<key>/": 1,
    INVITED: 3,
    INVITATION: 2,
    OBJECT: 1,
    "/security/": 0,
    "/.well-known/change-password": 0,
    "/.well-known/security.txt": 0,
    "/api/v1/schema/": 0,
    "/api/v1/docs/": 0,
}

# Calls with a token: one SELECT of each number is the token with its user.
CALLS = {
    "GET /api/v1/me/": 1,
    "GET /api/v1/tokens/": 3,
    "GET /api/v1/tokens/<public_id>/": 3,
    "POST /api/v1/tokens/revoke/": 7,
    "GET /api/v1/projects/": 2,
    "GET /api/v1/projects/<project_id>/": 4,
    "GET /api/v1/projects/<project_id>/members/": 3,
    "GET /api/v1/orgs/": 2,
    "GET /api/v1/orgs/<handle>/": 3,
    "GET /api/v1/orgs/<handle>/security-log/": 3,
    "GET /api/v1/orgs/<handle>/policies/": 3,
    "GET /api/v1/orgs/<handle>/members/": 8,
    "GET /api/v1/orgs/<handle>/invitations/": 3,
    "GET /api/v1/sessions/": 3,
    "GET /api/v1/security-log/": 2,
    "POST /system/whoami": 1,
    "POST /user-amy/describe": 1,
    "POST /system/findOrgs": 2,
    "POST /org-acme/describe": 3,
    "POST /org-acme/findMembers": 3,
    "POST /org-acme/findProjects": 5,
    "POST /system/findProjects": 4,
    "POST /<project_id>/describe": 4,
    "POST /<project_id>/listFolder": 6,
    "GET /api/v1/jobs/": 2,
    "GET /api/v1/jobs/<work_id>/": 2,
    "GET /api/v1/transfers/": 2,
    "GET /api/v1/transfers/<transfer_id>/": 2,
    "POST /system/findDataObjects": 3,
    "POST /system/findExecutions": 2,
    "POST /<work_id>/describe": 2,
}

# Acts, as they cost through their door: the same, however much they end.
ACTS = {
    "POST /login/": 17,
    "POST /logout/": 8,
    "POST /session/": 1,
    "POST /security/history/export/": 5,
    "POST /orgs/<handle>/log/export/": 6,
    "GET /api/v1/security-log/export/": 5,
    "GET /api/v1/orgs/<handle>/security-log/export/": 6,
    "POST /security/password/": 24,
    "POST /security/email/": 22,
    "POST /security/email/cancel/": 8,
    "POST /security/sessions/": 8,
    "POST /security/compromised/": 45,
    "POST /security/2fa/object/": 3,
    "POST /profile/tokens/new/": 16,
    "POST /profile/tokens/revoke/": 11,
    "POST /profile/tokens/<public_id>/rotate/": 30,
    "POST /projects/<project_id>/delete/": 43,
    "POST /orgs/<handle>/members/<username>/remove/": 20,
    "POST /orgs/<handle>/invitations/<invitation>/withdraw/": 8,
    "DELETE /api/v1/orgs/<handle>/members/<username>/": 17,
    "DELETE /api/v1/orgs/<handle>/invitations/<invitation>/": 6,
    "PATCH /api/v1/projects/<project_id>/members/<username>/": 6,
    "POST /api/v1/tokens/<public_id>/rotate/": 25,
    "DELETE /api/v1/sessions/<public_id>/": 7,
}
# What is answered otherwise than with 200, or than with a redirect after an act.
STATUSES = {
    "POST /security/history/export/": 200, "POST /orgs/<handle>/log/export/": 200, "GET /api/v1/security-log/export/": 200,
    "GET /api/v1/orgs/<handle>/security-log/export/": 200,
    "signed in /login/": 302, "/login/verify/": 302, CHOOSE: 302, INVITED: 302, "stranger /security/": 302,
    "/.well-known/change-password": 302, "/favicon.ico": 302, "POST /session/": 200, "POST /profile/tokens/new/": 200,
    "DELETE /api/v1/orgs/<handle>/members/<username>/": 204, "DELETE /api/v1/orgs/<handle>/invitations/<invitation>/": 204,
    "DELETE /api/v1/sessions/<public_id>/": 204, "POST /profile/tokens/<public_id>/rotate/": 200,
    "POST /api/v1/tokens/<public_id>/rotate/": 201, "PATCH /api/v1/projects/<project_id>/members/<username>/": 200,
    "signed in /profile/tokens/rotate/?token=<public_id>": 302, "signed in /security/2fa/disable/": 302,
    "signed in /security/2fa/backup-codes/": 302,
}  # fmt: skip
NOT_OURS = "/admin/"
# Counted elsewhere, or one route for many calls.
NOT_HERE = {
    "/api/v1/jobs/<public_id>/heartbeat/", "/api/v1/jobs/<public_id>/finish/", "/transfers/<public_id>/part",
    "/transfers/<public_id>/dead-end", "/transfers/<public_id>/content", "/transfers/<public_id>/content/<grant>",
    "/readyz", "/oauth2/token", r"/^(?:[a-z]+/[A-Za-z]+|[a-z]+-[^/]+(?:/[^/]+)?/[A-Za-z]+)\Z",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _frozen(clock: Any) -> None:
    """Time stands still, so that no activity is due to be noted."""


@pytest.fixture(params=[FEW, MANY], ids=["few rows", "many rows"])
def amy(request: pytest.FixtureRequest, db: None) -> User:
    """amy with so many rows of everything that a page lists."""
    user: User = UserFactory(username="amy", email="amy@example.com")
    own = ProjectFactory(name="Own", billed_to=user, org=OrganizationFactory(handle="acme", admins=[user]))
    rows_of(user, own, request.param)
    return user


def rows_of(user: User, own: Project, number: int) -> None:
    """Add rows of each kind; the project `own` is one that the person administers."""
    members = User.objects.bulk_create(UserFactory.build(username=f"member.{n}") for n in range(number))
    # With the own one as many as the form of a new token offers.
    others = Project.objects.bulk_create(
        Project(name=f"Project {n:03d}", billed_to=member, created_by=member) for n, member in enumerate(members[: MANY - 1])
    )
    ProjectMember.objects.bulk_create(
        [
            *(ProjectMember(project=project, user=project.billed_to, level=Level.ADMINISTER) for project in others),
            *(ProjectMember(project=project, user=user, level=Level.VIEW) for project in others),
            *(ProjectMember(project=own, user=member, level=Level.VIEW) for member in members),
        ]
    )
    folders_of(own, *(f"/folder {n:03d}" for n in range(number)))
    live = tokens_of(user, number, "live", everywhere=None)
    TokenProject.objects.bulk_create(TokenProject(token=token, project=own, level=Level.VIEW) for token in live)
    tokens_of(user, number, "dead", revoked=True)
    organization_of(user, own, members)
    work_of(user, own, number)
    audit.record_many([(ConfirmationFailed(), user)] * number, actor=actor(user))
    now = timezone.now()
    Session.objects.bulk_create(
        Session(
            session_key=f"{n:064d}", expire_date=now + timedelta(hours=1), user=user, epoch=user.session_epoch,
            created=now - timedelta(hours=1), idle_limit_seconds=900, ip="192.0.2.1", user_agent=f"Browser {n}",
        )
        for n in range(min(number, MANY - 1))  # the browser of the test makes the last one
    )  # fmt: skip


def tokens_of(user: User, number: int, name: str, **traits: Any) -> list[Token]:
    """Add so many tokens of one kind."""
    return list(Token.objects.bulk_create(TokenFactory.build(user=user, label=f"{name} {n:03d}", **traits) for n in range(number)))


def organization_of(user: User, own: Project, members: list[User]) -> None:
    """Add members and invitations to the organization of `own`, and as many organizations and invitations to `user`."""
    assert own.org is not None
    Membership.objects.bulk_create(Membership(org=own.org, user=member) for member in members)
    tokens = Token.objects.bulk_create(TokenFactory.build(user=member, everywhere=None) for member in members)
    TokenProject.objects.bulk_create(TokenProject(token=token, project=own, level=Level.VIEW) for token in tokens)
    audit.record_many([(LoginPassed(), member) for member in members], actor=actor(user))
    others = Organization.objects.bulk_create(Organization(handle=f"other.{n}", name=f"Other {n}") for n in range(len(members)))
    Membership.objects.bulk_create(Membership(org=org, user=user) for org in others)
    expires = timezone.now() + timedelta(days=7)
    wanted: list[tuple[Organization, str, User | None]] = [(own.org, f"{n}@example.com", None) for n in range(len(members))]
    wanted += [(org, user.public_id, user) for org in others]
    by: dict[str, Any] = {"invited_by": UserFactory(is_staff=True, is_superuser=True), "by_support": True}
    Invitation.objects.bulk_create(
        Invitation(org=org, email=address, user=invitee, key_digest=digest(f"{n}"), expires=expires, **by)
        for n, (org, address, invitee) in enumerate(wanted)
    )


def work_of(user: User, own: Project, number: int) -> None:
    """Add files, and jobs and uploads that run, each on a token of its own."""
    files = File.objects.bulk_create(File(created_by=user) for _ in range(number))
    FileInProject.objects.bulk_create(FileInProject(file=file, project=own, name=f"file {n:03d}") for n, file in enumerate(files))
    leased = timezone.now() + timedelta(hours=1)
    Job.objects.bulk_create(
        Job(user=user, token=token, project=own, name=f"job {n:03d}", leased_until=leased)
        for n, token in enumerate(tokens_of(user, number, "job", kind=TokenKind.JOB))
    )
    Transfer.objects.bulk_create(
        Transfer(user=user, token=token, project=own, name=f"file {n:03d}", kind=TransferKind.UPLOAD, file=files[n])
        for n, token in enumerate(tokens_of(user, number, "upload", kind=TokenKind.JOB))
    )


def address_of(path: str) -> str:
    """Return an address with ids of what amy has."""
    path = path.replace("<work_id>", Job.objects.earliest("pk").public_id)
    path = path.replace("<transfer_id>", Transfer.objects.earliest("pk").public_id)
    path = path.replace("<handle>", "acme").replace("<invitation>", Invitation.objects.filter(user=None).earliest("pk").public_id)
    path = path.replace("<public_id>", Token.objects.earliest("pk").public_id)
    return path.replace("<project_id>", Project.objects.get(name="Own").public_id).replace("<username>", "member.0")


class Count:
    """Counts what a call asks of the database."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def __call__(self, call: Callable[[], Any], *, status: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = call()
        assert answer.status_code == status, answer.content
        control = ("BEGIN", "SAVEPOINT", "RELEASE", "COMMIT")
        self.statements = [query["sql"] for query in captured.captured_queries if not query["sql"].startswith(control)]
        return len(self.statements)

    def told(self) -> str:
        """Return the statements, each in one line that is not too long."""
        return "\n".join(re.sub(r"SELECT .+? FROM", "SELECT ... FROM", sql)[:LINE_CHARS] for sql in self.statements)

    def writes(self) -> list[str]:
        return [sql for sql in self.statements if not sql.startswith("SELECT")]


@pytest.fixture
def count() -> Count:
    return Count()


@pytest.mark.parametrize("path", PAGES)
def test_a_page_costs_what_the_snapshot_says_and_writes_nothing(web: WebDoor, amy: User, count: Count, path: str) -> None:
    web.sign_in(amy)
    address = address_of(path)
    assert count(lambda: web.get(address), status=STATUSES.get(f"signed in {path}", 200)) == PAGES[path], count.told()
    assert not count.writes()
    of_session = [sql for sql in count.statements if 'FROM "accounts_session" ' in sql and '"session_key" = ' in sql]
    assert len(of_session) == 1
    assert 'JOIN "accounts_user"' in of_session[0]
    assert not [sql for sql in count.statements if 'FROM "accounts_user"' in sql]


def test_a_page_that_needs_nothing_else_costs_one_select(web: WebDoor, amy: User, count: Count) -> None:
    web.sign_in(amy)
    assert count(lambda: web.get("/help/"), status=200) == 1


def test_activity_is_written_once_in_the_touch_interval(web: WebDoor, amy: User, count: Count, clock: Any) -> None:
    web.sign_in(amy)
    clock.shift(61)
    assert count(lambda: web.get("/profile/"), status=200) == 2
    assert [sql.split()[0] for sql in count.writes()] == ["UPDATE"]
    assert count(lambda: web.get("/profile/"), status=200) == 1


@pytest.mark.parametrize("path", OPEN_PAGES)
def test_an_open_page_costs_what_the_snapshot_says(web: WebDoor, amy: User, count: Count, path: str) -> None:
    flows.request_password_reset(email=amy.email, actor=actor())
    flows.request_email_change(user=amy, email="new@example.com", proof=Proof(amy.pk, amy.session_epoch), actor=actor(amy))
    reset = mailed_link(RESET)
    turned_on(amy)
    second_factor_flows.ask(staff=supporter("sue"), person=amy, actor=actor())
    links = {"/email/confirm/<key>/": mailed_link(CONFIRM), "/email/cancel/<key>/": mailed_link(CANCEL), CHOOSE: reset}
    links[INVITED] = "/invitations/0/"
    links[OBJECT] = mailed_link(OBJECT.removesuffix("<key>/"))
    address = links.get(path, path)
    if path == CHOOSING:
        address = web.get(reset)["Location"]
    if path == INVITATION:
        address = web.get(links[INVITED])["Location"]
    status = STATUSES.get(f"stranger {path}", STATUSES.get(path, 200))
    assert count(lambda: web.get(address), status=status) == OPEN_PAGES[path], count.told()


@pytest.mark.parametrize("call", CALLS)
def test_a_call_with_a_token_costs_what_the_snapshot_says_and_writes_nothing(amy: User, count: Count, call: str) -> None:
    text = token_and_text(user=amy, label="caller", last_used_at=timezone.now())[1]
    method, path = call.split()
    headers = {"authorization": f"Bearer {text}"}
    client = Client(headers=headers)
    address = address_of(path)
    body = {"all": True, "preview": True} if method == "POST" and path.startswith("/api/") else {"describe": True}
    data = json.dumps(body) if method == "POST" else ""
    assert count(lambda: client.generic(method, address, data, content_type="application/json"), status=200) == CALLS[call], count.told()
    assert not count.writes()
    assert 'FROM "tokens_token" t INNER JOIN "accounts_user"' in count.statements[0]
    assert len([sql for sql in count.statements if '"digest" = ' in sql]) == 1


def test_a_token_is_authenticated_by_one_select_and_its_use_noted_once_a_minute(amy: User, count: Count) -> None:
    text = token_and_text(user=amy, label="caller")[1]
    client = Client(headers={"authorization": f"Bearer {text}"})
    assert count(lambda: client.get("/api/v1/me/"), status=200) == 2
    assert [sql.split()[0] for sql in count.writes()] == ["UPDATE"]
    assert count(lambda: client.get("/api/v1/me/"), status=200) == 1


def test_a_text_that_cannot_be_a_token_costs_no_query(amy: User, count: Count) -> None:
    client = Client(headers={"authorization": "Bearer ght_" + "x" * 28})
    assert count(lambda: client.get("/api/v1/me/"), status=401) == 0


def act_of(name: str, web: WebDoor, amy: User) -> Callable[[], Any]:
    """Return the act, its form opened already, so that only the sending is counted."""
    path = name.split()[-1]
    if path != "/login/":
        web.sign_in(amy)
    if path == "/security/email/cancel/":
        flows.request_email_change(user=amy, email="new@example.com", proof=Proof(amy.pk, amy.session_epoch), actor=actor(amy))
    if path.startswith("/api/"):
        csrf = str(web.get("/security/").context["csrf_token"])
        session = Session.objects.earliest("created").public_id
        address = path.replace("<public_id>", session) if "sessions" in path else address_of(path)
        body = json.dumps({"level": "UPLOAD"} if "members" in path else {})
        return lambda: web.generic(name.split()[0], address, body, content_type="application/json", headers={"x-csrftoken": csrf})
    new = {"new_password1": "another correct horse", "new_password2": "another correct horse"}
    token = Token.objects.filter(state="active").earliest("pk").public_id
    fields = {
        "/login/": {"username": "amy", "password": PASSWORD},
        "/security/password/": {"current_password": PASSWORD, **new},
        "/security/email/": {"email": "new@example.com", "current_password": PASSWORD},
        "/security/sessions/": {"end": "others"},
        "/security/compromised/": {"since": "day", "current_password": PASSWORD, "renew_2fa": "on", **new},
        "/profile/tokens/new/": {"label": "one more", "expires": "30"},
        "/profile/tokens/revoke/": {"token": token},
        "/profile/tokens/<public_id>/rotate/": {"overlap": "0"},
    }.get(path, {})
    forms = {"/profile/tokens/revoke/": f"{path}?token={token}", "/login/": path}
    page = web.get(forms.get(path, "/security/"))
    address = address_of(path)
    return lambda: web.post(address, {**fields, "csrfmiddlewaretoken": str(page.context["csrf_token"])})


@pytest.mark.parametrize("name", ACTS)
def test_an_act_costs_the_same_however_much_it_ends(web: WebDoor, amy: User, count: Count, name: str) -> None:
    act = act_of(name, web, amy)
    assert count(act, status=STATUSES.get(name, 302)) == ACTS[name], count.told()


def routes(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = prefix + re.sub(r"<\w+:", "<", str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


def shape(route: str) -> str:
    """Return a route without the names of its parts."""
    return re.sub(r"<\w+>", "<>", route)


def test_every_route_is_in_the_snapshot() -> None:
    counted = {shape(key.split()[-1].partition("?")[0]) for table in (PAGES, OPEN_PAGES, CALLS, ACTS) for key in table}
    missing = [
        route
        for route in routes(get_resolver())
        if not route.startswith(NOT_OURS) and route not in NOT_HERE and shape(route) not in counted
    ]
    assert not missing
