"""What holds at every door that takes a password: the login page, `dx login`, and the forms that ask for it again (LOG, CLI-02)."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import settings
from django.contrib.auth.hashers import PBKDF2PasswordHasher, make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction

from accounts import flows, limits, newcomers, passwords, throttle
from accounts.errors import UsernameTaken
from accounts.models import Counter, User
from tests.conftest import WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.faults.links import RESET, mailed_link
from tests.orgs.factories import OrganizationFactory, invite, opened
from tests.tokens.doors import dx
from tests.twofactor.factories import code, turned_on, wrong_code

pytestmark = pytest.mark.django_db
WRONG = "wrong password 123"
DOORS = ("page", "dx")
Try = Callable[..., int]


@pytest.fixture(params=DOORS)
def attempt(request: pytest.FixtureRequest) -> Try:
    """Tries a password at one of the doors, each time as a new visitor; returns the status, 429 for a wait whichever it is told by."""
    number = iter(range(10_000))

    def on_page(username: str, password: str) -> int:
        return int(WebDoor().send("/login/", {"username": username, "password": password}).status_code)

    def by_dx(username: str, password: str) -> int:
        body = {"username": username, "password": password, "expires": 1_900_000_000_000 + next(number)}
        answer = dx("/system/newAuthToken", body)
        assert answer.status_code in (200, 401)
        kind = answer.json().get("error", {}).get("type")
        return 302 if answer.status_code == 200 else 429 if kind == "TooManyAttempts" else 401

    return on_page if request.param == "page" else by_dx


@pytest.mark.parametrize("username", ["amy", "gone", "open", "nobody", "other hasher"])
def test_log_02_each_refusal_costs_one_hash_of_todays_parameters(attempt: Try, username: str, settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["accounts.passwords.Argon2Hasher"]
    UserFactory(username="amy")
    UserFactory(username="gone", is_active=False)
    UserFactory(username="open", password=make_password(None))
    UserFactory(username="other hasher", password=PBKDF2PasswordHasher().encode(PASSWORD, "salt", 10))
    hasher, hashes = passwords.Argon2Hasher, []

    def verify(self: Any, password: str, encoded: str) -> bool:
        hashes.append(encoded)
        return False

    def encode(self: Any, password: str, salt: str) -> str:
        hashes.append(made := stock(self, password, salt))
        return made

    stock = hasher.encode
    with patch.object(hasher, "verify", verify), patch.object(hasher, "encode", encode):
        assert attempt(username, WRONG) == 401
    assert [one.rsplit("$", 2)[0] for one in hashes] == ["argon2$argon2id$v=19$m=19456,t=2,p=1"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", [*DOORS, "form"])
def test_log_03_a_failure_stays_counted_whatever_breaks_after_it(door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    UserFactory(username="amy")
    web = WebDoor(raise_request_exception=False)
    if door == "form":
        web.sign_in(User.objects.get())
    monkeypatch.setattr("accounts.audit.record", _break)
    fields = {"current_password": WRONG, "new_password1": "a longer passphrase", "new_password2": "a longer passphrase"}
    if door == "dx":
        status = dx("/system/newAuthToken", {"username": "amy", "password": WRONG}, client=web).status_code
    else:
        form = ("/security/password/", fields) if door == "form" else ("/login/", {"username": "amy", "password": WRONG})
        status = web.send(*form).status_code
    assert status == 500
    assert Counter.objects.get(key=throttle.key_for("cap", "amy")).in_a_row == 1
    assert not any(each.settings_dict["ATOMIC_REQUESTS"] for each in connections.all())
    if connection.vendor == "sqlite":
        assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"


def _break(*args: Any, **kwargs: Any) -> None:
    raise RuntimeError("the disk is full")


def test_log_05_the_wait_is_told_after_five_for_a_name_that_there_is_and_for_one_that_there_is_not(attempt: Try, amy: User) -> None:
    for username in ("amy", "nobody"):
        assert [attempt(username, WRONG) for _ in range(5)] == [401] * 5
        with patch.object(passwords, "make_password") as dummy, patch.object(passwords, "check_password") as real:
            assert attempt(username, PASSWORD) == 429
        assert (dummy.called, real.called) == (False, False)


def test_log_07_a_right_password_without_its_code_clears_nothing(amy: User, clock: Any) -> None:
    turned_on(amy)
    bodies = [WRONG] * 4 + [PASSWORD, WRONG, PASSWORD]
    told = [
        dx("/system/newAuthToken", {"username": "amy", "password": one, "expires": 1_900_000_000_000 + number}).json()["error"]["type"]
        for number, one in enumerate(bodies)
    ]
    assert told == ["UsernameOrPasswordError"] * 4 + ["OTPRequiredError", "UsernameOrPasswordError", "TooManyAttempts"]


@pytest.mark.parametrize("typed", ["AMY", " amy ", "ａｍｙ"])
def test_log_10_a_username_is_folded_at_every_door(attempt: Try, amy: User, typed: str) -> None:
    assert attempt(typed, PASSWORD) == 302


def test_log_10_two_accounts_that_are_equal_when_folded_cannot_be(db: None) -> None:
    User.objects.create_user("finn", "finn@example.com", PASSWORD)
    with pytest.raises(UsernameTaken):
        newcomers.prepare(username="ﬁnn", email="f@example.com", password=PASSWORD, first_name="", last_name="")
    with pytest.raises(ValidationError):
        User.objects.create_user("ﬁnn", "f@example.com", PASSWORD)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username="FINN", email="f@example.com")


def test_log_12_one_password_in_two_spellings_of_unicode_is_the_same_at_every_door(attempt: Try) -> None:
    UserFactory(username="zoe", password=passwords.encode("caf\u00e9 con leche y pan"))
    assert attempt("zoe", "cafe\u0301 con leche y pan") == 302
    assert attempt("zoe", "caf\u00e9 con leche y pan") == 302


def test_log_12_a_password_is_compared_whole(attempt: Try) -> None:
    longest = "x" * (limits.PASSWORD_MAX_CHARS - 1)
    UserFactory(username="zoe", password=passwords.encode(longest + "a"))
    assert [attempt("zoe", other) for other in (longest + "b", longest, longest + "a ", f" {longest}a")] == [401] * 4
    assert attempt("zoe", longest + "a") == 302


@pytest.mark.parametrize("first", DOORS)
def test_cli_02_page_and_dx_share_one_budget_of_passwords(amy: User, first: str) -> None:
    for number in range(5):
        if first == "page":
            WebDoor().send("/login/", {"username": "amy", "password": WRONG})
        else:
            dx("/system/newAuthToken", {"username": "amy", "password": WRONG, "expires": 1_900_000_000_000 + number})
    assert dx("/system/newAuthToken", {"username": "amy", "password": PASSWORD}).json()["error"]["type"] == "TooManyAttempts"
    assert WebDoor().send("/login/", {"username": "amy", "password": PASSWORD}).status_code == 429


@pytest.mark.parametrize("first", DOORS)
def test_cli_02_page_and_dx_share_one_budget_of_codes(amy: User, clock: Any, first: str) -> None:
    turned_on(amy)
    web, login = WebDoor(), {"username": "amy", "password": PASSWORD}
    web.send("/login/", login)
    for number in range(5):
        if first == "page":
            web.send("/login/verify/", {"otp": wrong_code()})
        else:
            dx(
                "/system/newAuthToken",
                {"username": "amy", "password": PASSWORD, "otp": wrong_code(), "expires": 1_900_000_000_000 + number},
            )
    asked = dx("/system/newAuthToken", {"username": "amy", "password": PASSWORD, "otp": code()})
    assert asked.json()["error"]["type"] == "TooManyAttempts"
    other = WebDoor()
    other.send("/login/", {"username": "amy", "password": PASSWORD})
    assert other.send("/login/verify/", {"otp": code()}).status_code == 429


NAME = {"change": "amy", "reset": "amy", "secure": "amy", "join": "dana"}
ADDRESS = "adams.amelia@example.com"


def choose(door: str, web: WebDoor, chosen: str) -> Any:
    """Choose a password at one of the doors where one is chosen; both people have the address `ADDRESS`."""
    twice = {"new_password1": chosen, "new_password2": chosen}
    if door == "join":
        acme = OrganizationFactory(handle="acme", admins=[ben := UserFactory(username="ben")])
        invite(acme, ben, ADDRESS)
        return web.send(opened(web), {"act": "join", "username": "dana", "first_name": "Dana", "last_name": "Dale", **twice})
    user = UserFactory(username="amy", email=ADDRESS)
    if door == "reset":
        flows.request_password_reset(email=ADDRESS, actor=actor())
        return web.send(web.get(mailed_link(RESET))["Location"], twice)
    web.sign_in(user)
    path, more = ("/security/password/", {}) if door == "change" else ("/security/compromised/", {"since": "day"})
    return web.send(path, {"current_password": PASSWORD, **more, **twice})


@pytest.mark.parametrize(
    ("chosen", "least", "said"),
    [
        ("fourteen chars", 15, "Use at least 15 characters; this has 14"), ("x" * 1025, 15, "Use at most 1024 characters"),
        ("PASSWORD1", 8, "among the 20,000 most used"), ("qwertyuiop", 8, "among the 20,000 most used"),
        ("{name}@{name} {name} {name}", 15, "little more than your username"),
        ("ADAMS.amelia@example.com", 15, "little more than your e-mail address"),
        ("adams.AMELIA 123", 15, "little more than your e-mail name"),
        ("GATEHOUSEgatehouse", 15, "little more than the name of this product"),
        ("\N{CAT FACE}" * 64, 15, None), ("fifteen letters", 15, None), ("  lead and trail  ", 15, None), ("y" * 1024, 15, None),
        ("onlylowercaseletters", 15, None), ("adams.amelia 1234567", 15, None),
    ],
    ids=lambda value: str(value)[:20],
)  # fmt: skip
@pytest.mark.parametrize("door", NAME)
def test_log_11_what_may_be_chosen_is_the_same_at_every_door(
    web: WebDoor, settings: Any, door: str, chosen: str, least: int, said: str | None
) -> None:
    settings.PASSWORD_MIN_LENGTH = least
    answer = choose(door, web, chosen.format(name=NAME[door]))
    person = User.objects.filter(username=NAME[door]).first()
    if said is None:
        assert answer.status_code == 302, answer.content
        assert person is not None
        assert passwords.matches(chosen, person)
    else:
        assert answer.status_code == 422
        assert said in answer.content.decode()
        assert person is None or passwords.matches(PASSWORD, person)


def test_log_11_the_numbers_are_those_of_the_table() -> None:
    assert (settings.PASSWORD_MIN_LENGTH, limits.PASSWORD_MAX_CHARS) == (15, 1024)
