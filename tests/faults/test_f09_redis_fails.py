"""Redis refuses, forgets, hangs, crawls and fills up: nobody gets in, nobody is kept out, and it costs little (F09, REL-03)."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from tests.faults.aftermath import assert_discreet, assert_holds, failure_counts
from tests.faults.pairs import code_at, form_at, stopped_login, with_code
from tests.faults.services import RedisServer
from tests.journeys.house import PASSWORD, House, until
from tests.journeys.proxy import Proxy, narrow_line
from tests.journeys.visitor import Answer, Visitor, dx_call, dx_login, with_token
from twofactor import totp

pytestmark = pytest.mark.faults

Houses = Callable[..., House]
WRONG_PASSWORDS = 5
ASKED = 20  # requests that each ask the cache several times: at 250 ms each they would take more than ten seconds
SLACK_SECONDS = 5.0
FAST, CRAWLING = 1e9, 400.0  # bytes per second: a command takes a third of a second


@dataclass
class Bad:
    """A Redis, the line to it, and how to spoil either."""

    redis: RedisServer
    line: Proxy

    def stopped(self) -> None:
        """Gone."""
        self.redis.stop()

    def emptied(self) -> None:
        """All lost."""
        self.redis.client.flushall()

    def held(self) -> None:
        """Takes commands and answers none."""
        self.redis.client.execute_command("CLIENT", "PAUSE", "60000")

    def hanging(self) -> None:
        """Does not even take them."""
        self.redis.pause()

    def full(self) -> None:
        """Takes nothing more."""
        self.redis.client.config_set("maxmemory-policy", "noeviction")
        self.redis.client.config_set("maxmemory", "1mb")

    def crawling(self) -> None:
        """Answers, slowly."""
        self.line.pace = CRAWLING


KINDS = [Bad.stopped, Bad.emptied, Bad.held, Bad.hanging, Bad.full, Bad.crawling]


@pytest.fixture
def bad(redis_server: RedisServer) -> Iterator[Bad]:
    """The Redis of the test, behind a line."""
    with narrow_line(redis_server.port, pace=FAST) as line:
        yield Bad(redis_server, line)


@pytest.fixture
def house(houses: Houses, bad: Bad) -> House:
    """A server with that Redis."""
    return houses(CACHE_URL=f"redis://127.0.0.1:{bad.line.port}/0")


def asked(house: House, text: str) -> tuple[float, list[Answer]]:
    """Return how long a script waits for its list of tokens, asked again and again, and the answers."""
    began = time.monotonic()
    answers = [with_token(house.url, text, "/api/v1/tokens/?q=a") for _ in range(ASKED)]
    return time.monotonic() - began, answers


@pytest.mark.parametrize("spoil", KINDS, ids=lambda kind: kind.__name__)
def test_f09_a_redis_that_fails_lets_nobody_in_keeps_nobody_out_and_costs_little(
    house: House, bad: Bad, spoil: Callable[[Bad], None]
) -> None:
    visitor, login = Visitor(house.url).sign_in("amy"), dx_login(house.url, "amy")
    revoked = visitor.make_token("revoked")
    dx_call(house.url, "system/destroyAuthToken", {"tokenSignature": signature(revoked)}, revoked)
    for _ in range(WRONG_PASSWORDS):
        dx_call(house.url, "system/newAuthToken", {"username": "ben", "password": "wrong"})
        Visitor(house.url).form("/login/", {"username": "ben", "password": "wrong"})
    used = code_at(totp.step_now())
    with_code(house, "cleo", used)
    midway = form_at(stopped_login(house, "cleo"), "/login/verify/")
    counted = failure_counts(house)
    before, _ = asked(house, login)

    spoil(bad)
    began = time.monotonic()
    seconds, answers = asked(house, login)
    assert {answer.status for answer in answers} == {200}
    # Once in five seconds 250 ms at most; without the circuit every call would wait.
    assert seconds < 3 * before + SLACK_SECONDS
    assert visitor.signed_in
    assert with_token(house.url, revoked).status == 401
    assert midway({"otp": used}).status == 401
    assert Visitor(house.url).form("/login/", {"username": "ben", "password": PASSWORD}).status == 429
    assert dx_call(house.url, "system/newAuthToken", {"username": "ben", "password": PASSWORD}).json["error"]["type"] == "TooManyAttempts"
    assert midway({"otp": code_at(totp.step_now() + 1)}).status == 302
    assert Visitor(house.url).sign_in(house.person()).signed_in
    assert_discreet(answers)
    assert house.log.count("cache does not answer") <= 2 + (time.monotonic() - began) / 60
    assert_holds(house, counted=counted)


def test_rel_03_guesses_are_counted_without_redis(house: House, bad: Bad) -> None:
    bad.stopped()
    answers = [Visitor(house.url).form("/login/", {"username": "ben", "password": "wrong"}).status for _ in range(WRONG_PASSWORDS)]
    assert answers == [401] * WRONG_PASSWORDS
    assert Visitor(house.url).form("/login/", {"username": "ben", "password": PASSWORD}).status == 429


def test_rel_03_a_redis_that_comes_back_is_used_again(house: House, bad: Bad) -> None:
    bad.stopped()
    login = dx_login(house.url, "amy")
    asked(house, login)
    bad.redis.start()
    until(lambda: asked(house, login) and bad.redis.client.keys("*"), what="something in Redis again")


def signature(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
