"""Dead tokens that are tried are seen by their owner (S4.12); living ones are told of before they end (S4.11)."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import OutboxMail, SecurityEvent, User
from tests.conftest import Race
from tests.factories import UserFactory, actor
from tests.tokens.doors import dx, rest, signed_in
from tests.tokens.factories import TokenFactory, token_and_text
from tokens import flows
from tokens.models import Token, TokenKind

pytestmark = pytest.mark.django_db
ME = "/api/v1/me/"


def tried(token: Token) -> tuple[int, str | None]:
    token.refresh_from_db()
    return token.tries, token.tried_ip


@pytest.mark.parametrize("traits", [{"revoked": True}, {"past": True}, {"marked_expired": True}], ids=str)
def test_a_try_of_a_dead_token_is_on_the_token_and_in_the_owners_log(traits: dict[str, bool], clock: Any) -> None:
    token, text = token_and_text(label="old-laptop", **traits)
    assert rest("GET", ME, text).status_code == 401
    assert tried(token) == (1, "127.0.0.1")
    event = SecurityEvent.objects.get(event="token.refused")
    assert (event.subject, event.actor, event.about, event.ip, event.door) == (token.user, None, token.public_id, "127.0.0.1", "rest")
    assert event.data["state"] == ("revoked" if traits.get("revoked") else "expired")


@pytest.mark.parametrize("traits", [{}, {"retired": True}], ids=str)
def test_a_try_of_a_live_or_a_logged_out_one_is_no_alarm(traits: dict[str, bool]) -> None:
    token, text = token_and_text(**traits)
    rest("GET", ME, text)
    assert tried(token) == (0, None)
    assert not SecurityEvent.objects.filter(event="token.refused").exists()


def test_tries_are_noted_every_ten_seconds_and_recorded_once_an_hour_for_each_address(clock: Any) -> None:
    token, text = token_and_text(revoked=True)
    for _ in range(3):
        dx("/system/whoami", {}, text)
    assert (tried(token)[0], SecurityEvent.objects.filter(event="token.refused").count()) == (1, 1)
    clock.shift(11)
    dx("/system/whoami", {}, text, REMOTE_ADDR="x")
    assert (tried(token)[0], SecurityEvent.objects.filter(event="token.refused").count()) == (2, 1)


@pytest.mark.parametrize(("ahead_seconds", "tries"), [(1, 4), (9, 4), (10, 5)])
def test_a_try_that_another_machine_noted_somewhat_ahead_is_not_noted_again(clock: Any, ahead_seconds: int, tries: int) -> None:
    token, text = token_and_text(revoked=True, tries=4, tried_at=timezone.now() + timedelta(seconds=ahead_seconds))
    rest("GET", ME, text)
    assert tried(token)[0] == tries


def test_the_owner_sees_on_pages_and_over_rest_that_it_was_tried_and_from_where(amy: User) -> None:
    token, text = token_and_text(user=amy, label="old-laptop", revoked=True)
    living = token_and_text(user=amy)[1]
    rest("GET", ME, text)
    browser = signed_in(amy)
    for path in ("/profile/tokens/", f"/profile/tokens/{token.public_id}/"):
        page = browser.get(path).content.decode()
        assert "A dead token was tried" in page
        assert "“old-laptop”, revoked on" in page
        assert "127.0.0.1" in page
    assert "A dead token was tried" in browser.get("/security/history/").content.decode()
    log: Any = rest("GET", "/api/v1/security-log/", living)
    assert log.json()["results"][1]["event"] == "token.refused" or log.json()["results"][0]["event"] == "token.refused"


def test_the_notice_stands_where_no_token_lives_any_more_and_goes_after_a_week(amy: User, clock: Any) -> None:
    token, text = token_and_text(user=amy, revoked=True)
    rest("GET", ME, text)
    assert "A dead token was tried" in signed_in(amy).get("/profile/tokens/").content.decode()
    clock.shift(timedelta(days=8))
    assert "A dead token was tried" not in signed_in(amy).get("/profile/tokens/").content.decode()


def test_a_command_line_login_that_ended_is_no_alarm_on_the_page(amy: User) -> None:
    text = token_and_text(user=amy, kind=TokenKind.CLI, revoked=True)[1]
    dx("/system/whoami", {}, text)
    assert "A dead token was tried" not in signed_in(amy).get("/profile/tokens/").content.decode()
    assert SecurityEvent.objects.filter(event="token.refused").exists()


def subjects() -> list[str]:
    return list(OutboxMail.objects.order_by("pk").values_list("subject", flat=True))


def test_an_owner_is_mailed_seven_days_and_one_day_before_the_end_once_each(amy: User, clock: Any) -> None:
    TokenFactory(user=amy, label="nightly", expires=timezone.now() + timedelta(days=30))
    clock.shift(timedelta(days=23) - timedelta(seconds=1))
    assert flows.remind_due() == 0
    clock.shift(2)
    assert (flows.remind_due(), flows.remind_due()) == (1, 0)
    clock.shift(timedelta(days=6))
    assert (flows.remind_due(), flows.remind_due()) == (1, 0)
    assert subjects() == ["An API token stops working within 7 days", "An API token stops working within a day"]
    mail = OutboxMail.objects.first()
    assert mail is not None
    assert mail.to == amy.email
    assert "nightly, on 24 Dec 2026, 12:00 UTC, never used" in mail.text
    assert "/profile/tokens/" in mail.html


def test_one_mail_tells_a_person_of_all_their_tokens(amy: User, ben: User) -> None:
    soon = timezone.now() + timedelta(days=5)
    old = timezone.now() - timedelta(days=60)
    for user, number in ((amy, 25), (ben, 1)):
        for label in range(number):
            TokenFactory(user=user, label=f"token {label:02d} <b>", created=old, expires=soon)
    assert flows.remind_due() == 26
    assert sorted((mail.to, mail.subject) for mail in OutboxMail.objects.all()) == [
        (amy.email, "25 API tokens stop working within 7 days"), (ben.email, "An API token stops working within 7 days"),
    ]  # fmt: skip
    mail = OutboxMail.objects.get(to=amy.email)
    assert "and 5 more" in mail.text
    assert "token 00 &lt;b&gt;" in mail.html


@pytest.mark.parametrize(
    "fields",
    [
        {"cli": True}, {"kind": TokenKind.JOB}, {"revoked": True}, {"retired": True}, {"created": timezone.now() - timedelta(days=1)},
        {"retires_at": timezone.now()},
    ],
    ids=["cli", "job", "revoked", "retired", "made for less than seven days", "replaced"],
)  # fmt: skip
def test_nobody_is_reminded_of_what_needs_no_reminder(fields: dict[str, Any]) -> None:
    now = timezone.now()
    TokenFactory(**{"created": now - timedelta(days=60), "expires": now + timedelta(days=5), **fields})
    assert flows.remind_due() == 0
    assert not OutboxMail.objects.exists()


def test_after_a_standstill_only_the_nearer_reminder_leaves(clock: Any) -> None:
    TokenFactory(expires=timezone.now() + timedelta(days=30))
    clock.shift(timedelta(days=29, hours=12))
    assert (flows.remind_due(), flows.remind_due()) == (1, 0)
    assert subjects() == ["An API token stops working within a day"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_workers_remind_once(race: Race) -> None:
    now = timezone.now()
    TokenFactory.create_batch(5, user=UserFactory(), created=now - timedelta(days=60), expires=now + timedelta(days=5))
    assert sum(race(4, lambda _: flows.remind_due())) == 5
    assert sum("API token" in subject for subject in subjects()) >= 1
    assert not Token.objects.filter(reminded_days=None).exists()


def test_revoking_a_token_takes_along_what_was_made_with_it_and_says_so(amy: User) -> None:
    parent = TokenFactory(user=amy, label="parent")
    child = TokenFactory(user=amy, label="child", parent=parent)
    grandchild = TokenFactory(user=amy, label="grandchild", parent=child)
    other = TokenFactory(user=amy, label="other")
    browser = signed_in(amy)
    page = browser.get("/profile/tokens/revoke/", {"token": parent.public_id}).content.decode()
    for label in ("parent", "child", "grandchild", "Made with it: revoked, too"):
        assert label in page
    assert "other" not in page.partition("<dialog")[2]
    assert flows.find_family(tokens=[child]) == [child, grandchild]
    flows.revoke(tokens=[parent], actor=actor(amy), why="revoked-by-its-owner")
    for token, why in ((parent, "revoked-by-its-owner"), (child, "parent-ended"), (grandchild, "parent-ended")):
        token.refresh_from_db()
        assert (token.state, token.end_why, token.ended_by) == ("revoked", why, amy)
    other.refresh_from_db()
    assert other.state == "active"
    assert "the token that made it ended" in browser.get(f"/profile/tokens/{child.public_id}/").content.decode()


def test_a_credential_change_logs_out_what_a_command_line_login_made(amy: User) -> None:
    login = TokenFactory(user=amy, cli=True)
    child, own = TokenFactory(user=amy, parent=login), TokenFactory(user=amy)
    assert flows.retire_logins(user=amy, actor=actor(amy), why="password-changed") == 2
    assert {token.pk for token in Token.objects.live()} == {own.pk}
    child.refresh_from_db()
    assert (child.state, child.end_why) == ("retired", "password-changed")
