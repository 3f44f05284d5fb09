"""The clock jumps ahead and back, or two servers disagree: nothing is revived, nobody waits for years or is signed out (F11)."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from accounts.limits import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, SESSION_LIFE_SECONDS
from accounts.models import User
from tests.conftest import WebDoor
from tests.factories import PASSWORD
from tests.faults.aftermath import assert_holds
from tests.faults.test_kills import app_code
from tests.journeys.house import PASSWORD as DEMO_PASSWORD
from tests.journeys.house import House, until
from tests.journeys.visitor import Visitor, with_token
from tests.tokens.factories import token_and_text
from tests.twofactor.factories import code, turned_on, wrong_code

Clock = time_machine.Traveller
Browsers = Callable[[], WebDoor]
IDLE, DAY = timedelta(minutes=15), timedelta(days=1)
JUMPS = {"+2 h": timedelta(hours=2), "+1 day": DAY, "2039": timedelta(days=12 * 365 + 40)}
SECOND = timedelta(seconds=1)
AHEAD_SECONDS = 90
# What Python runs first in each process of a server.
AHEAD = f"""
import time, time_machine
time_machine.travel(time.time() + {AHEAD_SECONDS}, tick=True).start()
"""
AGE_AHEAD = re.compile(r"(active|used|tried|asked|Last code|failed)\s+(in \d|in less|tomorrow)|-\d+ (second|minute|hour|day)")


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_f11_what_died_when_the_clock_jumped_ahead_is_not_revived_when_it_returns(
    web: WebDoor, amy: User, client: Any, clock: Clock, jump: timedelta
) -> None:
    now = timezone.now()
    web.sign_in(amy)
    _, text = token_and_text(user=amy, expires=now + timedelta(hours=1))
    headers = {"authorization": f"Bearer {text}"}
    assert client.get("/api/v1/me/", headers=headers).status_code == 200
    clock.move_to(now + jump)
    assert not web.signed_in
    assert client.get("/api/v1/me/", headers=headers).status_code == 401
    clock.move_to(now + SECOND)
    assert not web.signed_in
    assert client.get("/api/v1/me/", headers=headers).status_code == 401
    assert client.post("/system/whoami", b"{}", content_type="application/json", headers=headers).status_code == 401
    assert web.sign_in(amy).signed_in


def test_f11_when_the_clock_goes_back_nothing_lives_longer_than_its_limit_and_the_jump(web: WebDoor, amy: User, clock: Clock) -> None:
    now, jump = timezone.now(), timedelta(hours=2)
    web.sign_in(amy)
    clock.move_to(now - jump)
    assert web.signed_in
    clock.move_to(now + IDLE)
    assert not web.signed_in


def test_f11_a_session_that_was_begun_years_ahead_ends_when_the_clock_returns(web: WebDoor, amy: User, clock: Clock) -> None:
    now = timezone.now()
    clock.move_to(now + JUMPS["2039"])
    assert web.sign_in(amy).signed_in
    clock.move_to(now)
    assert not web.signed_in
    assert timedelta(seconds=SESSION_LIFE_SECONDS) < JUMPS["2039"]


def wrong_passwords(web: WebDoor, user: User, times: int = 6) -> Any:
    answers = [web.send("/login/", {"username": user.username, "password": f"wrong and longer {n}"}) for n in range(times)]
    return answers[-1]


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_f11_a_wait_that_began_in_the_future_lasts_as_long_as_waits_last(web: WebDoor, amy: User, clock: Clock, jump: timedelta) -> None:
    now = timezone.now()
    clock.move_to(now + jump)
    assert wrong_passwords(web, amy).status_code == 429
    clock.move_to(now)
    refused = web.send("/login/", {"username": amy.username, "password": PASSWORD})
    assert refused.status_code == 429
    assert 0 < int(refused["Retry-After"]) <= LONGEST_WAIT_SECONDS
    # It began once: whoever asks again and again does not make it longer.
    clock.shift(int(refused["Retry-After"]) - 1)
    assert web.send("/login/", {"username": amy.username, "password": PASSWORD}).status_code == 429
    clock.shift(1)
    assert web.sign_in(amy).signed_in


def test_f11_going_back_makes_no_wait_shorter_than_it_was(web: WebDoor, amy: User, clock: Clock) -> None:
    assert wrong_passwords(web, amy).status_code == 429
    clock.shift(-timedelta(hours=2))
    for _ in range(2):
        clock.shift(FIRST_WAIT_SECONDS // 2 - 1)
        assert web.send("/login/", {"username": amy.username, "password": PASSWORD}).status_code in (302, 429)
    clock.shift(LONGEST_WAIT_SECONDS)
    assert web.sign_in(amy).signed_in


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_f11_a_wait_for_codes_that_began_in_the_future_ends(web: WebDoor, amy: User, clock: Clock, jump: timedelta) -> None:
    turned_on(amy)
    now = timezone.now()
    clock.move_to(now + jump)
    for _ in range(2):  # five in one login end it
        web.send("/login/", {"username": amy.username, "password": PASSWORD})
        for _ in range(3):
            web.send("/login/verify/", {"otp": wrong_code()})
    clock.move_to(now)
    web.send("/login/", {"username": amy.username, "password": PASSWORD})
    assert web.send("/login/verify/", {"otp": code()}).status_code == 429
    clock.shift(timedelta(minutes=5))
    assert web.send("/login/verify/", {"otp": code()}).status_code == 302


@pytest.mark.parametrize("jump", [timedelta(hours=2), -timedelta(hours=2), DAY], ids=["+2 h", "-2 h", "+1 day"])
def test_f11_a_code_that_was_used_stays_used_wherever_the_clock_goes(browsers: Browsers, amy: User, clock: Clock, jump: timedelta) -> None:
    turned_on(amy)
    now, used = timezone.now(), code()
    assert _with_code(browsers(), amy, used) == 302
    clock.move_to(now + jump)
    _with_code(browsers(), amy, code())
    clock.move_to(now + SECOND)
    assert _with_code(browsers(), amy, used) == 401


def _with_code(web: WebDoor, user: User, typed: str) -> int:
    web.send("/login/", {"username": user.username, "password": PASSWORD})
    return int(web.send("/login/verify/", {"otp": typed}).status_code)


def test_f11_a_login_goes_on_at_a_server_whose_clock_is_behind(web: WebDoor, amy: User, clock: Clock) -> None:
    turned_on(amy)
    clock.shift(AHEAD_SECONDS)
    web.send("/login/", {"username": amy.username, "password": PASSWORD})
    clock.shift(-AHEAD_SECONDS)
    assert web.send("/login/verify/", {"otp": code()}).status_code == 302


def test_f11_no_page_tells_an_age_below_zero(browsers: Browsers, client: Any, amy: User, clock: Clock) -> None:
    now, web, other = timezone.now(), browsers(), browsers()
    clock.move_to(now + timedelta(hours=2))
    _, text = token_and_text(user=amy)
    client.get("/api/v1/me/", headers={"authorization": f"Bearer {text}"})
    other.sign_in(amy)
    clock.move_to(now)
    web.sign_in(amy)
    pages = ["/security/", "/security/sessions/", "/profile/", "/profile/tokens/", "/security/history/"]
    told = "".join(web.get(page).content.decode() for page in pages)
    assert "just now" in told
    assert not AGE_AHEAD.search(told)


@pytest.mark.parametrize("change", [datetime(2026, 10, 25, 1), datetime(2027, 3, 28, 1)], ids=["autumn", "spring"])
def test_f11_when_summer_time_begins_or_ends_a_limit_is_as_long_as_ever(web: WebDoor, amy: User, settings: Any, change: datetime) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    with time_machine.travel(change.replace(tzinfo=timezone.get_fixed_timezone(0)) - timedelta(minutes=5), tick=False) as clock:
        web.sign_in(amy)
        clock.shift(IDLE - SECOND)
        assert web.signed_in
        clock.shift(IDLE)
        assert not web.signed_in


@pytest.fixture
def two_clocks(houses: Callable[..., House], tmp_path: Path) -> tuple[House, House]:
    """Two servers on one database; the clock of the second is 90 seconds ahead."""
    # Not by libfaketime: with it either time.sleep() or Event.wait() of Python 3.11 fails, for both wait by the monotonic clock.
    (tmp_path / "ahead").mkdir()
    (tmp_path / "ahead" / "sitecustomize.py").write_text(AHEAD)
    return houses(), houses(PYTHONPATH=str(tmp_path / "ahead"))


def at(house: House, visitor: Visitor) -> Visitor:
    """The same browser, at another server."""
    visitor.url = house.url
    return visitor


@pytest.mark.faults
def test_f11_two_servers_whose_clocks_disagree_sign_nobody_out_and_end_what_is_ended(two_clocks: tuple[House, House]) -> None:
    right, ahead = two_clocks
    Visitor(ahead.url).sign_in("ben")
    assert right.rows("SELECT 1 FROM accounts_session WHERE created > now() + interval '60 seconds'")
    for first, second in ((right, ahead), (ahead, right)):
        visitor = Visitor(first.url).sign_in("amy")
        for _ in range(10):
            assert at(second, visitor).signed_in
            assert at(first, visitor).signed_in
        token = at(first, visitor).make_token(f"made at {first.port}")
        assert with_token(second.url, token).status == 200
        pages = "".join(at(house, visitor).get(page).text for house in two_clocks for page in ("/security/sessions/", "/profile/tokens/"))
        assert not AGE_AHEAD.search(pages)
        at(first, visitor).form("/logout/", at="/profile/")
        assert not at(second, visitor).signed_in
        assert not at(first, visitor).signed_in


@pytest.mark.faults
def test_f11_a_wait_and_a_login_go_from_one_clock_to_the_other(two_clocks: tuple[House, House]) -> None:
    right, ahead = two_clocks
    for house, other in ((ahead, right), (right, ahead)):
        name = house.person()
        for n in range(6):
            Visitor(house.url).form("/login/", {"username": name, "password": f"wrong and longer {n}"})
        assert Visitor(house.url).form("/login/", {"username": name, "password": DEMO_PASSWORD}).status == 429
        typed = {"username": name, "password": DEMO_PASSWORD}
        until(lambda: Visitor(other.url).form("/login/", typed).status == 302, seconds=60, what="the end of the wait")  # noqa: B023
    visitor = Visitor(ahead.url)
    visitor.form("/login/", {"username": "cleo", "password": DEMO_PASSWORD})
    assert at(right, visitor).form("/login/verify/", {"otp": app_code()}).status == 302
    assert at(ahead, visitor).signed_in
    assert_holds(right)
