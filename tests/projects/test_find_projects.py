"""`findProjects`: filters, pages, and patterns that cannot be used to slow the server down."""

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from orgs.projects.globs import named
from orgs.projects.models import Level, Project
from tests.projects.factories import ProjectFactory, project_of
from tests.tokens.doors import dx
from tests.tokens.factories import token_and_text

pytestmark = pytest.mark.django_db
FIND = "/system/findProjects"


class Finder:
    """findProjects of one person."""

    def __init__(self, user: User) -> None:
        self.text = token_and_text(user=user)[1]

    def __call__(self, **body: Any) -> Any:
        return dx(FIND, body, self.text)

    def names(self, **body: Any) -> list[str]:
        return [row["describe"]["name"] for row in self(describe=True, **body).json()["results"]]


@pytest.fixture
def find(amy: User) -> Finder:
    return Finder(amy)


def test_a_row_has_what_the_picker_reads(amy: User, find: Finder) -> None:
    project = project_of(amy, name="Genomes")
    assert find(level="CONTRIBUTE", describe={"fields": {"name": True}}, explicitPermission=True, limit=10).json() == {
        "results": [
            {
                "id": project.public_id, "level": "ADMINISTER", "permissionSources": ["user-amy"], "public": False,
                "describe": {"id": project.public_id, "name": "Genomes"},
            }
        ],
        "next": None,
    }  # fmt: skip
    assert "describe" not in find(describe=False).json()["results"][0]


def test_only_projects_of_the_level_or_higher_are_found(amy: User, find: Finder) -> None:
    for level in Level:
        project_of(amy, level, name=level.name)
    assert find.names() == sorted(Level.names)
    assert find.names(level="CONTRIBUTE") == ["ADMINISTER", "CONTRIBUTE"]
    assert find.names(level="VIEW") == sorted(Level.names)
    assert find(level="OWNER").status_code == 422


def test_others_projects_are_not_found_whatever_is_asked(amy: User, find: Finder) -> None:
    ProjectFactory(name="Hidden")
    for body in ({}, {"name": "Hidden"}, {"name": {"glob": "*"}}, {"public": True}, {"billTo": "user-person"}, {"containsPHI": False}):
        assert find(**body).json()["results"] == [], body


def test_filters_are_joined(amy: User, ben: User, find: Finder) -> None:
    old = project_of(amy, name="Old", created=timezone.now() - timedelta(days=2))
    project_of(amy, name="Phi", phi=True)
    ProjectFactory(name="Bens", billed_to=ben, members={amy: Level.VIEW})
    dx(f"/{old.public_id}/addTags", {"tags": ["a", "b"]}, find.text)
    dx(f"/{old.public_id}/setProperties", {"properties": {"k": "v"}}, find.text)
    yesterday = int((time.time() - 86_400) * 1000)
    for body, names in (
        ({"containsPHI": True}, ["Phi"]), ({"containsPHI": False}, ["Bens", "Old"]), ({"billTo": "user-ben"}, ["Bens"]),
        ({"created": {"before": yesterday}}, ["Old"]), ({"created": {"after": yesterday}}, ["Bens", "Phi"]),
        ({"tags": {"$and": ["a", "b"]}}, ["Old"]), ({"tags": {"$and": ["a", "c"]}}, []), ({"tags": "a"}, ["Old"]),
        ({"properties": {"k": "v"}}, ["Old"]), ({"properties": {"k": True}}, ["Old"]), ({"properties": {"k": "w"}}, []),
        ({"public": True}, []), ({"region": "aws:us-east-1"}, []), ({"region": "local:gatehouse"}, ["Bens", "Old", "Phi"]),
        ({"externalUploadRestricted": False, "name": "Old"}, ["Old"]), ({"name": "Old", "containsPHI": True}, []),
        ({"name": None, "level": None, "tags": None}, ["Bens", "Old", "Phi"]),
    ):  # fmt: skip
        assert find.names(**body) == names, body


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0}, {"limit": 1001}, {"limit": True}, {"limit": "10"}, {"limit": 1.5}, {"name": 5}, {"name": {"regexp": "(a+)+$"}},
        {"name": {"glob": 1}}, {"name": {"glob": "x" * 301}}, {"name": []}, {"created": 5}, {"created": {"after": "-1d"}},
        {"created": {"after": 1e300}}, {"created": {"before": -(2**53)}}, {"tags": ["a"]}, {"tags": {"$or": ["a"]}},
        {"tags": {"$and": [1]}},
        {"tags": {"$and": ["t"] * 21}}, {"properties": {"k": 1}}, {"properties": "k"}, {"containsPHI": "true"}, {"level": 3},
        {"starting": "project-x"}, {"starting": [1, 2]}, {"starting": {"a": 1}}, {"describe": {"fields": 5}}, {"billTo": 5},
    ],
)  # fmt: skip
def test_a_filter_of_another_shape_is_refused_by_name(find: Finder, body: dict[str, Any]) -> None:
    answer = find(**body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "InvalidInput")


