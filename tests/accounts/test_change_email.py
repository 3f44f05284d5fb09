"""Another e-mail address: nothing changes before it is confirmed, and the old one can stop it (S3.6, RST-07, RST-08)."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from accounts.audit import Event
from accounts.models import EmailChange, OutboxMail, PasswordReset, SecurityEvent, User
from tests.conftest import WebDoor
from tests.factories import PASSWORD

Browsers = Callable[[], WebDoor]
WANTED = "amy.adams@example.org"


def ask(web: WebDoor, email: str = WANTED, password: str = PASSWORD) -> Any:
    return web.send("/security/email/", {"email": email, "current_password": password})


def link_to(address: str, kind: str) -> str:
    mail = OutboxMail.objects.filter(to=address).latest("pk")
    found = re.search(rf"http://127.0.0.1:8000(/email/{kind}/\S+)", mail.text)
    assert found, mail.text
    return found[1]


@pytest.fixture
def asked(web: WebDoor, amy: User) -> WebDoor:
    """A browser of amy, who asked for another address."""
    OutboxMail.objects.all().delete()
    assert ask(web.sign_in(amy))["Location"] == "/security/"
    return web


def test_asking_changes_nothing_and_tells_both_addresses(asked: WebDoor, amy: User) -> None:
    assert User.objects.get(pk=amy.pk).email == "amy@example.com"
    assert asked.signed_in
    assert link_to(WANTED, "confirm")
    assert link_to("amy@example.com", "cancel")
    assert WANTED in asked.get("/security/").content.decode()


def test_rst_07_the_link_alone_does_nothing_and_the_button_confirms(asked: WebDoor, amy: User, browsers: Browsers) -> None:
    link, elsewhere = link_to(WANTED, "confirm"), browsers()
    for _ in range(2):
        elsewhere.head(link)
        assert elsewhere.get(link).status_code == 200
    assert elsewhere.post(link).status_code == 403  # without the CSRF token of the page
    assert User.objects.get(pk=amy.pk).email == "amy@example.com"
    assert elsewhere.send(link)["Location"] == "/login/?why=email-changed"
    assert User.objects.get(pk=amy.pk).email == WANTED
    assert "why=email-changed" in asked.get("/")["Location"]
    assert not asked.signed_in


def test_crd_05_a_confirmed_change_is_mailed_to_both_addresses(asked: WebDoor, browsers: Browsers) -> None:
    browsers().send(link_to(WANTED, "confirm"))
    told = OutboxMail.objects.filter(subject="Your Gatehouse address was changed").values_list("to", flat=True)
    assert sorted(told) == sorted(["amy@example.com", WANTED])
    event = SecurityEvent.objects.get(event=Event.EMAIL_CHANGED)
    assert (event.data["old"], event.data["new"], event.data["ended"]) == ("amy@example.com", WANTED, {"session": 1})


def test_rst_07_a_confirmation_works_once(asked: WebDoor, browsers: Browsers) -> None:
    link = link_to(WANTED, "confirm")
    browsers().send(link)
    assert browsers().get(link).status_code == 410


def test_rst_08_the_old_address_cancels_without_a_login_and_the_other_link_dies(asked: WebDoor, amy: User, browsers: Browsers) -> None:
    cancel, confirm = link_to("amy@example.com", "cancel"), link_to(WANTED, "confirm")
    stranger = browsers()
    assert stranger.get(cancel).status_code == 200
    assert EmailChange.objects.get().state == "pending"
    assert b"cancelled" in stranger.send(cancel).content
    assert stranger.get(confirm).status_code == 410
    assert asked.signed_in
    assert EmailChange.objects.get().state == "cancelled"


def test_the_person_withdraws_it_on_account_security(asked: WebDoor) -> None:
    confirm = link_to(WANTED, "confirm")
    for _ in range(2):
        assert asked.send("/security/email/cancel/", form_at="/security/")["Location"] == "/security/"
    assert asked.get(confirm).status_code == 410


def test_a_newer_wish_replaces_the_older_one(asked: WebDoor, browsers: Browsers) -> None:
    first = link_to(WANTED, "confirm")
    ask(asked, "third@example.org")
    assert browsers().get(first).status_code == 410
    assert browsers().send(link_to("third@example.org", "confirm")).status_code == 302


def test_rst_08_resets_go_to_the_old_address_until_it_is_confirmed(asked: WebDoor, amy: User, browsers: Browsers) -> None:
    browsers().send("/password/reset/", {"email": WANTED})
    assert PasswordReset.objects.filter(user=amy).count() == 0
    browsers().send("/password/reset/", {"email": "amy@example.com"})
    assert OutboxMail.objects.filter(subject__startswith="Reset", to="amy@example.com").count() == 1


def test_a_link_dies_at_any_credential_change(asked: WebDoor, amy: User, browsers: Browsers) -> None:
    link = link_to(WANTED, "confirm")
    User.objects.filter(pk=amy.pk).update(session_epoch=2)
    assert browsers().get(link).status_code == 410
    assert User.objects.get(pk=amy.pk).email == "amy@example.com"


def test_rst_07_both_links_die_after_a_day(web: WebDoor, amy: User, clock: Any, browsers: Browsers) -> None:
    ask(web.sign_in(amy))
    links = [link_to(WANTED, "confirm"), link_to("amy@example.com", "cancel")]
    clock.shift(86_399)
    assert [browsers().get(link).status_code for link in links] == [200, 200]
    clock.shift(1)
    assert [browsers().get(link).status_code for link in links] == [410, 410]


def test_rst_07_an_address_that_another_account_confirmed_meanwhile_is_refused(
    asked: WebDoor, amy: User, ben: User, browsers: Browsers
) -> None:
    User.objects.filter(pk=ben.pk).update(email=WANTED)
    answer = browsers().send(link_to(WANTED, "confirm"))
    assert answer.status_code == 409
    assert b"Another account uses this address" in answer.content
    assert User.objects.get(pk=amy.pk).email == "amy@example.com"
    assert asked.signed_in


def test_asking_for_an_address_of_another_account_tells_nothing(web: WebDoor, amy: User, ben: User) -> None:
    assert ask(web.sign_in(amy), "ben@example.com")["Location"] == "/security/"


@pytest.mark.parametrize(
    ("email", "password", "sentence"),
    [
        ("AMY@example.com", PASSWORD, "This is your address already"),
        (WANTED, "wrong password 123", "This is not your current password"),
        ("no address", PASSWORD, "Enter an e-mail address like"),
        ("a@x.org\nBcc: b@y.org", PASSWORD, "Enter an e-mail address like"),
    ],
)
def test_rst_09_a_refused_form_says_why(web: WebDoor, amy: User, email: str, password: str, sentence: str) -> None:
    answer = ask(web.sign_in(amy), email, password)
    assert 400 <= answer.status_code < 500
    assert sentence in answer.content.decode()
    assert EmailChange.objects.count() == 0


def test_strangers_who_ask_for_resets_do_not_keep_the_owner_from_changing_the_address(web: WebDoor, amy: User, browsers: Browsers) -> None:
    for _ in range(6):
        browsers().send("/password/reset/", {"email": "amy@example.com"})
    assert ask(web.sign_in(amy))["Location"] == "/security/"


def test_five_mails_a_day_are_enough(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    codes = [ask(web, f"amy{number}@example.org").status_code for number in range(6)]
    assert codes == [302] * 5 + [429]
