"""What counts once counts once, though 16 use it at the same moment at two servers, on either database (F14)."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.aftermath import assert_discreet, assert_holds, failure_counts
from tests.faults.conftest import DATABASE
from tests.faults.pairs import at_once, beside, code_at, form_at, new_backup_codes, stopped_login, with_code
from tests.journeys.house import NEW_PASSWORD, PASSWORD, Database, House, house_on
from tests.journeys.visitor import Answer, Visitor, dx_call
from twofactor import totp

pytestmark = pytest.mark.faults

USES = 16
NAME, MAIL = "cleo", "cleo@example.com"
REFUSED = {401, 410, 429}
LEFT = (
    "SELECT count(*) FROM twofactor_backupcode c JOIN accounts_user u ON u.id = c.user_id WHERE u.username = 'cleo' AND c.used_at IS NULL"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[House]]:
    """Two servers on one database."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            (tmp_path / "house").mkdir()
            database, settings = request.getfixturevalue("plan").copy(tmp_path / "house"), {}
            stack.callback(database.drop)
        else:
            database = Database(request.getfixturevalue("postgres").url(DATABASE))
            settings = {"CACHE_URL": request.getfixturevalue("redis_server").url}
        yield [stack.enter_context(house_on(database, tmp_path / "house", **settings)) for _ in range(2)]


def assert_one(answers: list[Answer], house: House, *, success: int = 302) -> None:
    """Fail unless exactly one succeeded and all others were refused in plain words, and both servers hold."""
    statuses = sorted(answer.status for answer in answers)
    assert [status for status in statuses if status not in REFUSED] == [success], statuses
    assert_discreet(answers)
    assert not re.search("deadlock|database is locked", house.log)


def sessions_of(house: House) -> int:
    return house.count("accounts_session", NAME)


def test_f14_16_uses_of_one_backup_code_open_one_session(pair: list[House]) -> None:
    step = totp.step_now()
    code, *_ = new_backup_codes(with_code(pair[0], NAME, code_at(step - 1)), code_at(step))
    left, sessions = pair[0].rows(LEFT)[0][0], sessions_of(pair[0])
    browsers = [form_at(stopped_login(pair[n % 2], NAME), "/login/verify/") for n in range(USES)]
    answers = at_once([lambda send=send: send({"otp": code}) for send in browsers])  # type: ignore[misc]
    assert_one(answers, pair[0])
    assert pair[0].rows(LEFT)[0][0] == left - 1
    assert sessions_of(pair[0]) == sessions + 1
    assert_holds(pair[1], counted=failure_counts(pair[0]))


def test_f14_16_uses_of_one_code_of_the_app_on_pages_and_by_dx_let_in_once(pair: list[House]) -> None:
    code = code_at(totp.step_now())
    browsers = [form_at(stopped_login(pair[n % 2], NAME), "/login/verify/") for n in range(USES // 2)]
    pages = [lambda send=send: send({"otp": code}) for send in browsers]
    body = {"username": NAME, "password": PASSWORD, "otp": code}
    logins = [lambda house=house: dx_call(house.url, "system/newAuthToken", body) for house in pair * (USES // 4)]
    answers = at_once([*pages, *logins])
    assert len([answer for answer in answers if answer.status in (200, 302)]) == 1, [answer.status for answer in answers]
    assert {answer.status for answer in answers} <= REFUSED | {200, 302}
    assert_discreet(answers)
    assert sessions_of(pair[0]) + pair[0].count("tokens_token", NAME) == 1
    assert_holds(pair[1])


def test_f14_one_stopped_login_finished_16_times_with_different_codes_opens_one_session(pair: list[House]) -> None:
    step = totp.step_now()
    codes = new_backup_codes(with_code(pair[0], NAME, code_at(step - 1)), code_at(step))
    left, sessions = pair[0].rows(LEFT)[0][0], sessions_of(pair[0])
    visitor = stopped_login(pair[0], NAME)
    tabs = [form_at(beside(visitor, pair[n % 2]), "/login/verify/") for n in range(USES)]
    typed = [codes[n % len(codes)] for n in range(USES)]
    answers = at_once([lambda send=send, code=code: send({"otp": code}) for send, code in zip(tabs, typed, strict=True)])  # type: ignore[misc]
    passed = [answer for answer in answers if answer.status == 302 and not answer.location.startswith("/login/")]
    assert len(passed) == 1, [(answer.status, answer.location) for answer in answers]
    assert {answer.status for answer in answers} <= REFUSED | {302}
    assert pair[0].rows(LEFT)[0][0] == left - 1
    assert sessions_of(pair[0]) == sessions + 1
    assert_holds(pair[1])


def test_f14_one_reset_link_used_16_times_sets_one_password(pair: list[House]) -> None:
    Visitor(pair[0].url).form("/password/reset/", {"email": MAIL})
    link = path_in(pair[0].mail(MAIL, "Reset your"), "/password/reset/")
    browsers = []
    for n in range(USES):
        visitor = Visitor(pair[n % 2].url)
        browsers.append(form_at(visitor, visitor.get(link).location))
    chosen = [f"{NEW_PASSWORD} {n}" for n in range(USES)]
    answers = at_once(
        [lambda send=send, new=new: send({"new_password1": new, "new_password2": new}) for send, new in zip(browsers, chosen, strict=True)]  # type: ignore[misc]
    )
    assert_one(answers, pair[0])
    (winner,) = [new for new, answer in zip(chosen, answers, strict=True) if answer.status == 302]
    stopped_login(pair[1], NAME, winner)
    assert pair[0].rows("SELECT count(*) FROM accounts_securityevent WHERE event = 'password.reset'") == [(1,)]
    assert_holds(pair[1])


def test_f14_one_confirmation_link_used_16_times_moves_the_address_once(pair: list[House]) -> None:
    Visitor(pair[0].url).sign_in("amy").form("/security/email/", {"email": "amy@new.example.com", "current_password": PASSWORD})
    link = path_in(pair[0].mail("amy@new.example.com", "Confirm your"), "/email/confirm/")
    browsers = [form_at(Visitor(pair[n % 2].url), link) for n in range(USES)]
    assert_one(at_once([lambda send=send: send({}) for send in browsers]), pair[0])  # type: ignore[misc]
    assert pair[0].rows("SELECT count(*) FROM accounts_securityevent WHERE event = 'email.changed'") == [(1,)]
    assert_holds(pair[1])


def path_in(text: str, path: str) -> str:
    found = re.search(rf"{path}\S+", text)
    assert found is not None, text
    return found[0]