def test_pages_neither_lose_nor_repeat_a_project_even_where_some_come_and_go(amy: User, find: Finder) -> None:
    for number in range(25):
        project_of(amy, name=f"P {number % 5}")
    seen, starting, limit = [], None, 4
    while True:
        page = find(limit=limit, starting=starting).json()
        assert len(page["results"]) <= limit
        seen += [row["id"] for row in page["results"]]
        if page["next"] is None:
            break
        Project.objects.filter(public_id=page["results"][0]["id"]).delete()
        starting, limit = page["next"], limit * 2
    assert len(seen) == len(set(seen)) == 25


@pytest.mark.parametrize(
    ("pattern", "hits"),
    [
        ("Gen*", ["Gen?ome", "Genome"]), ("gen*", []), ("*ome", ["Gen?ome", "Genome"]), ("Gen?me", ["Genome"]), 
        ("Gen\\?ome", ["Gen?ome"]),
        ("*", ["100%", "Gen?ome", "Genome", "[ab]", "a_b"]), ("100%", ["100%"]), ("1%", []), ("a_b", ["a_b"]), ("a?b", ["a_b"]),
        ("[ab]", ["[ab]"]),
        ("?ab?", ["[ab]"]), ("Genom", []), ("", []), ("\\", []), ("*\\", []), ("a\\_b", ["a_b"]),
    ],
)  # fmt: skip
def test_a_glob_matches_the_whole_name_by_case_and_nothing_else_is_special(amy: User, find: Finder, pattern: str, hits: list[str]) -> None:
    for name in ("Genome", "Gen?ome", "100%", "a_b", "[ab]"):
        project_of(amy, name=name)
    assert sorted(find.names(name={"glob": pattern})) == sorted(hits)


def test_a_name_is_exact_and_told_apart_by_case(amy: User, find: Finder) -> None:
    for name in ("Genomes", "genomes", "Genomes 2"):
        project_of(amy, name=name)
    assert find.names(name="Genomes") == ["Genomes"]
    assert find.names(name="Gen*") == []


def test_a_pattern_made_to_be_slow_is_not(amy: User, find: Finder) -> None:
    for _ in range(20):
        project_of(amy, name="a" * 255)
    assert find.names(name={"glob": "*a" * 140 + "b"}) == []  # by backtracking it would not end today


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet="ab*?[]%_\\^-é", max_size=12), st.text(alphabet="ab[]%_\\^-é", min_size=1, max_size=8))
def test_a_glob_means_on_every_database_what_it_means_in_a_shell(amy: User, pattern: str, name: str) -> None:
    project = project_of(amy, name=name)
    found = Project.objects.filter(named("name", {"glob": pattern}), pk=project.pk).exists()
    project.delete()
    assert found == _shell_match(pattern, name)


def _shell_match(pattern: str, name: str) -> bool:
    if not pattern:
        return not name
    head, rest = pattern[0], pattern[1:]
    if head == "*":
        return _shell_match(rest, name) or bool(name) and _shell_match(pattern, name[1:])
    if head == "\\":
        head, rest = (rest[0], rest[1:]) if rest else ("\\", "")
        return bool(name) and name[0] == head and _shell_match(rest, name[1:])
    return bool(name) and head in ("?", name[0]) and _shell_match(rest, name[1:])


def test_apps_and_workflows_are_none_and_data_objects_too(amy: User, find: Finder) -> None:
    project, theirs = project_of(amy), ProjectFactory()
    for call in ("findApps", "findGlobalWorkflows"):
        assert dx(f"/system/{call}", {"name": "x", "describe": True, "limit": 100}, find.text).json() == {"results": [], "next": None}
    scope = {"project": project.public_id, "folder": "/", "recurse": False}
    assert dx("/system/findDataObjects", {"scope": scope, "name": {"glob": "*"}}, find.text).json() == {"results": [], "next": None}
    assert dx("/system/findDataObjects", {"scope": {"project": theirs.public_id}}, find.text).status_code == 404
    assert dx("/system/resolveDataObjects", {"objects": [{"name": "a"}, {"name": "b"}]}, find.text).json() == {"results": [[], []]}
    assert dx("/system/resolveDataObjects", {"objects": "a"}, find.text).status_code == 422
