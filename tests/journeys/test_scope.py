"""A token reaches what was chosen for it, at the lower of its level and its owner's, and both ends see it at once (S4.2, S4.5)."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.journeys.browser import Window, Windows
from tests.journeys.dx import DxClient
from tests.journeys.house import House
from tests.journeys.visitor import with_token

pytestmark = [pytest.mark.browser, pytest.mark.dx, pytest.mark.once]


@dataclass
class Team:
    """The administrator of a project, a member of it who has a project besides, each in a browser, and the member's machine."""

    admin: Window
    member: Window
    dx: DxClient
    name: str
    project: str

    def open_dialog(self, act: str) -> None:
        """Open what the administrator can do with the member, from the page of the project on."""
        page = self.admin.open(f"/projects/{self.project}/")
        page.get_by_role("row", name=self.name).get_by_role("link", name=act).click()

    def set_level(self, level: str) -> None:
        """Give the member another level, on the page of the project."""
        self.open_dialog("Level")
        self.admin.page.get_by_label("Level", exact=True).select_option(level)
        self.admin.page.get_by_role("button", name="Change").click()
        self.admin.page.get_by_text("It holds from their next request on").wait_for()


@pytest.fixture
def team(server: House, windows: Windows, dx: DxClient) -> Team:
    """Two people; the member has CONTRIBUTE."""
    admin, member, name = windows(), windows(), server.person()
    admin.sign_in(server.person())
    project = admin.make_project("Trial 7")
    admin.page.get_by_role("link", name="Add member").click()
    admin.page.get_by_label("Username").fill(name)
    admin.page.get_by_label("Level").select_option("CONTRIBUTE")
    admin.page.get_by_role("button", name="Add", exact=True).click()
    admin.page.get_by_text("They have the project from now on").wait_for()
    member.sign_in(name)
    member.make_project("Own notes")
    return Team(admin, member, dx, name, project)


def test_a_token_of_one_project_at_view_sees_that_one_writes_nothing_and_loses_it_with_the_membership(team: Team) -> None:
    team.dx.use(team.member.make_token("reader", {"Trial 7": "VIEW"}), "Trial 7")
    assert team.dx.ok("find", "projects") == f"{team.project} : Trial 7 (VIEW)"
    refused = f"PermissionDenied: CONTRIBUTE permission required in {team.project} to perform this action; the level here is VIEW, code 401"
    assert refused.removeprefix("PermissionDenied: ") in team.dx.refused("mkdir", "/results")
    assert refused in team.dx.refused("api", team.project, "newFolder", json.dumps({"folder": "/results"}))

    team.open_dialog("Remove")
    team.admin.page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    team.admin.page.get_by_text("They, and their tokens, lose the project").wait_for()
    assert "There is no such project, or you are not a member of it, code 404" in team.dx.refused("ls")
    assert team.dx.ok("find", "projects") == ""
    assert team.dx.whoami() == team.name


def test_a_token_follows_the_level_of_its_owner_down_and_up_and_never_above_its_own(team: Team) -> None:
    team.dx.use(team.member.make_token("writer", {"Trial 7": "CONTRIBUTE"}), "Trial 7")
    team.dx.ok("mkdir", "/first")
    team.set_level("VIEW")
    assert team.dx.ok("find", "projects") == f"{team.project} : Trial 7 (VIEW)"
    assert "CONTRIBUTE permission required" in team.dx.refused("mkdir", "/second")
    team.set_level("ADMINISTER")
    assert team.dx.ok("find", "projects") == f"{team.project} : Trial 7 (CONTRIBUTE)"
    team.dx.ok("mkdir", "/second")
    assert "ADMINISTER permission required" in team.dx.refused("invite", "ben", team.project)
    assert team.dx.ok("ls").split() == ["first/", "second/"]


def test_dx_makes_a_narrower_token_with_a_token_and_it_dies_with_the_one_that_made_it(
    server: House, team: Team, machines: Callable[[], DxClient]
) -> None:
    parent = team.member.make_token("nightly")
    team.dx.use(parent)
    scope = {"scope": {"projects": {team.project: "VIEW"}}, "label": "nightly, step 2"}
    made = json.loads(team.dx.ok("api", "system", "newAuthToken", json.dumps(scope)))
    narrow = machines()
    narrow.use(made["access_token"], "Trial 7")
    assert narrow.ok("find", "projects") == f"{team.project} : Trial 7 (VIEW)"
    assert "CONTRIBUTE permission required" in narrow.refused("mkdir", "/results")
    wider = {"scope": {"projects": {"*": "VIEW"}}}
    assert "PermissionDenied" in narrow.refused("api", "system", "newAuthToken", json.dumps(wider))

    page = team.member.open("/profile/tokens/")
    page.get_by_label("Select nightly", exact=True).check()
    page.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog", name="Revoke Tokens Confirmation")
    assert "Made with it: revoked, too" in dialog.inner_text()
    assert "nightly, step 2" in dialog.inner_text()
    dialog.get_by_role("button", name="Yes, revoke it").click()
    page.get_by_text("No tokens yet").wait_for()
    assert "The token was revoked; log in again or make a new token, code 401" in narrow.refused("ls")
    assert with_token(server.url, parent).json["code"] == "token_revoked"
