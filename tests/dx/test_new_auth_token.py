"""`/system/newAuthToken` by password: who gets a token, what each refusal is called, and what a repeated body does."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock, patch

import pytest
from django.contrib.auth.hashers import make_password
from django.core.cache import cache
from django.test import Client

from accounts import passwords, throttle
from accounts.digests import digest
from accounts.errors import Busy, StepRefused, WrongCredentials
from accounts.models import Counter, SecurityEvent, User
from tests.factories import PASSWORD, UserFactory
from tests.tokens.doors import dx, rest, signed_in
from tokens import keys, repeats
from tokens.models import EndReason, Token, TokenState
from tokens.repeats import LoginBody

pytestmark = pytest.mark.django_db
NEW = "/system/newAuthToken"
DAY_MS = 86_400_000


class Spent:
    """A right answer, which here can be given again and again."""

    def spend(self) -> None:
        pass


class CodeStage:
    """A second step as the room twofactor brings it later: the code 123456, for people named in `people`."""

    name = "code"
    people: set[str] = set()

    def is_needed(self, user: User) -> bool:
        return user.username in self.people

    def check(self, user: User, answer: str, actor: object) -> "Spent":
        if answer != "123456":
            raise StepRefused()
        return Spent()

    def facts(self, user: User) -> dict[str, Any]:
        return {}


code_stage = CodeStage()


@pytest.fixture
def careful(settings: Any) -> User:
    """A person whose login needs a code."""
    settings.LOGIN_STAGES = ["tests.dx.test_new_auth_token.code_stage"]
    user: User = UserFactory()
    CodeStage.people = {user.username}
    return user


def now_ms() -> int:
    return int(time.time() * 1000)


def body_of(user: User, **changes: Any) -> dict[str, Any]:
    """Return what the client sends: `expires` is 18 hours ahead and a little later each time."""
    expires = now_ms() + 18 * 3_600_000 + SecurityEvent.objects.count()
    return {"expires": expires, "username": user.username, "password": PASSWORD, "otp": None, **changes}


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["type"]


def test_a_right_password_gets_a_command_line_login_that_works_at_once() -> None:
    user = UserFactory()
    body = body_of(user)
    answer = dx(NEW, body)
    made = answer.json()
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert (made["token_type"], made["user_id"], made["expires"]) == ("Bearer", user.public_id, body["expires"])
    assert made["token_signature"] == digest(made["access_token"])
    assert abs(made["created"] - now_ms()) < 60_000
    assert dx("/system/whoami", text=made["access_token"]).json() == {"id": user.public_id}
    token = Token.objects.get()
    assert (token.kind, token.kind_label, token.label) == ("cli", "CLI login", "dx login from 127.0.0.1")
    assert {"login.passed", "token.created"} <= set(SecurityEvent.objects.values_list("event", flat=True))


def test_logins_live_side_by_side_under_labels_of_their_own() -> None:
    user = UserFactory()
    for number in range(3):
        assert dx(NEW, body_of(user, expires=now_ms() + DAY_MS + number)).status_code == 200
    assert set(Token.objects.live().values_list("label", flat=True)) == {
        "dx login from 127.0.0.1", "dx login from 127.0.0.1 (2)", "dx login from 127.0.0.1 (3)",
    }  # fmt: skip


@pytest.mark.parametrize("case", ["wrong password", "unknown", "inactive", "unusable", "empty"])
def test_log_01_every_wrong_pair_gets_the_same_answer(case: str) -> None:
    user = UserFactory(is_active=case != "inactive", **({"password": make_password(None)} if case == "unusable" else {}))
    wrong = {"wrong password": {"password": "x"}, "unknown": {"username": "nobody.here"}, "empty": {"password": ""}}
    answer = dx(NEW, body_of(user, **wrong.get(case, {})))
    assert refusal(answer) == (401, "UsernameOrPasswordError")
    assert answer.json()["error"]["message"] == "Username or password is wrong. Check both and try again"
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    ("password", "otp", "expected"),
    [
        ("x", None, (401, "UsernameOrPasswordError")), ("x", "000000", (401, "UsernameOrPasswordError")),
        ("x", "123456", (401, "UsernameOrPasswordError")), (PASSWORD, None, (401, "OTPRequiredError")),
        (PASSWORD, "", (401, "OTPRequiredError")), (PASSWORD, "000000", (401, "OTPMismatchError")),
    ],
)  # fmt: skip
def test_a_code_is_asked_for_after_a_right_password_only(careful: User, password: str, otp: str | None, expected: tuple[int, str]) -> None:
    assert refusal(dx(NEW, body_of(careful, password=password, otp=otp))) == expected
    assert not Token.objects.exists()


def test_password_and_code_together_get_a_token(careful: User) -> None:
    assert dx(NEW, body_of(careful, otp="123456")).status_code == 200


def test_cli_01_a_wait_is_told_as_401_and_never_as_429(settings: Any) -> None:
    user = UserFactory()
    answers = [dx(NEW, body_of(user, password=f"wrong {number}")) for number in range(6)]
    assert refusal(answers[-1]) == (401, "TooManyAttempts")
    assert "Retry-After" not in answers[-1]
    assert "Try again in" in answers[-1].json()["error"]["message"]
    assert refusal(dx(NEW, body_of(user))) == (401, "TooManyAttempts")
    assert Client().post("/login/", {"username": user.username, "password": PASSWORD}).status_code == 429


@pytest.mark.parametrize("why", ["locked", "busy"])
def test_cli_01_neither_a_lock_nor_a_crowd_is_told_by_a_status_that_the_client_repeats(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    user = UserFactory()
    if why == "locked":
        Counter.objects.create(key=throttle.key_for("cap", user.username), in_a_row=100)
    else:
        monkeypatch.setattr("accounts.passwords.matches", Mock(side_effect=Busy))
    answer = dx(NEW, body_of(user))
    assert refusal(answer) == (401, "PasswordDisabled" if why == "locked" else "Busy")
    assert "Retry-After" not in answer
    assert answer.json()["error"]["message"]


def test_cli_04_what_is_kept_of_a_body_is_a_keyed_digest_for_two_minutes(settings: Any) -> None:
    user = UserFactory()
    asked = LoginBody(user.username, "wrong", None, 5)
    with patch.object(cache, "set", wraps=cache.set) as kept:
        repeats.remember_refusal(asked, WrongCredentials())
    assert kept.call_args.args[2] == 120
    assert not [secret for secret in (user.username, '"wrong"') if secret in str(kept.call_args)]
    here, before = asked.key, settings.SECRET_KEY
    settings.SECRET_KEY = "another key" * 6
    assert asked.key != here
    settings.SECRET_KEY = before
    body = body_of(user, password="wrong", expires=now_ms() + 3_600_000)
    for _ in range(2):
        dx(NEW, body)
        cache.clear()  # Redis has a clock of its own
    assert SecurityEvent.objects.filter(event="login.failed").count() == 2


def test_cli_04_a_refused_body_sent_again_is_refused_again_and_counted_once() -> None:
    user = UserFactory()
    body = body_of(user, password="wrong")
    with patch.object(passwords, "matches", wraps=passwords.matches) as looked:
        answers = [dx(NEW, body) for _ in range(20)]
    assert looked.call_count == 1
    assert {refusal(answer) for answer in answers} == {(401, "UsernameOrPasswordError")}
    assert SecurityEvent.objects.filter(event="login.failed").count() == 1
    assert dx(NEW, body_of(user)).status_code == 200


def test_cli_04_a_passed_body_sent_again_leaves_one_live_login() -> None:
    body = body_of(UserFactory())
    first, second = dx(NEW, body).json()["access_token"], dx(NEW, body).json()["access_token"]
    assert first != second
    assert rest("GET", "/api/v1/me/", first).status_code == 401
    assert rest("GET", "/api/v1/me/", second).status_code == 200
    assert Token.objects.live().count() == 1
    assert Token.objects.get(state=TokenState.REVOKED).end_why == EndReason.REPEATED


def test_a_login_that_was_used_survives_its_repeat() -> None:
    body = body_of(UserFactory())
    first = dx(NEW, body).json()["access_token"]
    dx("/system/whoami", text=first)
    dx(NEW, body)
    assert dx("/system/whoami", text=first).status_code == 200


@pytest.mark.django_db(transaction=True)  # what is kept of it is kept after the commit
def test_cli_04_a_body_with_a_code_cannot_be_repeated(careful: User) -> None:
    body = body_of(careful, otp="123456")
    assert dx(NEW, body).status_code == 200
    assert refusal(dx(NEW, body)) == (401, "OTPMismatchError")
    assert Token.objects.count() == 1


def test_cli_05_a_session_and_other_headers_beside_a_password_change_nothing() -> None:
    user, other = UserFactory(), UserFactory()
    browser = signed_in(other)
    answer = dx(NEW, body_of(user), keys.mint(), client=browser, Origin="https://evil.example")
    assert answer.status_code == 200
    assert Token.objects.get().user == user
    assert not answer.cookies
    assert browser.get("/profile/").status_code == 200


def test_without_username_a_bearer_is_needed() -> None:
    assert refusal(dx(NEW, {"label": "child"})) == (401, "InvalidAuthentication")
    assert refusal(dx(NEW, {"label": "child"}, keys.mint())) == (401, "InvalidAuthentication")
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    "expires",
    [0, -1, 1, True, False, 1.5, "1795569914242", [], {}, 2**53 + 1, 2**63 - 1, -(2**63), 1e300, 1795569914242.5],
)
def test_cli_06_a_useless_expiry_is_refused_before_the_password_is_looked_at(expires: object) -> None:
    answer = dx(NEW, body_of(UserFactory(), expires=expires))
    assert refusal(answer) == (422, "InvalidInput")
    assert not SecurityEvent.objects.exists()
    assert not Token.objects.exists()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1" * 30])
def test_cli_06_a_number_that_is_none_is_refused(number: str) -> None:
    raw = json.dumps(body_of(UserFactory(), expires="@")).replace('"@"', number)
    assert dx(NEW, raw).status_code in (400, 422)


@pytest.mark.parametrize("wish", [None, 40 * DAY_MS, 4_070_908_800_000 - 1_795_505_114_242])
def test_cli_06_a_login_lives_thirty_days_at_most(wish: int | None) -> None:
    made = dx(NEW, body_of(UserFactory(), expires=wish and now_ms() + wish)).json()
    assert abs(made["expires"] - made["created"] - 30 * DAY_MS) < 5000
    assert Token.objects.get().expires - datetime.now(UTC) < timedelta(days=30, seconds=5)


def test_the_largest_exact_number_is_a_wish_like_any() -> None:
    assert dx(NEW, body_of(UserFactory(), expires=2**53)).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"password": None}, {"password": 5}, {"password": ["x"]}, {"password": {"a": 1}}, {"password": True},
        {"username": None}, {"username": 5}, {"username": ["amy"]}, {"otp": 123456}, {"otp": ["1"]},
    ],
)  # fmt: skip
def test_a_field_of_another_type_is_no_failed_login(changes: dict[str, object]) -> None:
    user = UserFactory()
    assert refusal(dx(NEW, body_of(user, **changes))) == (422, "InvalidInput")
    assert not SecurityEvent.objects.exists()


def test_the_secrets_of_a_login_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    made = dx(NEW, body_of(UserFactory())).json()
    dx(NEW, body_of(UserFactory(), password="wrong-and-secret"))
    assert made["access_token"] not in caplog.text
    assert "wrong-and-secret" not in caplog.text
    assert PASSWORD not in caplog.text
