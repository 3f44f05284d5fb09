"""A server killed at the end of a login: code and session, or code and token, are there together or not at all (F02)."""

import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPException

import pytest

from config.demo import TOTP_SECRET
from tests.faults.aftermath import assert_holds, failure_counts
from tests.journeys.house import PASSWORD, House, until
from tests.journeys.visitor import Answer, Visitor, dx_call
from twofactor import totp

pytestmark = pytest.mark.faults

COMES_BACK_SECONDS = 10
SWEPT_SECONDS = 90
CODES = "/security/2fa/backup-codes/"
BEFORE, AFTER = "login.opened", "login.committed"  # on either side of the one commit
OPENED = ("tokens_token", "accounts_session")
SPENT = {
    "code": "SELECT last_step > 0 FROM twofactor_authenticator JOIN accounts_user u ON u.id = user_id WHERE u.username = 'cleo'",
    "backup code": "SELECT used_at IS NOT NULL FROM twofactor_backupcode b JOIN accounts_user u ON u.id = b.user_id"
    " WHERE u.username = 'cleo' ORDER BY used_at IS NULL LIMIT 1",
}


def by_page(house: House, name: str, typed: str | None) -> Answer:
    visitor = Visitor(house.url)
    answer = visitor.form("/login/", {"username": name, "password": PASSWORD})
    return answer if typed is None else visitor.form("/login/verify/", {"otp": typed})


def by_dx(house: House, name: str, typed: str | None) -> Answer:
    otp = {} if typed is None else {"otp": typed}
    return dx_call(house.url, "system/newAuthToken", {"username": name, "password": PASSWORD, **otp})


Door = Callable[[House, str, str | None], Answer]
DOORS: tuple[Door, ...] = (by_page, by_dx)


def app_code(steps: int = 0) -> str:
    """Return the code of now in cleo's app, whose key the demo publishes, or of so many steps later."""
    return totp.code_at(base64.b32decode(TOTP_SECRET), totp.step_now() + steps)


def with_backup_codes(house: House) -> str:
    """Give cleo new backup codes by the page, end that session, and return one of them."""
    visitor = Visitor(house.url)
    visitor.form("/login/", {"username": "cleo", "password": PASSWORD})
    assert visitor.form("/login/verify/", {"otp": app_code()}).status == 302
    unspend(house)
    assert visitor.form(CODES, {"current_password": PASSWORD, "otp": app_code()}).status == 302
    unspend(house)
    written = visitor.form(CODES, {"do": "download"}).text
    found = re.search(r"\b[2-9a-z]{4}[- ][2-9a-z]{4}[- ][2-9a-z]{4}\b", written)
    assert found is not None, written
    assert visitor.form("/logout/", at="/security/").status == 302
    return found[0]


def unspend(house: House) -> None:
    house.database.execute("UPDATE twofactor_authenticator SET last_step = -1")


def opened(house: House, name: str) -> int:
    return sum(house.count(table, name) for table in OPENED)


def dies(act: Callable[[], Answer]) -> None:
    with pytest.raises((OSError, HTTPException)):
        act()


def start_soundly(house: House) -> None:
    """Start it again, without the point at which it died."""
    house.stop()
    house.settings.clear()
    house.start()


@pytest.mark.parametrize("door", DOORS)
def test_f02_killed_before_its_commit_a_login_has_opened_nothing(dying_house: Callable[[str], House], door: Door) -> None:
    house = dying_house(BEFORE)
    counted = failure_counts(house)
    dies(lambda: door(house, "amy", None))
    until(house.answers, seconds=COMES_BACK_SECONDS, what="a new web process")
    assert opened(house, "amy") == 0
    assert house.rows("SELECT count(*) FROM accounts_securityevent WHERE event = 'login.passed'") == [(0,)]
    start_soundly(house)
    assert door(house, "amy", None).status in (200, 302)
    assert_holds(house, counted=counted)


def dies_and_then_counts_once(house: House, door: Door, typed: str, kind: str) -> None:
    dies(lambda: door(house, "cleo", typed))
    until(house.answers, seconds=COMES_BACK_SECONDS, what="a new web process")
    assert not house.rows(SPENT[kind])[0][0]
    assert opened(house, "cleo") == 0
    start_soundly(house)
    assert door(house, "cleo", typed).status in (200, 302)
    assert house.rows(SPENT[kind])[0][0]
    assert opened(house, "cleo") == 1
    assert door(house, "cleo", typed).status == 401
    assert opened(house, "cleo") == 1
    assert_holds(house)


@pytest.mark.parametrize("door", DOORS)
def test_f02_killed_before_its_commit_a_code_is_not_used_and_then_counts_once(dying_house: Callable[[str], House], door: Door) -> None:
    house, typed = dying_house(BEFORE), app_code()
    dies_and_then_counts_once(house, door, typed, "code")


@pytest.mark.parametrize("door", DOORS)
def test_f02_killed_before_its_commit_a_backup_code_is_not_used_and_then_counts_once(
    dying_house: Callable[[str], House], door: Door
) -> None:
    house = dying_house("nothing")
    typed = with_backup_codes(house)
    house.stop()
    house.settings["FAILPOINTS"] = f"{BEFORE}=kill"
    house.start()
    dies_and_then_counts_once(house, door, typed, "backup code")


@pytest.mark.parametrize("door", DOORS)
def test_f02_killed_after_its_commit_a_code_is_used_opens_nothing_more_and_the_next_one_lets_in(
    dying_house: Callable[[str], House], door: Door
) -> None:
    house, typed = dying_house(AFTER), app_code()
    dies(lambda: door(house, "cleo", typed))
    until(house.answers, seconds=COMES_BACK_SECONDS, what="a new web process")
    assert house.rows(SPENT["code"])[0][0]
    assert opened(house, "cleo") == 1
    start_soundly(house)
    assert door(house, "cleo", typed).status == 401
    assert opened(house, "cleo") == 1
    assert door(house, "cleo", app_code(steps=1)).status in (200, 302)
    assert opened(house, "cleo") == 2
    assert_holds(house)


def test_f02_a_session_that_nobody_holds_is_swept_after_its_idle_limit(dying_house: Callable[[str], House]) -> None:
    house = dying_house(AFTER)
    dies(lambda: by_page(house, "amy", None))
    start_soundly(house)
    assert house.count("accounts_session", "amy") == 1
    house.database.execute(f"UPDATE accounts_session SET last_activity = '{house.moment(datetime.now(UTC) - timedelta(hours=1))}'")  # noqa: S608
    until(lambda: house.count("accounts_session", "amy") == 0, seconds=SWEPT_SECONDS, what="the sweeper")
    assert_holds(house)
