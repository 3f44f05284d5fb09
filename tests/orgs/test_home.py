"""The first page: my projects and nobody else's."""

from typing import Any

import pytest
from django.db import IntegrityError

from accounts.models import User
from orgs.projects.models import Level, ProjectMember
from tests.projects.factories import ProjectFactory, project_of


def names(answer: Any) -> list[str]:
    return [project.name for project in answer.context["page"].object_list]


def test_it_lists_my_projects_with_my_level(web: Any, amy: User, ben: User) -> None:
    ProjectFactory(name="Zebra", billed_to=ben, members={amy: Level.UPLOAD})
    project_of(amy, name="Aardvark")
    project_of(ben, name="Hidden")
    answer = web.sign_in(amy).get("/")
    rows = answer.context["page"].object_list
    assert [(row.name, row.level_label, row.billed_to) for row in rows] == [("Aardvark", "ADMINISTER", amy), ("Zebra", "UPLOAD", ben)]
    assert "Hidden" not in answer.content.decode()


@pytest.mark.parametrize("number", ["", "x", "0", "-1", "99", "1" * 5000, "٣"])
def test_a_page_number_that_is_none_gives_a_page(web: Any, amy: User, number: str) -> None:
    project_of(amy, name="Only")
    assert names(web.sign_in(amy).get("/", {"page": number})) == ["Only"]


def test_it_turns_pages_and_finds_names_in_any_case(web: Any, amy: User) -> None:
    for number in range(27):
        project_of(amy, name=f"Project {number:02d}")
    web.sign_in(amy)
    first, second = web.get("/"), web.get("/", {"page": "2"})
    assert (len(names(first)), len(names(second))) == (25, 2)
    assert "Next page" in first.content.decode()
    assert "Previous page" in second.content.decode()
    assert names(web.get("/", {"q": "pROJECT 07"})) == ["Project 07"]
    assert names(web.get("/", {"q": "\x00none"})) == []


def test_a_person_is_in_a_project_once(amy: User) -> None:
    made = project_of(amy)
    with pytest.raises(IntegrityError):
        ProjectMember.objects.create(project=made, user=amy, level=Level.VIEW)
