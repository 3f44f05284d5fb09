"""The one check of a token: what passes, what is refused and in which words, and what it costs."""

import re
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.models import Session, User
from config.dx import OPEN_ROUTES, ROUTES
from tests.factories import PASSWORD, UserFactory, actor
from tests.test_docs import routes
from tests.tokens.doors import dx, rest, signed_in
from tests.tokens.factories import token_and_text
from tokens import authentication, flows, keys
from tokens.caller import Caller
from tokens.errors import TokenExpired, TokenUnknown
from tokens.models import EndReason

pytestmark = pytest.mark.django_db
ME = "/api/v1/me/"
PAGES = [route for route in routes() if re.match("/(security|profile|password|email)/", route)]


def check(text: str) -> Caller:
    return authentication.authenticate(text, request=RequestFactory().get(ME, REMOTE_ADDR="192.0.2.1"), door="rest")


def test_tok_01_a_wrong_checksum_costs_no_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    text = token_and_text()[1]
    flipped = text[:10] + ("a" if text[10] != "a" else "b") + text[11:]
    with django_assert_num_queries(0), pytest.raises(TokenUnknown):
        check(flipped)


def test_a_good_token_costs_one_select(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    token, text = token_and_text(last_used_at=timezone.now())
    check(text)
    with django_assert_num_queries(1) as asked:
        caller = check(text)
        assert (caller.user.email, caller.user.public_id) == (token.user.email, token.user.public_id)
        assert caller.token is not None
        assert caller.actor.user == token.user
    assert asked.captured_queries[0]["sql"].startswith("SELECT")
    assert '"password"' not in asked.captured_queries[0]["sql"]


def test_a_request_with_a_token_costs_one_select_in_all(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    text = token_and_text(last_used_at=timezone.now())[1]
    rest("GET", ME, text)
    with django_assert_num_queries(1):
        assert rest("GET", ME, text).status_code == 200


def test_last_use_is_noted_at_most_once_a_minute(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    token, text = token_and_text()
    with time_machine.travel(timezone.now(), tick=False) as clock:
        for wait_seconds, queries in ((0, 2), (59, 1), (1, 2)):
            clock.shift(timedelta(seconds=wait_seconds))
            with django_assert_num_queries(queries):
                check(text)
        token.refresh_from_db()
        assert (token.last_used_at, token.last_used_ip) == (timezone.now(), "192.0.2.1")


@pytest.mark.parametrize(("ahead_seconds", "queries"), [(1, 1), (59, 1), (60, 2)])
def test_a_use_that_another_machine_noted_somewhat_ahead_is_not_noted_again(
    django_assert_num_queries: DjangoAssertNumQueries, ahead_seconds: int, queries: int
) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        text = token_and_text(last_used_at=timezone.now() + timedelta(seconds=ahead_seconds))[1]
        with django_assert_num_queries(queries):
            check(text)


@pytest.mark.parametrize(
    ("traits", "code", "words"),
    [
        ({"past": True}, "token_expired", "The token has expired; log in again or make a new token"),
        ({"marked_expired": True}, "token_expired", "The token has expired; log in again or make a new token"),
        ({"revoked": True}, "token_revoked", "The token was revoked; log in again or make a new token"),
        ({"retired": True}, "token_retired", "a credential of your account changed; log in again"),
        ({"user__is_active": False}, "token_unknown", "The token could not be found"),
    ],
)
def test_tok_05_a_dead_token_is_told_why_because_its_whole_text_was_presented(traits: dict[str, Any], code: str, words: str) -> None:
    text = token_and_text(**traits)[1]
    answer: Any = rest("GET", ME, text)
    assert (answer.status_code, answer.json()["code"], answer["WWW-Authenticate"]) == (401, code, "Bearer")
    assert words in answer.json()["detail"]
    error = dx("/system/whoami", text=text).json()["error"]
    assert error["type"] == "InvalidAuthentication"
    assert words in error["message"]
    assert not error["message"].endswith(".")
    assert text not in answer.content.decode()


def test_tok_09_a_token_dies_at_its_very_end() -> None:
    token, text = token_and_text()
    with time_machine.travel(token.expires - timedelta(seconds=1), tick=False) as clock:
        assert check(text).user == token.user
        clock.shift(timedelta(seconds=1))
        with pytest.raises(TokenExpired):
            check(text)


def test_tok_05_unknown_malformed_and_public_get_the_same_answer() -> None:
    bodies = []
    for header in (
        f"Bearer {keys.mint()}", "Bearer PUBLIC", "Bearer x", "Bearer", "Bearer ", f"Bearer  {keys.mint()}", "Basic YTpi",
        f"Bearer {keys.mint()}, Bearer {keys.mint()}", f"Bearer {keys.mint()},{keys.mint()}", "Bearer é", f"Token {keys.mint()}",
    ):  # fmt: skip
        answer: Any = rest("GET", ME, **{"Authorization": header})
        body = answer.json()
        body.pop("request_id", None)
        bodies.append((answer.status_code, answer["WWW-Authenticate"], body))
    assert all(body == bodies[0] for body in bodies)
    assert bodies[0][0] == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_the_scheme_is_taken_in_any_case(scheme: str) -> None:
    text = token_and_text()[1]
    assert rest("GET", ME, **{"Authorization": f"{scheme} {text}"}).status_code == 200
    assert dx("/system/whoami", **{"Authorization": f"{scheme} {text}"}).status_code == 200


@pytest.mark.parametrize("name", ["token", "access_token", "key"])
def test_tok_04_a_token_anywhere_else_than_in_the_header_is_no_token(name: str) -> None:
    text = token_and_text()[1]
    browser = Client()
    browser.cookies[name] = text
    for answer in (
        rest("GET", f"{ME}?{name}={text}"),
        rest("POST", "/api/v1/tokens/", body={"label": "a", name: text}),
        browser.get(ME),
        dx("/system/whoami", {name: text}),
        dx(f"/system/whoami?{name}={text}"),
        dx("/system/whoami", client=browser),
    ):
        assert answer.status_code == 401
        assert text not in answer.content.decode()


def test_a_bad_token_beside_a_good_cookie_is_refused() -> None:
    browser = signed_in(UserFactory())
    assert browser.get(ME).status_code == 200
    assert browser.get(ME, headers={"Authorization": f"Bearer {keys.mint()}"}).status_code == 401


def test_a_token_beside_the_cookie_of_another_person_counts_alone() -> None:
    token, text = token_and_text()
    answer = signed_in(UserFactory()).get(ME, headers={"Authorization": f"Bearer {text}"})
    assert answer.json()["id"] == token.user.public_id


@pytest.mark.parametrize("route", [*ROUTES, *sorted(set(OPEN_ROUTES) - {"system/newAuthToken"})])
def test_cli_05_a_session_cookie_opens_no_dx_route(route: str) -> None:
    answer = dx("/" + route.replace("{id}", "0" * 24), client=signed_in(UserFactory()))
    assert answer.status_code == 401


def test_tok_10_a_revoke_holds_for_the_next_request_in_a_hundred_alternations() -> None:
    for _ in range(100):
        token, text = token_and_text()
        assert check(text).token == token
        flows.revoke(tokens=[token], actor=actor(token.user), why=EndReason.REVOKED)
        assert rest("GET", ME, text).status_code == 401


@pytest.mark.parametrize("route", PAGES)
def test_tok_08_no_page_and_so_no_credential_takes_a_token_instead_of_a_session(route: str) -> None:
    token, text = token_and_text()
    browser = Client()
    browser.cookies.update(signed_in(token.user).cookies)
    before, sessions = list(User.objects.values()), Session.objects.count()
    fields = {"current_password": PASSWORD, "new_password1": "a longer passphrase", "new_password2": "a longer passphrase", "do": "out"}
    answer = browser.post(re.sub(r"<\w+>", "x", route), {**fields, "email": "x@example.com"}, headers={"Authorization": f"Bearer {text}"})
    open_to_all = re.match("/(password/reset|email/(confirm|cancel)|security/2fa/object)/", route)
    assert answer.status_code in ((200, 401, 403, 404, 405, 410, 422) if open_to_all else (401, 403, 405))
    assert list(User.objects.values()) == before
    assert Session.objects.count() == sessions


def test_who_am_i_tells_person_and_token() -> None:
    token, text = token_and_text(user__first_name="Amy", user__last_name="Lee")
    answer: Any = rest("GET", ME, text)
    me = answer.json()
    assert (me["id"], me["username"], me["name"]) == (token.user.public_id, token.user.username, "Amy Lee")
    assert (me["email"], me["token"]["id"], me["token"]["kind"]) == (token.user.email, token.public_id, "api")
    assert signed_in(token.user).get(ME).json()["token"] is None


def test_without_any_credential_the_answer_asks_for_a_bearer() -> None:
    answer = rest("GET", ME)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize(
    "header", ["Basic {basic}", "Token {text}", "Bearer  {text}", "Bearer {text}x", "Bearer {text}, Bearer {text}", "{text}"]
)
def test_tok_04_a_good_token_in_another_form_of_the_header_is_refused_and_not_echoed(header: str, caplog: pytest.LogCaptureFixture) -> None:
    text = token_and_text()[1]
    sent = {"Authorization": header.format(text=text, basic=b64encode(f"{text}:".encode()).decode())}
    for answer in (rest("GET", ME, **sent), dx("/system/whoami", **sent), Client().get("/security/", headers=sent)):
        assert answer.status_code == 401
        assert text not in answer.content.decode() + str(answer.headers)
    assert text not in caplog.text


def test_tok_04_the_text_is_not_in_the_access_log(caplog: pytest.LogCaptureFixture) -> None:
    text = token_and_text()[1]
    rest("GET", ME, text)
    assert text not in caplog.text
