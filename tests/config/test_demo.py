"""The demo data of DESIGN 6, and where it is refused."""

from io import StringIO

import pytest
from django.conf import LazySettings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from accounts.models import User
from config import demo
from orgs.models import Membership, Organization
from orgs.projects.models import Level, Project, ProjectMember

pytestmark = pytest.mark.django_db


def load() -> str:
    out = StringIO()
    call_command("load_demo", stdout=out)
    return out.getvalue()


def level(username: str, project: str) -> int:
    return ProjectMember.objects.get(user__username=username, project__name=project).level


def test_it_is_what_the_design_says() -> None:
    load()
    assert [user.email for user in User.objects.order_by("pk")] == [f"{name}@example.com" for name in demo.PEOPLE]
    assert all(user.check_password("gatehouse-demo-1") for user in User.objects.all())
    assert list(Membership.objects.order_by("pk").values_list("user__username", "org__handle", "level")) == [
        ("amy", "acme", "ADMIN"),
        ("ben", "acme", "MEMBER"),
        ("cleo", "bolt", "MEMBER"),
    ]
    assert Organization.objects.get(handle="bolt").auto_logout_after_minutes == 5
    assert list(Project.objects.filter(phi=True).values_list("name", flat=True)) == ["Trial Cohort"]
    assert (level("amy", "Genome Atlas"), level("amy", "Trial Cohort")) == (Level.ADMINISTER, Level.ADMINISTER)
    assert (level("ben", "Genome Atlas"), level("ben", "Sandbox")) == (Level.VIEW, Level.CONTRIBUTE)
    assert level("cleo", "Sandbox") == Level.ADMINISTER
    assert User.objects.get(username="sam").is_staff
    assert not User.objects.get(username="sam").is_superuser
    assert User.objects.get(username="root").is_superuser


def test_a_second_load_changes_nothing_and_says_so() -> None:
    load()
    assert "no demo data was loaded" in load()
    assert User.objects.count() == 5


def test_ops_02_it_is_refused_where_debug_is_off(settings: LazySettings) -> None:
    settings.DEVELOPMENT = False
    with pytest.raises(CommandError, match="DEBUG"):
        load()


def test_ops_01_production_does_not_serve_demo_people(settings: LazySettings) -> None:
    load()
    demo.refuse_demo_people()
    settings.DEVELOPMENT = False
    with pytest.raises(ImproperlyConfigured, match="amy, ben, cleo, root, sam"):
        demo.refuse_demo_people()


def test_a_person_who_only_has_a_demo_name_is_left_alone(settings: LazySettings) -> None:
    settings.DEVELOPMENT = False
    User.objects.create_user("amy", "amy@example.com", "another password altogether")
    demo.refuse_demo_people()
