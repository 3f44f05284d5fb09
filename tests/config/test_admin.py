"""The console opens to staff who gave a second factor in this session, and to nobody else (S8.1)."""

from typing import Any

import pytest

from accounts.models import Session, User
from tests.conftest import WebDoor
from tests.factories import PASSWORD, UserFactory
from tests.tokens.factories import token_and_text
from tests.twofactor.factories import code, turned_on

pytestmark = pytest.mark.django_db
ADMIN = "/admin/"


@pytest.fixture
def sam(clock: Any) -> User:
    """Somebody of support."""
    user: User = UserFactory(username="sam", is_staff=True)
    return user


def with_code(web: WebDoor, user: User) -> WebDoor:
    turned_on(user)
    web.send("/login/", {"username": user.username, "password": PASSWORD})
    assert web.send("/login/verify/", {"otp": code()}).status_code == 302
    return web


def test_a_stranger_is_led_to_the_login_and_back(web: WebDoor) -> None:
    answer = web.get(ADMIN, follow=True)
    assert answer.redirect_chain[-1][0] == "/login/?next=%2Fadmin%2F"


def test_a_person_who_is_no_staff_finds_nothing(web: WebDoor, amy: User, clock: Any) -> None:
    with_code(web, amy)
    assert web.get(ADMIN, follow=True).status_code == 404


def test_staff_without_a_second_factor_is_told_what_to_do(web: WebDoor, sam: User) -> None:
    web.sign_in(sam)
    answer = web.get(ADMIN, follow=True)
    assert answer.status_code == 403
    assert "needs two-factor authentication" in answer.content.decode()


def test_staff_with_password_and_code_is_let_in(web: WebDoor, sam: User) -> None:
    answer = with_code(web, sam).get(ADMIN)
    assert web.get(f"{ADMIN}login/")["Location"] == ADMIN
    assert answer.status_code == 200
    assert "Gatehouse support" in answer.content.decode()
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_the_mark_is_the_sessions_and_not_the_persons(web: WebDoor, browsers: Any, sam: User) -> None:
    with_code(web, sam)
    other = browsers()
    other.send("/login/", {"username": "sam", "password": PASSWORD})
    assert other.get(ADMIN, follow=True).redirect_chain[-1][0] == "/login/?next=%2Fadmin%2F"
    Session.objects.update(second_factor_at=None)
    assert web.get(ADMIN, follow=True).status_code == 403


def test_a_token_opens_nothing(client: Any, sam: User) -> None:
    text = token_and_text(user=sam)[1]
    assert client.get(ADMIN, headers={"authorization": f"Bearer {text}"}, follow=True).status_code != 200


def test_a_password_is_never_changed_behind_our_back_and_sign_out_is_ours(web: WebDoor, sam: User) -> None:
    with_code(web, sam)
    before = User.objects.get(pk=sam.pk).password
    fields = {"old_password": PASSWORD, "new_password1": "a longer passphrase", "new_password2": "a longer passphrase"}
    for path in ("password_change/", "password_change/done/"):
        assert web.get(f"{ADMIN}{path}")["Location"] == "/security/password/"
        assert web.send(f"{ADMIN}{path}", fields, form_at=ADMIN)["Location"] == "/security/password/"
    assert User.objects.get(pk=sam.pk).password == before
    assert web.get(f"{ADMIN}logout/").status_code == 405
    assert web.signed_in
    assert web.send(f"{ADMIN}logout/", form_at=ADMIN)["Location"] == "/login/?why=signed-out"
    assert not Session.objects.exclude(user=None).exists()
