"""The first page: my projects and nobody else's."""

from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from orgs.projects.models import Level, Project, ProjectMember
from orgs.projects.views import page_of_projects


def project(name: str, owner: User, **others: Any) -> Project:
    made = Project.objects.create(name=name, billed_to=owner, created_by=owner, **others)
    ProjectMember.objects.create(project=made, user=owner, level=Level.ADMINISTER)
    return made


def test_it_lists_my_projects_with_my_level(amy: User, ben: User) -> None:
    shared = project("Zebra", ben)
    ProjectMember.objects.create(project=shared, user=amy, level=Level.UPLOAD)
    project("Aardvark", amy)
    project("Hidden", ben)
    rows = list(page_of_projects(amy, "1"))
    assert [(row.name, row.level_label, row.billed_to) for row in rows] == [("Aardvark", "ADMINISTER", amy), ("Zebra", "UPLOAD", ben)]


@pytest.mark.parametrize("number", ["", "x", "0", "-1", "99", "1" * 5000])
def test_a_page_number_that_is_none_gives_a_page(amy: User, number: str) -> None:
    project("Only", amy)
    assert len(page_of_projects(amy, number)) == 1


def test_the_page_says_whose_it_is(web: Any, amy: User, ben: User) -> None:
    project("Genome Atlas", amy)
    project("Not Yours", ben)
    page = web.sign_in(amy).get("/").content.decode()
    assert "Genome Atlas" in page
    assert "Not Yours" not in page


@pytest.mark.parametrize("rows", [1, 50])
def test_the_list_costs_two_queries_whatever_its_length(amy: User, rows: int) -> None:
    for number in range(rows):
        project(f"Project {number:02}", amy)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert len([row.billed_to.username for row in page_of_projects(amy, "1")]) == rows
    assert len(queries) == 2


def test_a_person_is_in_a_project_once(amy: User) -> None:
    made = project("Once", amy)
    with pytest.raises(IntegrityError):
        ProjectMember.objects.create(project=made, user=amy, level=Level.VIEW)
