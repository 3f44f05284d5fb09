"""What one web server ends, another one on the same database refuses with its next request (SES-02, SES-03, TOK-10)."""

from collections.abc import Callable

import pytest

from tests.faults.services import RedisServer
from tests.journeys.house import House
from tests.journeys.visitor import Visitor, dx_call, dx_login, send, with_token

pytestmark = pytest.mark.faults
ALTERNATIONS = 100


@pytest.fixture
def two(houses: Callable[..., House]) -> tuple[House, House]:
    """Two servers on one PostgreSQL and one Redis."""
    return houses(), houses()


def at(house: House, visitor: Visitor) -> Visitor:
    """Return the same browser at another server."""
    other = Visitor(house.url)
    for cookie in visitor.jar:
        other.jar.set_cookie(cookie)
    return other


def test_ses_02_a_row_deleted_at_one_server_ends_the_session_at_the_other_whatever_redis_holds(
    two: tuple[House, House], redis_server: RedisServer
) -> None:
    one, other = two
    name = one.person()
    here = Visitor(one.url).sign_in(name)
    for empty in (False, True):
        there = at(other, here)
        assert (here.signed_in, there.signed_in) == (True, True)
        if empty:
            redis_server.client.flushall()
            assert (here.signed_in, there.signed_in) == (True, True)
        one.database.execute("DELETE FROM accounts_session")
        assert (there.signed_in, here.signed_in) == (False, False)
        here = Visitor(one.url).sign_in(name)


def test_ses_03_signed_out_at_one_server_the_old_cookie_is_nobodys_at_both(two: tuple[House, House]) -> None:
    one, other = two
    here = Visitor(one.url).sign_in(one.person())
    kept = [at(one, here), at(other, here)]  # the cookie as it was before
    assert [browser.signed_in for browser in kept] == [True, True]
    assert here.form("/logout/", at="/profile/").status == 302
    assert [browser.signed_in for browser in (here, *kept)] == [False] * 3


def test_tok_10_a_token_revoked_at_one_server_is_dead_at_the_other_in_a_hundred_alternations(two: tuple[House, House]) -> None:
    name = two[0].person()
    for number in range(ALTERNATIONS):
        one, other = two if number % 2 else two[::-1]
        text = dx_login(one.url, name)
        assert with_token(other.url, text).status == 200
        assert dx_call(other.url, "system/whoami", {}, text).status == 200
        ended = send(f"{one.url}/api/v1/tokens/revoke/", data=b'{"all": true}', headers=bearer(text))
        assert ended.status == 200, ended.text
        assert with_token(other.url, text).status == 401
        assert dx_call(other.url, "system/whoami", {}, text).status == 401


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}", "Content-Type": "application/json"}
