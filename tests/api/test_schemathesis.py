"""Every route, asked what its schema allows and what it does not, answers as the schema says, and never with a fault (I4, API-02).

A route of one thing, or one whose example names a thing, needs an entry in THINGS, so that it is called with an id that is somebody's.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection
from django.utils import timezone
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from accounts.models import Session, User
from config import wsgi
from orgs.models import Membership, Organization
from orgs.projects.models import Level, Project, ProjectMember
from tests.conftest import WebDoor
from tests.orgs.factories import OrganizationFactory, invite
from tests.projects.factories import project_of
from tests.tokens.factories import TokenFactory, token_and_text
from tokens.models import Token
from tokens.work.models import File, Job, Transfer, TransferKind

AnyCase = Case[Any]
# Of each route, beside those that schemathesis makes for each part of the schema. A database differs in numbers and texts alone.
EXAMPLES = 25 if connection.vendor == "sqlite" else 5


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Call the product; its connection stays open after it, with the transaction of the test, as with Django's own test client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    answer = wsgi.application(environ, start_response)
    try:
        return [b"".join(answer)]
    finally:
        answer.close()  # as a server does: a stream gives its slot back then


# With a configuration of its own: it would read one that lies in a folder above.
api = schemathesis.openapi.from_wsgi("/api/v1/schema/", wsgi.application, config=SchemathesisConfig())
api.app = application
OPERATIONS = [(path, method.upper()) for path, methods in api.raw_schema["paths"].items() for method in methods]


def own_session(user: User) -> str:
    """Return the id of a session of a browser."""
    now = timezone.now()
    end = now + timedelta(hours=1)
    session: Session = Session.objects.create(
        session_key="0" * 64, expire_date=end, user=user, epoch=user.session_epoch, idle_limit_seconds=900
    )
    return str(session.public_id)


def own_project(user: User) -> str:
    """Return the id of a project that somebody administers; ben, of whom the examples tell, is there to be invited."""
    User.objects.get_or_create(username="ben", defaults={"email": "ben@example.com"})
    return str(project_of(user).public_id)


def own_org(user: User) -> str:
    """Return the handle of an organization that the person is an admin of, with ben as a member and an invitation under way."""
    ben, _ = User.objects.get_or_create(username="ben", defaults={"email": "ben@example.com"})
    org: Organization = OrganizationFactory(admins=[user], members=[ben])
    return str(org.handle)


def member(user: User) -> str:
    """Return ben, a member of the organization of the person, or else of the project that was made last."""
    ben = User.objects.get(username="ben")
    if not Membership.objects.filter(user=ben).exists():
        ProjectMember.objects.create(project=Project.objects.latest("pk"), user=ben, level=Level.VIEW)
    return str(ben.public_id)


def invitation(user: User) -> str:
    """Return an invitation to the organization of the person."""
    return str(invite(Organization.objects.latest("pk"), user, "dana@example.com").public_id)


def carrier(user: User) -> Token:
    """Return the token that asks, if it is there: the token of a job alone speaks for the job."""
    found: Token = Token.objects.of(user).filter(label="caller").first() or TokenFactory(user=user)
    return found


def own_job(user: User) -> str:
    """Return a job of the person's that runs on the token that asks."""
    rest = {"project": project_of(user), "name": "a job", "leased_until": timezone.now() + timedelta(hours=1)}
    return str(Job.objects.create(user=user, token=carrier(user), **rest).public_id)


def own_transfer(user: User) -> str:
    """Return an upload of the person's that runs."""
    file = File.objects.create(created_by=user)
    made = {"project": project_of(user), "name": "a file", "kind": TransferKind.UPLOAD, "file": file}
    return str(Transfer.objects.create(user=user, token=carrier(user), **made).public_id)


OF_JOBS = ("/heartbeat/", "/finish/")  # no browser does these: the token of the job alone
OPEN = {"/api/v1/schema/"}  # what strangers may ask
# By what stands before the id in an address: how somebody comes to such a thing.
THINGS: dict[str, Callable[[User], str]] = {
    "sessions": own_session,
    "tokens": lambda user: TokenFactory(user=user).public_id,
    "projects": own_project,
    "orgs": own_org,
    "jobs": own_job,
    "transfers": own_transfer,
    "members": member,
    "invitations": invitation,
}


@pytest.fixture(autouse=True)
def _connections_close_again() -> Iterator[None]:
    """Undo what `application` does."""
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def presented(amy: User) -> dict[str, str]:
    """The header of somebody whose sessions and tokens may all be lost."""
    long = timezone.now() + timedelta(days=360)
    return {"Authorization": f"Bearer {token_and_text(user=amy, label='caller', expires=long)[1]}"}


# positive_data_acceptance: that a date lies within a year, or that a label is free, no schema can say. Such a 422 or 409 is declared.
@api.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
def test_api_02_a_route_answers_as_its_schema_says(case: AnyCase, presented: dict[str, str]) -> None:
    case.call_and_validate(headers=presented, excluded_checks=[positive_data_acceptance])


def example_of(path: str, method: str, user: User, **more: object) -> AnyCase:
    """Return the call that the example of an operation shows, of things of `user`; `more` stands in its body, too."""
    operation = api[path][method]
    parts: dict[str, Any] = {"path_parameters": {name: THINGS[before](user) for before, name in re.findall(r"/([\w-]+)/{(\w+)}", path)}}
    if body := operation.definition.raw.get("requestBody"):
        shown = json.dumps(body["content"]["application/json"]["example"])
        own = re.sub(r"\b([a-z]+)-[0-9A-Za-z]{24}\b", lambda found: THINGS[f"{found[1]}s"](user), shown)
        parts |= {"body": {**json.loads(own), **more}, "media_type": "application/json"}
    return operation.Case(**parts)


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
class TestACallAsInTheExample:
    def test_succeeds(self, path: str, method: str, amy: User, presented: dict[str, str]) -> None:
        answer = example_of(path, method, amy).call_and_validate(headers=presented)
        assert answer.status_code < 300, answer.content

    @pytest.mark.once
    def test_web_04_in_a_session_needs_the_csrf_token_where_it_changes_something(
        self, path: str, method: str, amy: User, web: WebDoor
    ) -> None:
        if path.endswith(OF_JOBS):
            pytest.skip("no browser does this")
        cookies = {name: cookie.value for name, cookie in web.sign_in(amy).cookies.items() if name == "sessionid"}
        answer = example_of(path, method, amy).call_and_validate(cookies=cookies, excluded_checks=[ignored_auth])
        assert (answer.status_code == 403) == (method != "GET")

    @pytest.mark.once
    def test_api_05_of_a_stranger_is_refused(self, path: str, method: str, amy: User) -> None:
        answer = example_of(path, method, amy).call_and_validate()
        assert (answer.status_code == 401) == (path not in OPEN)

    @pytest.mark.once
    def test_api_05_that_wants_no_json_is_refused(self, path: str, method: str, amy: User, presented: dict[str, str]) -> None:
        answer = example_of(path, method, amy).call_and_validate(headers={**presented, "Accept": "text/html"})
        assert answer.status_code == 406

    @pytest.mark.once
    def test_api_01_with_a_field_too_many_is_refused_by_its_name(
        self, path: str, method: str, amy: User, presented: dict[str, str]
    ) -> None:
        case = example_of(path, method, amy, is_staff=True)
        if isinstance(case.body, dict):
            answer = case.call_and_validate(headers=presented)
            assert (answer.status_code, list(answer.json()["errors"])) == (400, ["is_staff"])
