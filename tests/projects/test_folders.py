"""Folders through the dx door: made, listed, renamed, moved, removed; and what a path may be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import User
from orgs.projects import spelling
from orgs.projects.errors import PathRefused
from orgs.projects.models import Folder, Level, Project
from tests.conftest import Race
from tests.factories import UserFactory
from tests.projects.factories import ProjectFactory, folders_of, project_of
from tests.tokens.doors import dx
from tests.tokens.factories import token_and_text

pytestmark = pytest.mark.django_db


class Door:
    """The dx client, in one project."""

    def __init__(self, user: User, project: Project) -> None:
        self.project, self.text = project, token_and_text(user=user)[1]

    def __call__(self, call: str, **body: Any) -> Any:
        return dx(f"/{self.project.public_id}/{call}", body, self.text)

    @property
    def paths(self) -> list[str]:
        return sorted(self.project.folders.values_list("path", flat=True))

    def listed(self, folder: str) -> list[str]:
        answer: list[str] = self("listFolder", folder=folder, only="folders").json()["folders"]
        return answer


@pytest.fixture
def door(amy: User) -> Door:
    return Door(amy, project_of(amy))


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["type"]


NOT_FOUND, INVALID, STATE = (404, "ResourceNotFound"), (422, "InvalidInput"), (422, "InvalidState")


def test_a_new_project_has_its_root_and_nothing_in_it(door: Door) -> None:
    assert door("listFolder", folder="/").json() == {"folders": [], "objects": []}
    assert door("listFolder").json() == {"folders": [], "objects": []}
    assert door("listFolder", folder="/", only="objects").json() == {"objects": []}
    assert refusal(door("listFolder", folder="/", only="files")) == INVALID
    assert refusal(door("listFolder", folder="/nope", only="folders")) == NOT_FOUND


def test_folders_are_made_with_and_without_those_above(door: Door) -> None:
    assert door("newFolder", folder="/a", parents=False).json() == {"id": door.project.public_id}
    assert refusal(door("newFolder", folder="/a", parents=False)) == STATE
    assert refusal(door("newFolder", folder="/x/y", parents=False)) == NOT_FOUND
    assert door("newFolder", folder="/a", parents=True).status_code == 200
    assert door("newFolder", folder="/x/y/z/", parents=True).status_code == 200
    assert door("newFolder", folder="/", parents=True).status_code == 200
    assert refusal(door("newFolder", folder="/")) == STATE
    assert door.paths == ["/a", "/x", "/x/y", "/x/y/z"]
    assert (door.listed("/"), door.listed("/x"), door.listed("/x/y/z")) == (["/a", "/x"], ["/x/y"], [])


@pytest.mark.parametrize("path", ["a", "", "//", "/a//b", "/.", "/a/..", "/a/./b", "/ ", "/\u202ea", "/a\nb", "/" + "x" * 256, "/a" * 257])
def test_what_is_no_path_is_refused(door: Door, path: str) -> None:
    answers = [door("newFolder", folder=path, parents=True)]
    if path:
        answers += [door("listFolder", folder=path), door("renameFolder", folder="/a", newpath=path)]
    for answer in answers:
        if path.strip("/"):
            assert refusal(answer) == INVALID
    assert not [one for one in door.paths if one == path]


def test_a_folder_is_renamed_with_all_below_it_and_nothing_beside_it(door: Door) -> None:
    folders_of(door.project, "/a", "/a/b", "/a/b/c", "/ab", "/A", "/A/b", "/a%", "/a_/b")
    other = project_of(door.project.billed_to)
    folders_of(other, "/a", "/a/b")
    assert door("renameFolder", folder="/a", newpath="/z").json() == {"id": door.project.public_id}
    assert door.paths == sorted(["/z", "/z/b", "/z/b/c", "/ab", "/A", "/A/b", "/a%", "/a_/b"])
    assert (door.listed("/z"), door.listed("/z/b")) == (["/z/b"], ["/z/b/c"])
    assert sorted(other.folders.values_list("path", flat=True)) == ["/a", "/a/b"]


def test_a_rename_that_cannot_be_changes_nothing(door: Door) -> None:
    folders_of(door.project, "/a", "/a/b", "/c")
    before = door.paths
    assert refusal(door("renameFolder", folder="/a", newpath="/c")) == STATE
    assert refusal(door("renameFolder", folder="/a", newpath="/a/b/x")) == INVALID
    assert refusal(door("renameFolder", folder="/a", newpath="/nope/x")) == NOT_FOUND
    assert refusal(door("renameFolder", folder="/nope", newpath="/x")) == NOT_FOUND
    assert refusal(door("renameFolder", folder="/", newpath="/x")) == INVALID
    assert refusal(door("renameFolder", folder="/a", newpath="/")) == INVALID
    assert door("renameFolder", folder="/a", newpath="/a").status_code == 200
    assert door.paths == before


def test_a_path_that_would_become_too_long_stays(door: Door) -> None:
    deep = "/a" + "/x" * 250
    folders_of(door.project, "/a", deep)
    assert refusal(door("renameFolder", folder="/a", newpath="/" + "n" * 20)) == INVALID
    assert door.paths == ["/a", deep]


def test_folders_are_moved_all_or_none(door: Door) -> None:
    folders_of(door.project, "/a", "/a/b", "/c", "/d", "/d/c")
    assert refusal(door("move", objects=[], folders=["/a", "/c"], destination="/d")) == STATE
    assert door.paths == ["/a", "/a/b", "/c", "/d", "/d/c"]
    assert door("move", objects=[], folders=["/a"], destination="/d", targetFileRelocation=False).status_code == 200
    assert door.paths == ["/c", "/d", "/d/a", "/d/a/b", "/d/c"]
    assert door("move", objects=[], folders=["/d/a/b"], destination="/").status_code == 200
    assert "/b" in door.paths
    assert refusal(door("move", objects=[], folders=["/d"], destination="/d/a")) == INVALID
    assert refusal(door("move", objects=[], folders=["/c"], destination="/nope")) == NOT_FOUND
    assert refusal(door("move", objects=["file-" + "B" * 24], folders=[], destination="/c")) == NOT_FOUND
    assert refusal(door("move", objects="x", folders=[], destination="/c")) == INVALID


def test_an_empty_folder_is_removed_and_one_with_folders_only_if_asked(door: Door) -> None:
    folders_of(door.project, "/a", "/a/b", "/a/b/c", "/ab")
    assert refusal(door("removeFolder", folder="/a", partial=True)) == STATE
    assert door("removeFolder", folder="/a/b/c", partial=True).json() == {"id": door.project.public_id, "completed": True}
    assert door("removeFolder", folder="/a", recurse=True, force=True, partial=True).json()["completed"] is True
    assert door.paths == ["/ab"]
    assert refusal(door("removeFolder", folder="/a")) == NOT_FOUND
    assert door("removeFolder", folder="/a", force=True).json()["completed"] is True
    assert refusal(door("removeFolder", folder="/", recurse=True)) == INVALID


def test_removing_no_objects_is_fine_and_those_that_are_not_there_with_force(door: Door) -> None:
    assert door("removeObjects", objects=[], force=True).status_code == 200
    assert door("removeObjects", objects=["file-" + "B" * 24], force=True).status_code == 200
    assert refusal(door("removeObjects", objects=["file-" + "B" * 24])) == NOT_FOUND


def test_a_project_holds_a_bounded_number_of_folders(door: Door, monkeypatch: Any) -> None:
    monkeypatch.setattr("orgs.projects.limits.FOLDERS_PER_PROJECT", 3)
    assert door("newFolder", folder="/a/b/c", parents=True).status_code == 200
    assert refusal(door("newFolder", folder="/d", parents=True)) == STATE
    assert door("newFolder", folder="/a/b/c", parents=True).status_code == 200


@pytest.mark.parametrize("level", [Level.VIEW, Level.UPLOAD])
def test_below_contribute_folders_are_seen_and_not_changed(amy: User, ben: User, level: Level) -> None:
    project = ProjectFactory(billed_to=amy, members={ben: level})
    folders_of(project, "/a")
    door = Door(ben, project)
    assert door.listed("/") == ["/a"]
    for call, body in (
        ("newFolder", {"folder": "/b"}), ("renameFolder", {"folder": "/a", "newpath": "/b"}), ("removeFolder", {"folder": "/a"}),
        ("move", {"objects": [], "folders": ["/a"], "destination": "/"}), ("removeObjects", {"objects": [], "force": True}),
        ("addTags", {"tags": ["x"]}), ("removeTags", {"tags": ["x"]}), ("setProperties", {"properties": {"k": "v"}}),
    ):  # fmt: skip
        answer = door(call, **body)
        assert refusal(answer) == (401, "PermissionDenied"), call
        assert f"CONTRIBUTE permission required in {project.public_id} to perform this action" in answer.json()["error"]["message"]
    assert door.paths == ["/a"]


@given(st.text(max_size=40))
def test_any_text_is_a_clean_path_or_refused(text: str) -> None:
    try:
        path = spelling.clean_path("/" + text)
    except PathRefused:
        return
    assert path == spelling.clean_path(path)
    assert path == "/" or all(name not in ("", ".", "..") for name in path[1:].split("/"))
    assert path == "/" or spelling.joined(spelling.parent_of(path), spelling.base_of(path)) == path


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_one_folder_made_eight_times_at_once_is_there_once(race: Race) -> None:
    user = UserFactory()
    door = Door(user, project_of(user))
    answers = race(8, lambda _: door("newFolder", folder="/a/b", parents=True).status_code)
    assert answers == [200] * 8
    assert Folder.objects.count() == 2


@pytest.mark.parametrize("path", ["/ ..", "/. ", "/x/ .. ", "/\u00a0..", "/x/.\u2003/y", "/..\u200d", "/a\u200bb"])
def test_a_name_that_is_one_of_dots_or_hides_something_once_it_is_cleaned_is_refused(door: Door, path: str) -> None:
    assert refusal(door("newFolder", folder=path, parents=True)) == (422, "InvalidInput")
    assert door.paths == []


def test_a_move_takes_a_thousand_folders_at_most_and_each_once(door: Door) -> None:
    door("newFolder", folder="/a")
    assert door("move", folders=["/a"] * 1000, destination="/").status_code == 200
    assert refusal(door("move", folders=["/a"] * 1001, destination="/")) == (422, "InvalidInput")
