"""Signing in through the page: who gets in, what everybody else is told, and what is counted (LOG)."""

import re
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.contrib.auth.hashers import get_hasher, make_password

from accounts import login, passwords
from accounts.audit import Actor, Event
from accounts.errors import Busy, StepNeeded, StepRefused
from accounts.models import Counter, OutboxMail, SecurityEvent, Session, User
from accounts.sessions import SessionStore
from tests.conftest import WebDoor
from tests.factories import PASSWORD, UserFactory

Browsers = Callable[[], WebDoor]


def attempt(web: WebDoor, username: str, password: str, **fields: Any) -> Any:
    return web.send("/login/", {"username": username, "password": password, **fields})


def masked(answer: Any, typed: str) -> tuple[bytes, dict[str, str], list[str]]:
    """Return body, headers and names of cookies without what differs each time: CSRF token, request id, and the name that was typed."""
    headers = {name: value for name, value in answer.items() if name not in ("X-Request-Id", "Content-Length")}
    body = re.sub(rb'csrfmiddlewaretoken" value="[^"]*"|\d{13}-\d{1,6}', b"", answer.content)
    return body.replace(b'value="%s"' % typed.encode(), b""), headers, sorted(answer.cookies)


def test_the_right_pair_opens_the_page_that_was_asked_for(web: WebDoor, amy: User) -> None:
    asked = web.get("/security/history/?page=1")
    assert asked.status_code == 302
    assert asked["Location"] == "/login/?next=%2Fsecurity%2Fhistory%2F%3Fpage%3D1"
    answer = attempt(web, "amy", PASSWORD, next="/security/history/?page=1")
    assert answer["Location"] == "/security/history/?page=1"
    assert web.signed_in


def test_log_01_wrong_unknown_inactive_and_unusable_get_the_same_answer(amy: User, browsers: Browsers) -> None:
    UserFactory(username="gone", is_active=False)
    UserFactory(username="open", password=make_password(None))
    names = ("amy", "gone", "open", "nobody")
    answers = [attempt(browsers(), name, "wrong password 123") for name in names]
    assert {answer.status_code for answer in answers} == {401}
    first, *others = [masked(answer, name) for answer, name in zip(answers, names, strict=True)]
    assert others == [first] * 3
    assert b"Username or password is wrong" in answers[0].content


@pytest.mark.parametrize("username", ["amy", "gone", "open", "nobody"])
def test_log_02_every_refusal_costs_exactly_one_hash(web: WebDoor, amy: User, username: str) -> None:
    UserFactory(username="gone", is_active=False)
    UserFactory(username="open", password=make_password(None))
    hasher = get_hasher("default")
    with patch.object(type(hasher), "encode", autospec=True, side_effect=type(hasher).encode) as encode:
        attempt(web, username, "wrong password 123")
    assert encode.call_count == 1


@pytest.mark.parametrize("typed", ["Amy", "amy ", " AMY", "ａｍｙ"])
def test_log_10_a_username_is_folded_before_it_is_looked_up(web: WebDoor, amy: User, typed: str) -> None:
    assert attempt(web, typed, PASSWORD).status_code == 302


def test_log_12_a_password_in_another_unicode_form_is_the_same_password(web: WebDoor, db: None) -> None:
    UserFactory(username="zoe", password=passwords.encode("caf\u00e9 con leche y pan"))
    assert attempt(web, "zoe", "cafe\u0301 con leche y pan").status_code == 302


@pytest.mark.parametrize("username", ["", "x" * 1_000_000, "a\x00b"])
def test_log_10_a_name_that_cannot_be_is_a_plain_refusal(web: WebDoor, db: None, username: str) -> None:
    assert 400 <= attempt(web, username, "whatever it may be").status_code < 500


def test_a_machine_too_busy_to_look_at_a_password_counts_nothing(web: WebDoor, amy: User) -> None:
    with patch.object(passwords, "matches", side_effect=Busy):
        assert [attempt(web, "amy", PASSWORD).status_code for _ in range(6)] == [503] * 6
    assert attempt(web, "amy", PASSWORD).status_code == 302


def test_counters_that_were_swept_while_the_password_was_looked_at_are_not_made_anew(web: WebDoor, amy: User) -> None:
    def swept(password: str, user: User) -> bool:
        Counter.objects.all().delete()
        return True

    with patch.object(passwords, "matches", swept):
        assert attempt(web, "amy", PASSWORD).status_code == 302
    assert not Counter.objects.exists()


