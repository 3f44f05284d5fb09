"""A server killed at any step of a credential change or of a login leaves no half of it (F01, F02).

Real processes on a database of their own; the web server starts a new worker by itself, so nobody has to help.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

import pytest

from config.demo import TOTP_SECRET
from tests.journeys.house import NEW_PASSWORD, PASSWORD, House, until
from tests.journeys.visitor import Answer, Visitor, dx_call, dx_login, with_token
from twofactor import totp

COMES_BACK_SECONDS = 10
NAME = "amy"
# Left out: what the worker does with mails, and what was counted (a try that was given back leaves its row at zero).
TABLES = {
    "accounts_user": "*", "accounts_session": "*", "accounts_endedsession": "*", "accounts_passwordreset": "*", "accounts_emailchange": "*",
    "accounts_securityevent": "*", "tokens_token": "*", "accounts_outboxmail": 'id, "to", subject',
}  # fmt: skip


def picture(house: House) -> dict[str, list[tuple[Any, ...]]]:
    return {table: house.rows(f"SELECT {columns} FROM {table} ORDER BY 1") for table, columns in TABLES.items()}  # noqa: S608


def dies(send: Callable[[], Answer]) -> None:
    """Send what kills the server: no answer may come."""
    with pytest.raises((OSError, HTTPException)):
        send()


@dataclass
class Scene:
    """amy with two browsers, a dx login and a token, at a server that dies at one point."""

    house: House
    visitors: list[Visitor] = field(default_factory=list)
    login: str = ""
    token: str = ""

    def set(self) -> "Scene":
        self.visitors = [Visitor(self.house.url).sign_in(NAME), Visitor(self.house.url).sign_in(NAME)]
        self.login, self.token = dx_login(self.house.url, NAME), self.visitors[0].make_token("nightly")
        assert self.all_alive()
        return self

    def all_alive(self) -> bool:
        bearers = [with_token(self.house.url, text).status for text in (self.login, self.token)]
        return all(visitor.signed_in for visitor in self.visitors) and bearers == [200, 200]

    def assert_nothing_happened(self, before: dict[str, list[tuple[Any, ...]]]) -> None:
        until(self.house.answers, seconds=COMES_BACK_SECONDS, what="a new worker of the web server")
        assert picture(self.house) == before
        assert self.all_alive()
        assert dx_call(self.house.url, "system/whoami", {}, self.login).status == 200
        assert Visitor(self.house.url).sign_in(NAME).signed_in
        refused = Visitor(self.house.url).form("/login/", {"username": NAME, "password": NEW_PASSWORD})
        assert refused.status == 401


@pytest.mark.parametrize(
    ("point", "revoke"),
    [
        ("credentials.after_password_saved", False),
        ("credentials.epoch_raised", False),
        ("tokens.retired", False),
        ("tokens.revoked", True),
        ("credentials.announced", True),
        ("password_change.before_commit", True),
    ],
)
def test_killed_in_a_password_change_nothing_of_it_happened(dying_house: Callable[[str], House], point: str, revoke: bool) -> None:
    scene = Scene(dying_house(point)).set()
    before = picture(scene.house)
    dies(lambda: scene.visitors[0].change_password(NEW_PASSWORD, revoke=revoke))
    scene.assert_nothing_happened(before)


def test_killed_in_a_password_reset_nothing_of_it_happened_and_the_link_still_lives(dying_house: Callable[[str], House]) -> None:
    scene = Scene(dying_house("password_reset.before_commit")).set()
    visitor = Visitor(scene.house.url)
    visitor.form("/password/reset/", {"email": f"{NAME}@example.com"})
    page = visitor.get(link_in(scene.house.mail(f"{NAME}@example.com", "Reset your"), "/password/reset/")).location
    before = picture(scene.house)
    dies(lambda: visitor.form(page, {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}))
    scene.assert_nothing_happened(before)
    assert visitor.get(page).status == 200


@pytest.mark.parametrize("point", ["credentials.after_email_saved", "email_change.before_commit"])
def test_killed_in_confirming_an_address_nothing_of_it_happened(dying_house: Callable[[str], House], point: str) -> None:
    scene = Scene(dying_house(point)).set()
    scene.visitors[0].form("/security/email/", {"email": "amy@new.example.com", "current_password": PASSWORD})
    link = link_in(scene.house.mail("amy@new.example.com", "Confirm your"), "/email/confirm/")
    before = picture(scene.house)
    dies(lambda: Visitor(scene.house.url).form(link, {"revoke_tokens": "on"}))
    scene.assert_nothing_happened(before)
    assert Visitor(scene.house.url).get(link).status == 200


DOORS: dict[str, Callable[[str], Answer]] = {
    "page": lambda url: Visitor(url).form("/login/", {"username": NAME, "password": PASSWORD}),
    "dx": lambda url: dx_call(url, "system/newAuthToken", {"username": NAME, "password": PASSWORD}),
}


@pytest.mark.parametrize("door", DOORS)
def test_killed_at_the_end_of_a_login_there_is_no_session_and_no_token(dying_house: Callable[[str], House], door: str) -> None:
    house = dying_house("login.opened")
    before = picture(house)
    dies(lambda: DOORS[door](house.url))
    until(house.answers, seconds=COMES_BACK_SECONDS, what="a new worker of the web server")
    assert picture(house) == before
    house.stop()
    house.settings.clear()
    house.start()
    assert Visitor(house.url).sign_in(NAME).signed_in
    assert with_token(house.url, dx_login(house.url, NAME)).status == 200


def cleos_code(house: House) -> str:
    """Return the code of now in cleo's app, whose key the demo publishes."""
    return totp.code_at(base64.b32decode(TOTP_SECRET), totp.step_now())


def page_login_with_code(url: str, typed: str) -> Answer:
    visitor = Visitor(url)
    visitor.form("/login/", {"username": "cleo", "password": PASSWORD})
    return visitor.form("/login/verify/", {"otp": typed})


CODE_DOORS: dict[str, Callable[[str, str], Answer]] = {
    "page": page_login_with_code,
    "dx": lambda url, typed: dx_call(url, "system/newAuthToken", {"username": "cleo", "password": PASSWORD, "otp": typed}),
}


@pytest.mark.parametrize("door", CODE_DOORS)
def test_killed_between_code_and_session_neither_counts_and_then_both_do_once(dying_house: Callable[[str], House], door: str) -> None:
    house = dying_house("login.opened")
    steps = "SELECT id, last_step FROM twofactor_authenticator ORDER BY id"
    before, used = house.rows(steps), cleos_code(house)
    dies(lambda: CODE_DOORS[door](house.url, used))
    until(house.answers, seconds=COMES_BACK_SECONDS, what="a new worker of the web server")
    assert house.rows(steps) == before
    assert house.count("tokens_token", "cleo") + house.count("accounts_session", "cleo") == 0
    house.stop()
    house.settings.clear()
    house.start()
    assert CODE_DOORS[door](house.url, used).status in (200, 302)
    assert house.count("tokens_token", "cleo") + house.count("accounts_session", "cleo") == 1
    assert CODE_DOORS[door](house.url, used).status == 401
    assert house.count("tokens_token", "cleo") + house.count("accounts_session", "cleo") == 1


def link_in(text: str, path: str) -> str:
    found = re.search(rf"{path}\S+", text)
    assert found is not None, text
    return found[0]
