"""Changing the password on its page: everybody is out at once, or nothing happened (S3, CRD, LOG-11)."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts import flows, reauth
from accounts.audit import Event
from accounts.errors import StaleProof
from accounts.models import OutboxMail, SecurityEvent, User
from tests.conftest import WebDoor
from tests.factories import PASSWORD, actor

Browsers = Callable[[], WebDoor]
NEW = "another staple entirely"


def change(web: WebDoor, **fields: Any) -> Any:
    filled = {"current_password": PASSWORD, "new_password1": NEW, "new_password2": NEW, **fields}
    return web.send("/security/password/", filled)


def test_crd_02_every_browser_is_out_and_each_is_told_why(amy: User, browsers: Browsers) -> None:
    here, there = browsers().sign_in(amy), browsers().sign_in(amy)
    answer = change(here)
    assert answer["Location"] == "/login/?why=password-changed"
    assert b"Your password was changed" in here.get(answer["Location"]).content
    assert not here.signed_in
    assert "why=password-changed" in there.get("/")["Location"]


def test_the_new_password_works_and_the_old_one_does_not(web: WebDoor, amy: User) -> None:
    change(web.sign_in(amy))
    assert web.send("/login/", {"username": "amy", "password": PASSWORD}).status_code == 401
    assert web.sign_in(amy, NEW).signed_in


def test_another_persons_sessions_live_on(amy: User, ben: User, browsers: Browsers) -> None:
    bystander = browsers().sign_in(ben)
    change(browsers().sign_in(amy))
    assert bystander.signed_in


def test_the_epoch_rises_by_one(web: WebDoor, amy: User) -> None:
    change(web.sign_in(amy))
    assert User.objects.get(pk=amy.pk).session_epoch == amy.session_epoch + 1


def test_crd_05_it_is_logged_and_mailed_with_what_ended(amy: User, browsers: Browsers) -> None:
    browsers().sign_in(amy)
    OutboxMail.objects.all().delete()
    change(browsers().sign_in(amy))
    event = SecurityEvent.objects.get(event=Event.PASSWORD_CHANGED)
    assert (event.subject, event.actor, event.data["ended"]) == (amy, amy, {"session": 2})
    mail = OutboxMail.objects.get(subject="Your Gatehouse password was changed")
    assert mail.to == "amy@example.com"
    for body in (mail.text, mail.html):
        assert "your account amy" in body
        assert "UTC" in body
        assert "127.0.0.1" in body
        assert "Firefox on Linux" in body
        assert "It was not you?" in body
        assert NEW not in body


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"current_password": "wrong password 123"}, "This is not your current password"),
        ({"current_password": ""}, "Enter the password"),
        ({"new_password2": "yet another staple"}, "The two passwords differ"),
        ({"new_password1": "fourteen chars", "new_password2": "fourteen chars"}, "Use at least 15 characters; this has 14"),
        ({"new_password1": "x" * 1025, "new_password2": "x" * 1025}, "Use at most 1024 characters"),
        ({"new_password1": "amy@amy amy amy", "new_password2": "amy@amy amy amy"}, "little more than your username"),
        ({"new_password1": PASSWORD, "new_password2": PASSWORD}, "This is the password you have"),
        ({"new_password1": "AMY@example.com", "new_password2": "AMY@example.com"}, "little more than your e-mail address"),
        ({"new_password1": "GATEHOUSEgatehouse", "new_password2": "GATEHOUSEgatehouse"}, "little more than the name of this product"),
    ],
)
def test_a_refused_form_says_why_and_changes_nothing(web: WebDoor, amy: User, fields: dict[str, str], sentence: str) -> None:
    answer = change(web.sign_in(amy), **fields)
    assert 400 <= answer.status_code < 500
    assert sentence in answer.content.decode()
    assert web.signed_in
    assert User.objects.get(pk=amy.pk).password == amy.password


def test_common_passwords_are_refused_whatever_their_case(web: WebDoor, amy: User, settings: Any) -> None:
    settings.PASSWORD_MIN_LENGTH = 8
    answer = change(web.sign_in(amy), new_password1="PASSWORD1", new_password2="PASSWORD1")
    assert "among the 20,000 most used" in answer.content.decode()


@pytest.mark.parametrize("chosen", ["\N{CAT FACE}" * 64, "  leading and trailing  ", "ａｂｃｄｅ ｆｇｈｉｊ ｋｌｍ", "p" + "\u0301" * 20])
def test_any_characters_make_a_password_and_nothing_is_trimmed(web: WebDoor, amy: User, chosen: str) -> None:
    assert change(web.sign_in(amy), new_password1=chosen, new_password2=chosen).status_code == 302
    assert web.sign_in(amy, chosen).signed_in
    web.send("/logout/", form_at="/")
    if chosen != chosen.strip():
        assert web.send("/login/", {"username": "amy", "password": chosen.strip()}).status_code == 401


def test_crd_04_wrong_current_passwords_spend_the_budget_of_a_login(amy: User, browsers: Browsers, web: WebDoor) -> None:
    web.sign_in(amy)
    codes = [change(web, current_password="wrong password 123").status_code for _ in range(6)]
    assert codes == [403] * 5 + [429]
    assert change(web).status_code == 429


def test_crd_07_a_form_opened_before_a_change_elsewhere_does_nothing(amy: User, browsers: Browsers) -> None:
    here, there = browsers().sign_in(amy), browsers().sign_in(amy)
    token = str(there.get("/security/password/").context["csrf_token"])
    change(here)
    fields = {"current_password": PASSWORD, "new_password1": "stale stale stale", "new_password2": "stale stale stale"}
    answer = there.post("/security/password/", {**fields, "csrfmiddlewaretoken": token})
    assert answer["Location"].startswith("/login/")
    assert here.sign_in(amy, NEW).signed_in


def test_a_proof_from_before_another_change_is_worth_nothing(amy: User) -> None:
    proof = reauth.confirm(user=amy, password=PASSWORD, answer=None, device=None, actor=actor(amy))
    flows.change_password(user=amy, new_password=NEW, proof=proof, actor=actor(amy))
    with pytest.raises(StaleProof):
        flows.change_password(user=amy, new_password="the second of the two", proof=proof, actor=actor(amy))


def test_a_bearer_opens_no_page(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    for path in ("/security/password/", "/security/email/", "/security/", "/profile/tokens/"):
        assert web.get(path, headers={"authorization": "Bearer ght_whatever"}).status_code == 401
        assert web.post(path, headers={"authorization": "Bearer ght_whatever"}).status_code in (401, 403, 405)


def test_ops_08_password_managers_find_the_page_with_and_without_a_session(web: WebDoor, amy: User) -> None:
    for _ in ("stranger", "signed in"):
        answer = web.get("/.well-known/change-password")
        assert (answer.status_code, answer["Location"]) == (302, "/security/password/")
        web.sign_in(amy)


def test_web_09_password_managers_find_the_form(web: WebDoor, amy: User) -> None:
    page = web.sign_in(amy).get("/security/password/").content.decode()
    for hint in ('autocomplete="current-password"', 'autocomplete="new-password"', 'autocomplete="username"'):
        assert hint in page
