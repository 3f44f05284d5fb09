"""Projects and folders by the unmodified dx client: what a script and a person at a terminal do all day (S1.8, S5.2)."""

import json
from collections.abc import Callable

import pytest

from tests.journeys.browser import Windows
from tests.journeys.dx import DxClient
from tests.journeys.house import House
from tests.journeys.visitor import add_member, dx_login, make_projects

pytestmark = [pytest.mark.dx, pytest.mark.once]


@pytest.mark.browser
def test_a_token_of_the_page_logs_in_and_selects_a_project_without_a_question(server: House, windows: Windows, dx: DxClient) -> None:
    window, name = windows(), server.person()
    window.sign_in(name)
    project = window.make_project("Exomes of 2026")
    dx.use(window.make_token("script"), "Exomes of 2026")
    assert dx.ok("ls") == ""
    assert dx.whoami() == name
    assert f"Current workspace\t{project}" in dx.ok("env")


def test_folders_are_made_moved_and_removed(server: House, dx: DxClient) -> None:
    token = dx_login(server.url, server.person())
    make_projects(server.url, token, "Reads")
    dx.use(token, "Reads")
    dx.ok("mkdir", "-p", "/a/b")
    dx.ok("cd", "a")
    assert (dx.ok("pwd"), dx.ok("ls")) == ("Reads:/a", "b/")
    dx.ok("cd", "/")
    dx.ok("mv", "/a", "/c")
    assert dx.ok("tree").split() == [".", "└──", "c", "└──", "b"]
    assert "The folder /c is not empty" in dx.refused("rmdir", "/c")
    dx.ok("rmdir", "/c/b")
    dx.ok("mkdir", "-p", "/c/d/e")
    dx.ok("rm", "-r", "/c")
    assert dx.ok("tree") == "."


def test_describe_tells_of_a_project_of_oneself_of_people_one_shares_something_with_and_of_nobody_else(server: House, dx: DxClient) -> None:
    me, other, stranger = (server.person() for _ in range(3))
    token = dx_login(server.url, me)
    (project,) = make_projects(server.url, token, "Shared")
    add_member(server.url, token, project, other, "VIEW")
    dx.use(token)
    told = dx.ok("describe", project)
    assert "Class                             project" in told
    assert "Access level                      ADMINISTER" in told
    assert f"{me}@example.com" in dx.ok("describe", f"user-{me}")
    of_other = dx.ok("describe", f"user-{other}")
    assert (other in of_other, "@" in of_other) == (True, False)
    assert "No matches found" in dx.refused("describe", f"user-{stranger}")


def test_describe_tells_of_an_organization_to_its_members_alone(server: House, dx: DxClient) -> None:
    dx.use(dx_login(server.url, "amy"))
    assert "Acme Genomics" in dx.ok("describe", "org-acme")
    assert "No matches found" in dx.refused("describe", "org-bolt")


def test_find_projects_finds_by_name_pattern_and_level(server: House, dx: DxClient) -> None:
    owner, me = server.person(), server.person()
    theirs, mine = dx_login(server.url, owner), dx_login(server.url, me)
    first, second = make_projects(server.url, mine, "Genome 1", "Genome 2")
    (shared,) = make_projects(server.url, theirs, "Genome of a colleague")
    add_member(server.url, theirs, shared, me, "VIEW")
    dx.use(mine)
    assert dx.ok("find", "projects", "--name", "Genome ?").splitlines() == [
        f"{first} : Genome 1 (ADMINISTER)",
        f"{second} : Genome 2 (ADMINISTER)",
    ]
    assert dx.ok("find", "projects", "--name", "genome*") == ""
    assert dx.ok("find", "projects", "--brief").split() == [first, second, shared]
    assert dx.ok("find", "projects", "--level", "UPLOAD", "--brief").split() == [first, second]
    rows = json.loads(dx.ok("find", "projects", "--name", "*colleague", "--json"))
    assert [(row["id"], row["level"], row["describe"]["billTo"]) for row in rows] == [(shared, "VIEW", f"user-{owner}")]


def test_a_project_is_made_renamed_described_and_removed(server: House, dx: DxClient) -> None:
    dx.use(dx_login(server.url, server.person()))
    project = dx.ok("new", "project", "X", "--brief")
    dx.ok("rename", f"{project}:", "Y")
    assert json.loads(dx.ok("update", "project", project, "--summary", "What it is for")) == {"id": project}
    dx.ok("tag", f"{project}:", "raw", "old")
    dx.ok("untag", f"{project}:", "old")
    dx.ok("set_properties", f"{project}:", "sample=7", "lane=2")
    dx.ok("unset_properties", f"{project}:", "lane")
    told = json.loads(dx.ok("describe", project, "--json"))
    assert (told["name"], told["summary"], told["tags"], told["properties"]) == ("Y", "What it is for", ["raw"], {"sample": "7"})
    assert dx.ok("rmproject", "-y", project) == 'Successfully deleted project "Y"'
    assert dx.ok("find", "projects") == ""
    assert "There is no such project" in dx.refused("rmproject", "-y", project)


def test_a_person_is_invited_and_uninvited_and_has_the_project_in_between(server: House, machines: Callable[[], DxClient]) -> None:
    mine, theirs = machines(), machines()
    me, other = server.person(), server.person()
    token = dx_login(server.url, me)
    (project,) = make_projects(server.url, token, "Plates")
    mine.use(token)
    theirs.use(dx_login(server.url, other))
    for _ in range(2):  # twice is harmless
        assert mine.ok("invite", other, project, "CONTRIBUTE") == f"Invited user-{other} to {project} (accepted)"
    assert theirs.ok("find", "projects") == f"{project} : Plates (CONTRIBUTE)"
    assert mine.ok("uninvite", other, project) == f"Uninvited user-{other} from {project}"
    assert theirs.ok("find", "projects") == ""
    assert "This person is not a member of the project" in mine.refused("uninvite", other, project)
    assert "A project keeps at least one administrator" in mine.refused("uninvite", me, project)
    assert "the project “Plates”" in server.mail(f"{other}@example.com", "You were added to a project")
