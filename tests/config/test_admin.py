"""The console opens to support who gave a second factor in this session, within 12 hours, and to nobody else (S8.1, ADM-01)."""

from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.template import TemplateDoesNotExist
from django.template.loader import get_template

from accounts import limits
from accounts.models import Session, User
from tests.conftest import WebDoor
from tests.console.conftest import staff
from tests.factories import PASSWORD, UserFactory
from tests.tokens.factories import token_and_text
from tests.twofactor.factories import code, turned_on

pytestmark = pytest.mark.django_db
ADMIN = "/admin/"


@pytest.fixture
def sam(clock: Any) -> User:
    """Somebody of support."""
    return staff("sam")


def with_code(web: WebDoor, user: User, steps: int = 0) -> WebDoor:
    web.send("/login/", {"username": user.username, "password": PASSWORD})
    assert web.send("/login/verify/", {"otp": code(steps)}).status_code == 302
    return web


def test_adm_01_a_stranger_is_led_to_the_login_and_back(web: WebDoor) -> None:
    answer = web.get(f"{ADMIN}people/?q=amy", follow=True)
    assert answer.redirect_chain[-1][0] == "/login/?next=%2Fadmin%2Fpeople%2F%3Fq%3Damy"


def test_a_person_who_is_no_staff_finds_nothing(web: WebDoor, amy: User, clock: Any) -> None:
    turned_on(amy)
    assert with_code(web, amy).get(ADMIN).status_code == 404


def test_adm_01_support_without_a_second_factor_is_led_to_the_set_up_and_told_why(web: WebDoor, clock: Any) -> None:
    web.sign_in(UserFactory(username="sue", is_staff=True, is_superuser=True))
    answer = web.get(ADMIN, follow=True)
    assert answer.redirect_chain == [("/security/2fa/enable/", 302)]
    assert "The support console opens with two-factor authentication only" in answer.content.decode()


def test_support_with_password_and_code_is_let_in(web: WebDoor, sam: User) -> None:
    answer = with_code(web, sam).get(ADMIN)
    assert answer.status_code == 200
    assert "Find a person" in answer.content.decode()
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert answer["Cache-Control"] == "no-store"


def test_the_way_to_the_console_is_shown_to_support_alone(web: WebDoor, sam: User, amy: User) -> None:
    assert 'href="/admin/"' in with_code(web, sam).get("/").content.decode()
    assert 'href="/admin/"' not in WebDoor().sign_in(amy).get("/").content.decode()


def test_adm_01_a_code_counts_for_12_hours_and_then_a_fresh_login_leads_back(web: WebDoor, sam: User, clock: Any) -> None:
    with_code(web, sam)
    Session.objects.update(idle_limit_seconds=86_400)
    clock.shift(limits.STAFF_CODE_SECONDS - 1)
    assert web.get(f"{ADMIN}people/").status_code == 200
    clock.shift(1)
    led = web.get(f"{ADMIN}people/")["Location"]
    assert led == "/login/?next=%2Fadmin%2Fpeople%2F&why=fresh-code"
    page = web.get(led)
    assert "It opens with a code that was given in the last 12 hours" in page.content.decode()
    assert web.get("/profile/").status_code == 200  # the session lives on until the new one is there
    web.send("/login/", {"username": "sam", "password": PASSWORD, "next": "/admin/people/"}, form_at=led)
    assert web.send("/login/verify/", {"otp": code()})["Location"] == "/admin/people/"
    assert web.get(f"{ADMIN}people/").status_code == 200
    assert Session.objects.filter(user=sam).count() == 1


def test_adm_01_the_mark_is_the_sessions_and_not_the_persons(web: WebDoor, browsers: Any, sam: User) -> None:
    with_code(web, sam)
    other = browsers()
    other.send("/login/", {"username": "sam", "password": PASSWORD})
    assert other.get(ADMIN, follow=True).redirect_chain[-1][0] == "/login/?next=%2Fadmin%2F"
    Session.objects.update(second_factor_at=None)
    assert web.get(ADMIN)["Location"] == "/login/?next=%2Fadmin%2F&why=fresh-code"


def test_what_is_taken_away_holds_with_the_next_request(web: WebDoor, sam: User) -> None:
    with_code(web, sam)
    sam.groups.clear()
    answer = web.get(ADMIN)
    assert answer.status_code == 403
    assert "not in the group Support" in answer.content.decode()
    User.objects.filter(pk=sam.pk).update(is_staff=False)
    assert web.get(ADMIN).status_code == 404


def test_a_token_opens_nothing(client: Any, sam: User) -> None:
    text = token_and_text(user=sam)[1]
    assert client.get(ADMIN, headers={"authorization": f"Bearer {text}"}, follow=True).status_code == 401


def test_templates_and_files_of_djangos_own_admin_are_not_there() -> None:
    for name in ("admin/change_list.html", "admin/login.html", "registration/logged_out.html"):
        with pytest.raises(TemplateDoesNotExist):
            get_template(name)
    assert finders.find("admin/css/base.css") is None
    assert finders.find("gatehouse.css")
    assert finders.find("drf_spectacular_sidecar/swagger-ui-dist/swagger-ui.css")
