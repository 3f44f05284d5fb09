"""Two web processes on one PostgreSQL and one Redis behave as one: what is done at one holds at the next request of the other (I6)."""

import json
from collections.abc import Callable

import pytest

from tests.faults.pairs import beside, code_at, stopped_login, with_code
from tests.faults.services import RedisServer
from tests.journeys.house import NEW_PASSWORD, PASSWORD, House
from tests.journeys.visitor import Answer, Visitor, dx_call, dx_login, send, with_token
from twofactor import totp

pytestmark = pytest.mark.faults

Houses = Callable[..., House]
ALTERNATIONS, PER_PERSON = 100, 20
WRONG_PASSWORDS = 5


@pytest.fixture
def pair(houses: Houses) -> tuple[House, House]:
    """Two servers that must behave as one."""
    return houses(), houses()


def rest(house: House, text: str, method: str, path: str, body: object = None) -> Answer:
    headers = {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return send(f"{house.url}/api/v1/{path}", data=data, headers=headers, method=method)


def is_in(visitor: Visitor) -> bool:
    return visitor.signed_in


def wrong(house: House, name: str) -> int:
    return Visitor(house.url).form("/login/", {"username": name, "password": "wrong"}).status


def test_i6_signing_out_at_one_ends_the_session_at_the_other(pair: tuple[House, House]) -> None:
    one, other = pair
    here = Visitor(one.url).sign_in("amy")
    there = beside(here, other)
    assert is_in(there)
    kept = beside(here, other)
    here.form("/logout/", at="/profile/")
    assert there.get("/profile/").location.startswith("/login/?")
    assert not is_in(kept)


def test_i6_ending_a_session_at_one_ends_it_at_the_other(pair: tuple[House, House]) -> None:
    one, other = pair
    lost, owner = Visitor(one.url).sign_in("amy"), Visitor(other.url).sign_in("amy")
    assert is_in(lost)
    owner.form("/security/sessions/", {"end": "others"})
    assert not is_in(lost)
    assert is_in(owner)
    assert beside(owner, one).signed_in


def test_i6_a_token_revoked_at_one_is_dead_at_the_next_request_of_the_other_100_times(pair: tuple[House, House]) -> None:
    for number in range(ALTERNATIONS):
        if number % PER_PERSON == 0:
            login = dx_login(pair[0].url, pair[0].person())
        made_at, used_at = pair[number % 2], pair[(number + 1) % 2]
        made = rest(made_at, login, "POST", "tokens/", {"label": f"number {number}"}).json
        assert with_token(used_at.url, made["token"]).status == 200
        revoked_at, then = (made_at, used_at) if number % 4 < 2 else (used_at, made_at)
        assert rest(revoked_at, login, "DELETE", f"tokens/{made['id']}/").status == 204
        assert with_token(then.url, made["token"]).status == 401, number


def test_i6_a_password_changed_at_one_ends_sessions_and_dx_logins_at_the_other(pair: tuple[House, House]) -> None:
    one, other = pair
    there, login = Visitor(other.url).sign_in("amy"), dx_login(other.url, "amy")
    assert Visitor(one.url).sign_in("amy").change_password(NEW_PASSWORD).status == 302
    assert not is_in(there)
    assert dx_call(other.url, "system/whoami", {}, login).status == 401
    assert wrong(other, "amy") == 401
    assert Visitor(other.url).form("/login/", {"username": "amy", "password": PASSWORD}).status == 401
    assert Visitor(other.url).sign_in("amy", NEW_PASSWORD).signed_in


def test_i6_a_policy_set_at_one_holds_at_the_next_request_of_the_other(pair: tuple[House, House]) -> None:
    one, other = pair
    admin, member = Visitor(one.url).sign_in("amy").make_token("admin"), dx_login(other.url, "ben")
    for allowed, status in ((False, 403), (True, 201), (False, 403)):
        assert rest(one, admin, "PATCH", "orgs/acme/policies/", {"tokensAllowed": allowed}).status == 200
        assert rest(other, member, "POST", "tokens/", {"label": f"allowed {status}"}).status == status


def test_i6_guesses_at_both_are_counted_together(pair: tuple[House, House]) -> None:
    assert [wrong(pair[number % 2], "ben") for number in range(WRONG_PASSWORDS)] == [401] * WRONG_PASSWORDS
    for house in pair:
        assert Visitor(house.url).form("/login/", {"username": "ben", "password": PASSWORD}).status == 429
        assert (
            dx_call(house.url, "system/newAuthToken", {"username": "ben", "password": PASSWORD}).json["error"]["type"] == "TooManyAttempts"
        )


def test_i6_a_second_factor_taken_off_at_one_is_not_asked_for_at_the_other(pair: tuple[House, House]) -> None:
    one, other = pair
    step = totp.step_now()
    here = with_code(one, "cleo", code_at(step - 1))
    there = beside(here, other)
    assert is_in(there)
    stopped_login(other, "cleo")
    assert here.form("/security/2fa/disable/", {"current_password": PASSWORD, "otp": code_at(step)}).status == 302
    assert not is_in(there)
    assert Visitor(other.url).sign_in("cleo").signed_in


@pytest.mark.parametrize("spoil", ["stop", "pause", "empty"])
def test_i6_without_redis_logins_work_and_guesses_at_both_are_counted_together(
    pair: tuple[House, House], redis_server: RedisServer, spoil: str
) -> None:
    assert [wrong(pair[number % 2], "ben") for number in range(2)] == [401] * 2
    if spoil == "empty":
        redis_server.client.flushall()
    else:
        getattr(redis_server, spoil)()
    for house in pair:
        assert Visitor(house.url).sign_in("amy").signed_in
    assert [wrong(pair[number % 2], "ben") for number in range(2, WRONG_PASSWORDS)] == [401] * (WRONG_PASSWORDS - 2)
    for house in pair:
        assert Visitor(house.url).form("/login/", {"username": "ben", "password": PASSWORD}).status == 429
