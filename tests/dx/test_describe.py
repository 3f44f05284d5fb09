"""`describe` of people and organizations: what somebody sees who shares something, and that strangers see nothing."""

from typing import Any

import pytest

from accounts.models import User
from orgs.models import Membership, Organization, OrgLevel
from orgs.projects.models import Level
from tests.factories import UserFactory
from tests.projects.factories import ProjectFactory, project_of
from tests.tokens.doors import dx
from tests.tokens.factories import TokenFactory, token_and_text
from tokens.models import TokenProject

pytestmark = pytest.mark.django_db


@pytest.fixture
def amys(amy: User) -> str:
    """The text of a token of amy."""
    return token_and_text(user=amy)[1]


@pytest.fixture
def acme(amy: User, ben: User) -> Organization:
    """amy administers it, ben is a member."""
    org = Organization.objects.create(handle="acme", name="Acme Labs", auto_logout_after_minutes=5)
    Membership.objects.create(org=org, user=amy, level=OrgLevel.ADMIN)
    Membership.objects.create(org=org, user=ben)
    return org


def status(path: str, text: str) -> int:
    answer: int = dx(path, {}, text).status_code
    return answer


def test_who_shares_a_project_is_found_without_their_address(amy: User, ben: User, amys: str) -> None:
    assert status("/user-ben/describe", amys) == 404
    ProjectFactory(billed_to=amy, members={ben: Level.VIEW})
    assert dx("/user-ben/describe", {"appsInstalled": True, "subscriptions": True}, amys).json() == {
        "id": "user-ben", "class": "user", "handle": "ben", "first": "", "last": "", "middle": "",
    }  # fmt: skip
    assert status("/user-BEN/describe", amys) == 200
    assert dx("/user-ben/describe", {"fields": {"handle": True, "email": True}}, amys).json() == {"id": "user-ben", "handle": "ben"}
    User.objects.filter(pk=ben.pk).update(is_active=False)
    assert status("/user-ben/describe", amys) == 404


def test_who_shares_an_organization_is_found(acme: Organization, amys: str) -> None:
    assert status("/user-ben/describe", amys) == 200


def test_a_token_of_chosen_projects_sees_the_people_of_these_alone(acme: Organization, amy: User, ben: User) -> None:
    cleo = UserFactory(username="cleo")
    chosen = ProjectFactory(billed_to=amy, members={cleo: Level.VIEW})
    project_of(amy)
    token, text = token_and_text(user=amy, everywhere=None)
    TokenProject.objects.create(token=token, project=chosen, level=Level.VIEW)
    assert (status("/user-cleo/describe", text), status("/user-ben/describe", text)) == (200, 404)
    assert status("/user-amy/describe", text) == 200


def test_an_organization_is_described_to_its_members(acme: Organization, ben: User) -> None:
    bens = token_and_text(user=ben)[1]
    described = dx("/org-acme/describe", {}, bens).json()
    created = described.pop("created")
    assert described == {
        "id": "org-acme", "class": "org", "name": "Acme Labs", "handle": "acme", "level": "MEMBER", "admins": ["user-amy"],
        "allowBillableActivities": True, "createProjectsAndApps": True, "appAccess": True, "projectAccess": "NONE",
        "policies": {
            "memberListVisibility": "MEMBER", "restrictProjectTransfer": "MEMBER", "jobReuse": True, "autoLogoutAfter": 5,
            "require2fa": False, "require2faFrom": None, "gracePeriodDays": 14, "longestTokenLife": None, "tokensAllowed": True,
            "resetWaitHours": None,
        },
    }  # fmt: skip
    assert created > 1_700_000_000_000
    assert dx("/org-ACME/describe", {"fields": {"name": True}}, bens).json() == {"id": "org-acme", "name": "Acme Labs"}


@pytest.mark.parametrize("entity", ["org-acme", "org-nobody", "org-", "org-%00", "org-é"])
def test_to_strangers_an_organization_is_as_unknown_as_none(acme: Organization, entity: str) -> None:
    answer = dx(f"/{entity}/describe", {}, token_and_text()[1])
    if entity != "org-":
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "ResourceNotFound")
        assert answer.json() == dx("/org-none/describe", {}, token_and_text()[1]).json()


def test_a_token_of_chosen_projects_sees_no_organization(acme: Organization, amy: User) -> None:
    text = token_and_text(user=amy, everywhere=None)[1]
    for entity in ("org-acme", "org-none"):
        answer = dx(f"/{entity}/describe", {}, text)
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "PermissionDenied")


@pytest.mark.parametrize(
    "path", ["/record/new", "/applet-x/run", "/system/findDatabases", "/user-amy/update", "/project-x/nothing", "/app-x/1.0.0/describe"]
)
def test_what_nobody_offers_is_the_clients_not_found(amys: str, path: str) -> None:
    answer: Any = dx(path, {}, amys)
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "ResourceNotFound")
    assert answer["Content-Type"] == "application/json"
    TokenFactory()
