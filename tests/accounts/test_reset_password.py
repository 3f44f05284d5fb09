"""A forgotten password: the same answer for everybody, a link that works once (S3.7, RST)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import flows, outbox
from accounts.digests import digest
from accounts.errors import LinkDead
from accounts.models import Counter, OutboxMail, PasswordReset, Session, User
from accounts.reauth import Proof
from accounts.sessions import SessionStore
from tests.conftest import WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.faults.links import CONFIRM, key_in, mailed_link
from tests.twofactor.factories import AuthenticatorFactory, supporter
from twofactor import flows as second_factor_flows

Browsers = Callable[[], WebDoor]
NEW = "another staple entirely"


def link_of(mail: OutboxMail) -> str:
    found = re.search(r"http://127.0.0.1:8000(/password/reset/\S+)", mail.text)
    assert found, mail.text
    return found[1]


def ask(web: WebDoor, email: str = "amy@example.com", **kwargs: Any) -> Any:
    return web.send("/password/reset/", {"email": email}, **kwargs)


def asked_link(web: WebDoor) -> str:
    ask(web)
    return link_of(OutboxMail.objects.filter(subject__startswith="Reset").latest("pk"))


def choose(web: WebDoor, link: str, password: str = NEW, **fields: str) -> Any:
    page = web.get(link, follow=True)
    filled = {"new_password1": password, "new_password2": password, **fields, "csrfmiddlewaretoken": str(page.context["csrf_token"])}
    return web.post(page.redirect_chain[-1][0] if page.redirect_chain else link, filled)


def test_the_link_sets_a_new_password_and_ends_every_session(amy: User, browsers: Browsers) -> None:
    elsewhere, here = browsers().sign_in(amy), browsers()
    answer = choose(here, asked_link(here))
    assert answer["Location"] == "/login/?why=password-reset"
    assert not elsewhere.signed_in
    assert not here.signed_in
    assert here.sign_in(amy, NEW).signed_in


def test_rst_04_the_key_leaves_the_address_bar_at_once(web: WebDoor, amy: User) -> None:
    link = asked_link(web)
    first = web.get(link)
    key = link.rstrip("/").rsplit("/", 1)[1]
    assert first.status_code == 302
    assert key not in first["Location"]
    page = web.get(first["Location"])
    assert page.status_code == 200
    assert key not in page.content.decode()
    assert page["Cache-Control"] == "no-store"


def test_rst_04_scanners_that_open_the_link_spend_nothing(web: WebDoor, amy: User, browsers: Browsers) -> None:
    link = asked_link(web)
    for _ in range(2):
        browsers().head(link)
        browsers().get(link, follow=True)
    assert choose(web, link).status_code == 302


def test_rst_02_a_link_works_once(web: WebDoor, amy: User, browsers: Browsers) -> None:
    link = asked_link(web)
    choose(web, link)
    again = browsers().get(link)
    assert again.status_code == 410
    assert b"This link is no longer valid" in again.content


def _later(amy: User, web: WebDoor, clock: Any) -> None:
    clock.shift(3600)


def _newer(amy: User, web: WebDoor, clock: Any) -> None:
    ask(web)


def _changed(amy: User, web: WebDoor, clock: Any) -> None:
    User.objects.filter(pk=amy.pk).update(session_epoch=amy.session_epoch + 1)


def _gone(amy: User, web: WebDoor, clock: Any) -> None:
    User.objects.filter(pk=amy.pk).update(is_active=False)


def _password(amy: User, web: WebDoor, clock: Any) -> None:
    flows.change_password(user=amy, new_password=NEW, proof=Proof(amy.pk, amy.session_epoch), actor=actor(amy))


def _address(amy: User, web: WebDoor, clock: Any) -> None:
    flows.request_email_change(user=amy, email="new@example.com", proof=Proof(amy.pk, amy.session_epoch), actor=actor(amy))
    flows.confirm_email_change(key=key_in(mailed_link(CONFIRM)), actor=actor())


def _turned_off(amy: User, web: WebDoor, clock: Any) -> None:
    AuthenticatorFactory(user=amy)
    second_factor_flows.turn_off(user=amy, proof=Proof(amy.pk, amy.session_epoch), actor=actor(amy))


def _switched_off(amy: User, web: WebDoor, clock: Any) -> None:
    flows.deactivate(staff=supporter("sam"), person=amy, actor=actor(door="admin"))


EVENTS = [_later, _newer, _changed, _gone, _password, _address, _turned_off, _switched_off]


@pytest.mark.parametrize("event", EVENTS)
def test_rst_02_a_link_dies_of(event: Callable[..., None], web: WebDoor, amy: User, clock: Any) -> None:
    link = asked_link(web)
    event(amy, web, clock)
    answer = web.get(link)
    assert answer.status_code == 410
    assert b"This link is no longer valid" in answer.content


def test_a_form_that_is_sent_after_the_link_died_does_nothing(web: WebDoor, amy: User) -> None:
    link = asked_link(web)
    page = web.get(link, follow=True)
    _changed(amy, web, None)
    fields = {"new_password1": NEW, "new_password2": NEW, "csrfmiddlewaretoken": str(page.context["csrf_token"])}
    assert web.post(page.redirect_chain[-1][0], fields).status_code == 410
    assert User.objects.get(pk=amy.pk).password == amy.password


def test_rst_01_known_unknown_inactive_and_throttled_addresses_get_the_same_answer(web: WebDoor, amy: User, browsers: Browsers) -> None:
    UserFactory(username="gone", is_active=False)
    UserFactory(username="open", password=make_password(None))  # one who never chose a password
    known = ("amy@example.com", "nobody@example.com", "gone@example.com", "open@example.com")
    answers = [ask(browsers(), email) for email in known]
    for _ in range(5):
        ask(browsers())
    answers.append(ask(browsers()))
    bodies = {re.sub(rb'value="[^"]*"|\d{13}-\d{1,6}', b"", answer.content) for answer in answers}
    assert {answer.status_code for answer in answers} == {200}
    headers = [{name: value for name, value in answer.items() if name != "X-Request-Id"} for answer in answers]
    assert len(bodies) == 1
    assert all(one == headers[0] for one in headers)
    assert len({tuple(sorted(answer.cookies)) for answer in answers}) == 1
    assert OutboxMail.objects.filter(to="amy@example.com").count() == 5
    assert OutboxMail.objects.filter(to="").count() == 4


def test_rst_01_a_mail_server_that_fails_changes_nothing(amy: User, browsers: Browsers, settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.accounts.test_outbox.BrokenServer"
    answers = [ask(browsers(), email) for email in ("amy@example.com", "nobody@example.com")]
    outbox.deliver_due()
    answers += [ask(browsers(), email) for email in ("amy@example.com", "nobody@example.com")]
    assert len({re.sub(rb'value="[^"]*"|\d{13}-\d{1,6}', b"", answer.content) for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {200}


def test_log_10_reset_mails_go_to_the_stored_address_in_any_spelling_of_it(web: WebDoor, amy: User) -> None:
    ask(web, " AMY@Example.COM")
    assert OutboxMail.objects.get().to == "amy@example.com"


@pytest.mark.parametrize("email", ["a@x.org\nBcc: b@y.org", "a@x.org\r\n", "Amy <amy@example.com>", "x" * 250 + "@x.org", "", "amy"])
def test_rst_09_what_is_no_address_is_a_form_error(web: WebDoor, db: None, email: str) -> None:
    assert ask(web, email).status_code == 422
    assert OutboxMail.objects.count() == 0


def test_rst_06_a_forged_host_reaches_no_mail_and_no_redirect(web: WebDoor, amy: User, settings: Any) -> None:
    page = web.get("/password/reset/")
    fields = {"email": "amy@example.com", "csrfmiddlewaretoken": str(page.context["csrf_token"])}
    assert web.post("/password/reset/", fields, headers={"host": "evil.example"}).status_code == 400
    answer = ask(web, headers={"x-forwarded-host": "evil.example", "x-forwarded-proto": "https", "forwarded": "host=evil.example"})
    mail = OutboxMail.objects.get()
    assert "evil" not in mail.text + mail.html + answer.content.decode()
    assert f"{settings.SITE_URL}/password/reset/" in mail.text
    web.sign_in(amy)
    led = web.get("/.well-known/change-password", headers={"x-forwarded-host": "evil.example", "x-forwarded-proto": "https"})
    assert led["Location"] == "/security/password/"


def test_a_reset_forgives_the_failures_of_the_account(web: WebDoor, amy: User) -> None:
    for _ in range(6):
        web.send("/login/", {"username": "amy", "password": "wrong password 123"})
    assert web.send("/login/", {"username": "amy", "password": PASSWORD}).status_code == 429
    choose(web, asked_link(web))
    assert web.sign_in(amy, NEW).signed_in


def test_a_weak_password_is_refused_and_the_link_lives(web: WebDoor, amy: User) -> None:
    link = asked_link(web)
    assert choose(web, link, "too short").status_code == 422
    assert choose(web, link).status_code == 302


def test_only_the_digest_of_a_key_is_stored(web: WebDoor, amy: User) -> None:
    key = asked_link(web).rstrip("/").rsplit("/", 1)[1]
    reset = PasswordReset.objects.get()
    assert key not in (reset.key_digest, reset.uid)
    assert len(key) >= 43
    with pytest.raises(LinkDead):
        flows.find_reset(uid=reset.uid, key_digest=digest(reset.key_digest))


def test_rst_04_no_key_stays_behind_in_the_session_of_the_browser(web: WebDoor, amy: User) -> None:
    link = asked_link(web)
    web.get(link, follow=True)
    kept = SessionStore(web.cookies["sessionid"].value)
    assert link.rstrip("/").rsplit("/", 1)[1] not in str(dict(kept.items()))


def test_the_link_of_one_person_does_not_set_anothers_password(web: WebDoor, amy: User, ben: User) -> None:
    key = asked_link(web).rstrip("/").rsplit("/", 1)[1]
    flows.request_password_reset(email=ben.email, actor=actor())
    with pytest.raises(LinkDead):
        flows.find_reset(uid=PasswordReset.objects.get(user=ben).uid, key_digest=digest(key))


def test_rst_05_a_reset_opens_no_session(web: WebDoor, amy: User) -> None:
    choose(web, asked_link(web))
    assert Session.objects.filter(user=amy).count() == 0


def test_the_choose_page_of_another_browser_needs_the_whole_link(web: WebDoor, amy: User, browsers: Browsers) -> None:
    shown = web.get(asked_link(web))["Location"]
    assert browsers().get(shown).status_code == 410


def test_counters_hold_no_readable_name(web: WebDoor, amy: User) -> None:
    web.send("/login/", {"username": "hunter2hunter2", "password": "wrong password 123"})
    ask(web)
    keys = " ".join(Counter.objects.values_list("key", flat=True))
    assert "hunter2" not in keys
    assert "amy" not in keys


def test_a_reset_in_the_browser_of_somebody_else_leaves_that_session_alone_and_says_so(amy: User, ben: User, browsers: Browsers) -> None:
    shared, elsewhere = browsers().sign_in(ben), browsers().sign_in(amy)
    answer = choose(shared, asked_link(browsers()))
    assert b"You are still signed in here as ben" in answer.content
    assert shared.signed_in
    assert not elsewhere.signed_in
    assert shared.sign_in(amy, NEW).signed_in


@pytest.mark.parametrize("path", ["/password/reset/a%00b/key/", "/password/reset/x/%00/", "/email/confirm/%00/", "/email/cancel/a%00/"])
def test_a_link_with_impossible_characters_is_a_dead_link(web: WebDoor, db: None, path: str) -> None:
    assert web.get(path).status_code == 410


def test_rst_01_asking_for_nobody_takes_the_same_statements(web: WebDoor, amy: User) -> None:
    counts = []
    for email in ("amy@example.com", "nobody@example.com"):
        with CaptureQueriesContext(connection) as queries:
            flows.request_password_reset(email=email, actor=actor())
        counts.append([query["sql"].split(" ")[0] for query in queries])
    assert counts[0] == counts[1]


def test_rst_04_pages_whose_address_holds_a_key_send_no_referrer(web: WebDoor, amy: User) -> None:
    assert web.get(asked_link(web))["Referrer-Policy"] == "no-referrer"
    assert web.get("/email/confirm/x/")["Referrer-Policy"] == "no-referrer"
