"""Every form sent twice, as by a double click or from a second tab: one effect, one mail, one event, and no error page (F15)."""

from collections.abc import Callable
from http.cookies import SimpleCookie
from typing import Any

import pytest

from accounts import flows
from accounts.models import EmailChange, OutboxMail, SecurityEvent, Session, User
from accounts.reauth import Proof
from tests.conftest import WebDoor
from tests.factories import PASSWORD, actor
from tests.faults.links import CANCEL, CONFIRM, RESET, mailed_link
from tests.tokens.factories import TokenFactory
from tests.twofactor.factories import code, turned_on
from tokens.models import Token

NEW_PASSWORD = "another correct horse"
NEW = {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}


def twice(web: WebDoor, path: str, fields: dict[str, Any], *, form_at: str | None = None) -> tuple[Any, Any]:
    """Send a form as a double click does: the second time with the cookies of the first, for no answer had come yet."""
    token = str(web.get(form_at or path).context["csrf_token"])
    before = SimpleCookie(web.cookies.output(header="", sep=";"))
    sent = {**fields, "csrfmiddlewaretoken": token}
    first = web.post(path, sent)
    web.cookies = before
    return first, web.post(path, sent)


def events(name: str) -> int:
    return SecurityEvent.objects.filter(event=name).count()


def test_f15_a_password_change_sent_twice_happens_once_and_the_second_answer_is_the_login_page_that_says_so(
    web: WebDoor, amy: User
) -> None:
    web.sign_in(amy)
    OutboxMail.objects.all().delete()
    first, second = twice(web, "/security/password/", {"current_password": PASSWORD, **NEW})
    assert first["Location"] == "/login/?why=password-changed"
    assert second.status_code == 302
    assert "why=password-changed" in second["Location"]
    assert events("password.changed") == OutboxMail.objects.count() == 1
    assert User.objects.get(pk=amy.pk).session_epoch == amy.session_epoch + 1


def test_f15_a_reset_sent_twice_happens_once_and_the_second_answer_says_that_the_link_was_used(web: WebDoor, amy: User) -> None:
    flows.request_password_reset(email=amy.email, actor=actor())
    page = web.get(mailed_link(RESET))["Location"]
    first, second = twice(web, page, NEW)
    assert first["Location"] == "/login/?why=password-reset"
    assert (second.status_code, b"no longer valid" in second.content) == (410, True)
    assert events("password.reset") == 1


def asked(user: User) -> EmailChange:
    return flows.request_email_change(user=user, email="new@example.com", proof=Proof(user.pk, user.session_epoch), actor=actor(user))


def test_f15_a_confirmation_sent_twice_happens_once(web: WebDoor, amy: User) -> None:
    asked(amy)
    link = mailed_link(CONFIRM)
    OutboxMail.objects.all().delete()
    first, second = twice(web, link, {})
    assert first["Location"] == "/login/?why=email-changed"
    assert (second.status_code, b"no longer valid" in second.content) == (410, True)
    assert (events("email.changed"), OutboxMail.objects.count()) == (1, 2)


def test_f15_a_cancellation_sent_twice_happens_once(web: WebDoor, amy: User) -> None:
    asked(amy)
    link = mailed_link(CANCEL)
    OutboxMail.objects.all().delete()
    first, second = twice(web, link, {})
    assert (first.status_code, second.status_code) == (200, 410)
    assert events("email.change-cancelled") == OutboxMail.objects.count() == 1