def test_a_password_set_by_a_command_is_spelt_as_every_other(web: WebDoor, db: None) -> None:
    User.objects.create_user("zoe", "zoe@example.com", "cafe\u0301 con leche y pan")
    assert attempt(web, "zoe", "caf\u00e9 con leche y pan").status_code == 302


def test_who_hammers_on_a_locked_door_is_in_the_log_once_per_wait(web: WebDoor, amy: User) -> None:
    for _ in range(12):
        attempt(web, "amy", "wrong password 123")
    assert SecurityEvent.objects.filter(event=Event.LOGIN_REFUSED).count() == 1


@pytest.mark.parametrize("field", ["username", "password"])
def test_text_that_takes_long_to_normalise_is_not_normalised(web: WebDoor, amy: User, field: str) -> None:
    marks = "a" + "\u0300\u0316" * 120_000
    fields = {"username": "amy", "password": "wrong password 123", field: marks}
    with patch("unicodedata.normalize", side_effect=lambda form, text: text if len(text) <= 4096 else pytest.fail("too long")):
        assert 400 <= attempt(web, **fields).status_code < 500


def test_a_login_form_sent_after_signing_in_in_another_tab_leads_on(web: WebDoor, amy: User) -> None:
    stale = str(web.get("/login/").context["csrf_token"])
    web.sign_in(amy)
    web.cookies["csrftoken"] = "x" * 32
    answer = web.post("/login/", {"username": "amy", "password": PASSWORD, "csrfmiddlewaretoken": stale})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_log_05_after_five_failures_even_the_right_password_waits_and_no_hash_is_spent(web: WebDoor, amy: User) -> None:
    for _ in range(5):
        assert attempt(web, "amy", "wrong password 123").status_code == 401
    with patch.object(passwords, "matches") as matches:
        answer = attempt(web, "amy", PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 30
    assert b"Too many attempts. Try again in" in answer.content
    assert matches.call_count == 0


def test_log_05_an_unknown_name_is_told_to_wait_after_the_same_number(web: WebDoor, db: None) -> None:
    assert [attempt(web, "nobody", "wrong password 123").status_code for _ in range(6)] == [401] * 5 + [429]


def test_the_wait_doubles_and_ends(web: WebDoor, amy: User, clock: Any) -> None:
    for _ in range(5):
        attempt(web, "amy", "wrong password 123")
    clock.shift(31)
    assert attempt(web, "amy", "wrong password 123").status_code == 401
    assert int(attempt(web, "amy", PASSWORD)["Retry-After"]) == 60
    clock.shift(61)
    assert attempt(web, "amy", PASSWORD).status_code == 302


def test_log_06_strangers_cannot_lock_out_a_browser_that_the_account_knows(amy: User, browsers: Browsers) -> None:
    home, thief = browsers(), browsers()
    home.sign_in(amy)
    home.send("/logout/", form_at="/")
    for _ in range(30):
        attempt(thief, "amy", "wrong password 123")
    assert attempt(thief, "amy", PASSWORD).status_code == 429
    assert attempt(home, "amy", PASSWORD).status_code == 302


def test_a_forged_device_cookie_gives_no_counter_of_its_own(web: WebDoor, amy: User) -> None:
    for number in range(6):
        web.cookies[settings.DEVICE_COOKIE_NAME] = f"eyJpZCI6IngifQ:{number}"
        last = attempt(web, "amy", "wrong password 123")
    assert last.status_code == 429


def test_log_06_a_hundred_failures_in_a_row_switch_the_password_off_for_a_known_browser_too(
    web: WebDoor, amy: User, browsers: Browsers, clock: Any
) -> None:
    home = browsers().sign_in(amy)
    home.send("/logout/", form_at="/")
    for number in range(100):
        web.defaults["REMOTE_ADDR"] = f"198.51.100.{number}"
        attempt(web, "amy", "wrong password 123")
        clock.shift(1000)
    for browser in (web, home):
        answer = attempt(browser, "amy", PASSWORD)
        assert answer.status_code == 403
        assert b"switched off after 100 wrong attempts" in answer.content


def test_log_08_a_forwarded_address_from_a_stranger_is_not_believed(web: WebDoor, db: None) -> None:
    for number in range(51):
        headers = {"x-forwarded-for": f"203.0.113.{number}"}
        last = web.send("/login/", {"username": f"name{number}", "password": "wrong password 123"}, headers=headers)
    assert last.status_code == 429


def test_log_07_a_complete_login_clears_the_account_but_not_the_address(amy: User, browsers: Browsers) -> None:
    for number in range(46):
        attempt(browsers(), f"name{number}", "wrong password 123")
    for _ in range(3):
        attempt(browsers(), "amy", "wrong password 123")
    assert attempt(browsers(), "amy", PASSWORD).status_code == 302
    assert attempt(browsers(), "amy", "wrong password 123").status_code == 401
    assert attempt(browsers(), "other", "wrong password 123").status_code == 429


def test_a_failure_is_counted_and_logged_whatever_happens_afterwards(web: WebDoor, amy: User) -> None:
    attempt(web, "amy", "wrong password 123")
    failed = SecurityEvent.objects.get(event=Event.LOGIN_FAILED)
    assert failed.subject == amy
    assert failed.actor is None
    assert failed.ip == "127.0.0.1"


def test_log_13_a_new_device_is_mailed_and_a_known_one_is_not(amy: User, web: WebDoor) -> None:
    web.sign_in(amy)
    assert OutboxMail.objects.get().subject == "New sign-in to Gatehouse"
    web.send("/logout/", form_at="/")
    web.sign_in(amy)
    assert OutboxMail.objects.count() == 1


def test_log_13_a_login_after_failures_says_so_in_the_history(web: WebDoor, amy: User) -> None:
    for _ in range(3):
        attempt(web, "amy", "wrong password 123")
    web.sign_in(amy)
    assert b"after 3 failed attempts" in web.get("/security/history/").content


def test_log_12_an_old_hash_is_renewed_and_no_session_ends(amy: User, browsers: Browsers, settings: Any) -> None:
    first = browsers().sign_in(amy)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher", *settings.PASSWORD_HASHERS]
    browsers().sign_in(amy)
    amy.refresh_from_db()
    assert amy.password.startswith("pbkdf2_sha256$")
    assert first.signed_in


def test_the_product_hashes_with_argon2id(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["accounts.passwords.Argon2Hasher"]
    encoded = passwords.encode("correct horse battery")
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")
    assert passwords.matches("correct horse battery", User(password=encoded))
    assert not passwords.matches("correct horse batterz", User(password=encoded))


def test_log_02_an_older_cheaper_hash_costs_a_guesser_what_a_new_one_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    hasher, spent = passwords.Argon2Hasher(), []
    old = hasher.encode("correct horse battery", hasher.salt())
    monkeypatch.setattr(passwords.Argon2Hasher, "time_cost", 5)
    monkeypatch.setattr("accounts.passwords.hash_secret", lambda *args, **cost: spent.append(cost["time_cost"]))
    hasher.harden_runtime("wrong", old)
    assert spent == [3]


def test_ses_01_the_session_key_is_new_after_a_login_and_a_planted_one_stays_anonymous(web: WebDoor, amy: User) -> None:
    web.cookies[settings.SESSION_COOKIE_NAME] = "plantedplantedplantedplanted1234"
    web.sign_in(amy)
    assert web.cookies[settings.SESSION_COOKIE_NAME].value != "plantedplantedplantedplanted1234"
    thief = WebDoor()
    thief.cookies[settings.SESSION_COOKIE_NAME] = "plantedplantedplantedplanted1234"
    assert not thief.signed_in


def test_signing_in_again_ends_the_session_before(web: WebDoor, amy: User, ben: User) -> None:
    web.sign_in(amy)
    page = web.get("/security/")
    web.post("/login/", {"username": "ben", "password": PASSWORD, "csrfmiddlewaretoken": str(page.context["csrf_token"])})
    assert [row.user for row in Session.objects.all()] == [ben]


@pytest.mark.parametrize(
    "trick",
    [
        "//e.example", "/\\e.example", "\\\\e.example", "https:e.example", "https://e.example/", "javascript:alert(1)", "///e.example",
        "/\t/e.example", "\n//e.example", "http:///e.example", "/\x00", "//", "/\u2028/e", "data:text/html,x", "e.example", "", "/\r\nX: y",
        "/login/", "/logout/", "/session/", "ftp://e", "/x" * 2000, " /security/", "//[::1]/", "https:/\\e.example",
    ],
)  # fmt: skip
def test_web_05_next_never_leads_away(web: WebDoor, amy: User, trick: str) -> None:
    answer = attempt(web, "amy", PASSWORD, next=trick)
    assert answer.status_code == 302
    assert answer["Location"] == "/"


class Spent:
    """A right answer, which here can be given again and again."""

    def spend(self) -> None:
        pass


class CodeStage:
    """A second step as a later room brings one: the code is 123456."""

    name = "code"

    def is_needed(self, user: User) -> bool:
        return True

    def check(self, user: User, answer: str, actor: Actor) -> "Spent":
        if answer != "123456":
            raise StepRefused()
        return Spent()

    def facts(self, user: User) -> dict[str, Any]:
        return {}


code_stage = CodeStage()


@pytest.fixture
def _with_stage(settings: Any) -> None:
    settings.LOGIN_STAGES = ["tests.accounts.test_login.code_stage"]


@pytest.mark.usefixtures("_with_stage")
class TestWithAStage:
    def test_between_password_and_code_nobody_is_signed_in(self, web: WebDoor, amy: User) -> None:
        answer = attempt(web, "amy", PASSWORD, next="/security/history/")
        assert answer["Location"] == "/login/verify/"
        for path in ("/", "/security/", "/profile/tokens/"):
            assert web.get(path).status_code == 302
        assert web.get("/api/v1/me/").status_code == 401
        assert Session.objects.filter(user=amy).count() == 0

    def test_ses_01_the_key_is_new_after_each_stage_and_nothing_of_before_survives(self, web: WebDoor, amy: User) -> None:
        planted = SessionStore()
        planted["planted"] = "by a stranger"
        planted.create()
        keys = [str(planted.session_key)]
        web.cookies[settings.SESSION_COOKIE_NAME] = keys[0]
        for path, fields in (("/login/", {"username": "amy", "password": PASSWORD}), ("/login/verify/", {"otp": "123456"})):
            web.send(path, fields)
            keys.append(web.cookies[settings.SESSION_COOKIE_NAME].value)
        assert len(set(keys)) == 3
        assert [SessionStore(key).user for key in keys] == [None, None, amy]
        assert not any("planted" in SessionStore(key) for key in keys[1:])

    def test_the_code_opens_the_session_and_the_page_asked_for(self, web: WebDoor, amy: User) -> None:
        attempt(web, "amy", PASSWORD, next="/security/history/")
        pending_key = web.cookies[settings.SESSION_COOKIE_NAME].value
        assert web.send("/login/verify/", {"otp": "000000"}).status_code == 401
        assert web.send("/login/verify/", {"otp": "123456"})["Location"] == "/security/history/"
        assert web.signed_in
        assert web.cookies[settings.SESSION_COOKIE_NAME].value != pending_key

    def test_log_09_without_a_pending_login_the_second_page_leads_to_the_first(self, web: WebDoor, amy: User) -> None:
        assert web.get("/login/verify/")["Location"] == "/login/"
        assert web.post("/login/verify/", {"otp": "123456"}).status_code in (302, 403)
        assert not web.signed_in

    def test_log_09_a_pending_login_holds_for_ten_minutes(self, web: WebDoor, amy: User, clock: Any) -> None:
        attempt(web, "amy", PASSWORD)
        clock.shift(601)
        assert web.get("/login/verify/")["Location"] == "/login/"

    def test_log_09_a_credential_change_ends_a_pending_login(self, web: WebDoor, amy: User) -> None:
        attempt(web, "amy", PASSWORD)
        User.objects.filter(pk=amy.pk).update(session_epoch=2)
        assert web.get("/login/verify/")["Location"] == "/login/"

    def test_log_07_a_right_password_without_code_clears_nothing(self, web: WebDoor, amy: User) -> None:
        for _ in range(4):
            attempt(web, "amy", "wrong password 123")
        assert attempt(web, "amy", PASSWORD).status_code == 302
        assert attempt(web, "amy", "wrong password 123").status_code == 401
        assert attempt(web, "amy", PASSWORD).status_code == 429

    def test_finish_refuses_a_login_that_left_a_stage_out(self, amy: User) -> None:
        checked = login.check_password(username="amy", password=PASSWORD, device=None, actor=Actor(None, "web", "192.0.2.1"))
        with pytest.raises(StepNeeded):
            login.finish(checked, actor=Actor(None, "web"), new_device=False, opens=lambda user: user)