def test_f15_a_wish_for_an_address_sent_twice_leaves_one_that_is_pending(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    first, second = twice(web, "/security/email/", {"email": "new@example.com", "current_password": PASSWORD})
    assert first["Location"] == second["Location"] == "/security/"
    assert EmailChange.objects.filter(state=EmailChange.State.PENDING).count() == 1


def test_f15_a_withdrawal_sent_twice_is_fine(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    asked(amy)
    first, second = twice(web, "/security/email/cancel/", {}, form_at="/security/")
    assert first["Location"] == second["Location"] == "/security/"
    assert events("email.change-cancelled") == 1


def test_f15_a_new_token_asked_for_twice_is_made_once_and_the_second_answer_names_the_label(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    first, second = twice(web, "/profile/tokens/new/", {"label": "deploy", "expires": "30"})
    assert (first.status_code, second.status_code) == (200, 409)
    assert b"has this label" in second.content
    assert Token.objects.count() == events("token.created") == 1


def test_f15_a_revoke_sent_twice_is_fine(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    token = TokenFactory(user=amy)
    address = f"/profile/tokens/revoke/?token={token.public_id}"
    first, second = twice(web, "/profile/tokens/revoke/", {"token": token.public_id}, form_at=address)
    assert first["Location"] == second["Location"] == "/profile/tokens/"
    assert events("token.revoked") == 1


@pytest.mark.parametrize("which", ["others", "one"])
def test_f15_ending_sessions_twice_is_fine(web: WebDoor, amy: User, browsers: Callable[[], WebDoor], which: str) -> None:
    browsers().sign_in(amy)
    other = Session.objects.get().public_id
    web.sign_in(amy)
    first, second = twice(web, "/security/sessions/", {"end": "others" if which == "others" else other})
    assert first["Location"] == "/security/sessions/"
    # The second time one session is no longer there, and the page says that.
    assert second.status_code == (302 if which == "others" else 404)
    assert events("session.ended") == 1
    assert web.signed_in


def test_f15_a_second_sign_out_leads_to_the_login_page(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    first, second = twice(web, "/logout/", {}, form_at="/security/")
    assert first["Location"] == second["Location"] == "/login/?why=signed-out"
    assert events("session.ended") == 1


def test_f15_a_login_sent_twice_lets_in_and_the_session_that_no_browser_holds_is_seen_and_ended(web: WebDoor, amy: User) -> None:
    first, second = twice(web, "/login/", {"username": "amy", "password": PASSWORD})
    assert first["Location"] == second["Location"] == "/"
    assert b"End all others" in web.get("/security/sessions/").content
    web.send("/security/sessions/", {"end": "others"})
    assert Session.objects.count() == 1
    assert web.signed_in


def test_f15_a_login_form_left_in_a_second_tab_leads_a_person_who_is_signed_in_on(web: WebDoor, amy: User) -> None:
    old = str(web.get("/login/").context["csrf_token"])
    web.sign_in(amy)
    answer = web.post("/login/", {"username": "amy", "password": PASSWORD, "csrfmiddlewaretoken": old})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert web.signed_in
    assert Session.objects.count() == 1


def test_f15_a_rotation_sent_twice_gives_one_new_text(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    token = TokenFactory(user=amy, label="deploy")
    first, second = twice(web, f"/profile/tokens/{token.public_id}/rotate/", {"overlap": "3600"})
    assert first.status_code == 200
    assert second.status_code in (404, 409)
    assert Token.objects.count() == 2
    assert events("token.rotated") == 1


def test_f15_turning_the_second_factor_off_twice_happens_once(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    turned_on(amy)
    OutboxMail.objects.all().delete()
    first, second = twice(web, "/security/2fa/disable/", {"current_password": PASSWORD, "otp": code()})
    assert first["Location"].startswith("/login/?why=")
    assert second["Location"].startswith("/login/?")
    assert OutboxMail.objects.count() == 1
    assert User.objects.get(pk=amy.pk).session_epoch == amy.session_epoch + 1


def test_f15_securing_an_account_twice_happens_once(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    first, second = twice(web, "/security/compromised/", {"since": "day", "current_password": PASSWORD, **NEW})
    assert first["Location"].startswith("/login/?why=")
    assert second["Location"].startswith("/login/?")
    assert events("account.secured") == 1
    assert User.objects.get(pk=amy.pk).session_epoch == amy.session_epoch + 1


OLD_FORMS = {
    "/security/password/": {"current_password": PASSWORD, **NEW},
    "/security/email/": {"email": "new@example.com", "current_password": PASSWORD},
    "/profile/tokens/new/": {"label": "deploy", "expires": "30"},
    "/security/sessions/": {"end": "others"},
    "/security/2fa/disable/": {"current_password": PASSWORD, "otp": "000000"},
    "/security/2fa/enable/": {"current_password": PASSWORD},
}


@pytest.mark.parametrize("path", OLD_FORMS)
def test_crd_07_a_form_opened_before_a_credential_change_and_sent_after_it_does_nothing(web: WebDoor, amy: User, path: str) -> None:
    web.sign_in(amy)
    token = str(web.get("/security/password/").context["csrf_token"])
    flows.change_password(user=amy, new_password=NEW_PASSWORD, proof=Proof(amy.pk, amy.session_epoch), actor=actor(amy))
    before = SecurityEvent.objects.count(), OutboxMail.objects.count()
    answer = web.post(path, {**OLD_FORMS[path], "csrfmiddlewaretoken": token})
    assert answer["Location"].startswith("/login/?")
    assert "why=password-changed" in answer["Location"]
    assert (SecurityEvent.objects.count(), OutboxMail.objects.count()) == before
    assert User.objects.get(pk=amy.pk).check_password(NEW_PASSWORD)
    assert not Token.objects.exists()
