"""The second step of a login, on the page and by dx: when it is asked for, what counts, how often one may be wrong (OTP, BKP, CLI)."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import stopped
from accounts.errors import StepRefused, TooManyAttempts
from accounts.models import OutboxMail, SecurityEvent, Session, User
from tests.conftest import Race, WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.projects.factories import project_of
from tests.test_docs import routes
from tests.tokens.doors import dx
from tests.twofactor.factories import code, turned_on, wrong_code
from tokens.models import Token
from twofactor import budget, checking, limits
from twofactor.models import Authenticator, BackupCode, WrongCode

pytestmark = pytest.mark.django_db
LOGIN, VERIFY, NEW = "/login/", "/login/verify/", "/system/newAuthToken"


@pytest.fixture
def codes(amy: User, clock: Any) -> list[str]:
    """The backup codes of amy, who turned it on."""
    return turned_on(amy)


def password(web: WebDoor, secret: str = PASSWORD) -> Any:
    return web.send(LOGIN, {"username": "amy", "password": secret, "next": "/"})


def verify(web: WebDoor, typed: str) -> Any:
    return web.send(VERIFY, {"otp": typed})


def dx_login(typed: str | None, secret: str = PASSWORD) -> tuple[int, str]:
    dx_login.number += 1  # type: ignore[attr-defined]  # no body is the same as one before
    answer = dx(NEW, {"username": "amy", "password": secret, "otp": typed, "expires": 1_900_000_000_000 + dx_login.number})  # type: ignore[attr-defined]
    return answer.status_code, answer.json().get("error", {}).get("type", "")


dx_login.number = 0  # type: ignore[attr-defined]


def shown(answer: Any) -> str:
    """Return the page without what differs each time."""
    page: str = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"|\d{13}-\d{1,6}', "", answer.getvalue().decode())
    return page


def test_the_code_is_asked_for_after_the_right_password_alone_and_opens_a_marked_session(web: WebDoor, codes: list[str]) -> None:
    assert password(web, "not the password").status_code == 401
    assert password(web)["Location"] == VERIFY
    assert not Session.objects.exclude(user=None).exists()
    page = web.get(VERIFY).content.decode()
    assert "for amy" in page
    assert "you have 10 left" in page
    assert verify(web, code())["Location"] == "/"
    assert web.signed_in
    session = Session.objects.get(user__username="amy")
    assert session.second_factor_at is not None
    event = SecurityEvent.objects.get(event="login.passed")
    assert event.data["how"] == "password and code"


@pytest.mark.parametrize(
    ("secret", "typed", "expected"),
    [
        ("x", None, "UsernameOrPasswordError"), ("x", "wrong", "UsernameOrPasswordError"), ("x", "right", "UsernameOrPasswordError"),
        (PASSWORD, None, "OTPRequiredError"), (PASSWORD, "", "OTPRequiredError"), (PASSWORD, "wrong", "OTPMismatchError"),
        (PASSWORD, "right", ""), (PASSWORD, "backup", ""),
    ],
)  # fmt: skip
def test_cli_03_dx_asks_for_it_after_the_right_password_alone(codes: list[str], secret: str, typed: str | None, expected: str) -> None:
    given = {"right": code(), "wrong": wrong_code(), "backup": codes[0]}.get(typed or "", typed)
    assert dx_login(given, secret) == (401 if expected else 200, expected)
    assert Token.objects.exists() == (not expected)
    assert WrongCode.objects.exists() == (expected == "OTPMismatchError")


def test_otp_02_a_code_counts_once_over_all_doors_and_so_does_an_earlier_one(
    web: WebDoor, browsers: Callable[[], WebDoor], codes: list[str]
) -> None:
    earlier = code(-1)
    assert dx_login(code())[0] == 200
    password(web)
    assert verify(web, code()).status_code == 401
    assert verify(web, earlier).status_code == 401
    assert dx_login(code()) == (401, "OTPMismatchError")
    assert not web.signed_in


def test_bkp_03_a_backup_code_counts_once_is_mailed_and_counted_down(
    web: WebDoor, browsers: Callable[[], WebDoor], amy: User, codes: list[str]
) -> None:
    password(web)
    assert verify(web, codes[0].upper().replace("-", " ")).status_code == 302
    mail = OutboxMail.objects.get(subject__startswith="A backup code")
    assert "9 backup codes left" in mail.text
    assert codes[0] not in mail.text
    assert SecurityEvent.objects.get(event="backup-code.used").data == {"left": 9}
    other = browsers()
    password(other)
    assert verify(other, codes[0]).status_code == 401
    assert dx_login(codes[0]) == (401, "OTPMismatchError")
    assert dx_login(codes[1])[0] == 200
    assert BackupCode.objects.of(amy).left().count() == 8


def test_at_three_backup_codes_left_the_page_warns(web: WebDoor, amy: User, codes: list[str]) -> None:
    keep = BackupCode.objects.of(amy).order_by("pk").values_list("pk", flat=True)
    BackupCode.objects.filter(pk__in=list(keep)[4:]).update(used_at=timezone.now())
    password(web)
    verify(web, code())
    assert "You have" not in web.get("/security/").content.decode()
    BackupCode.objects.of(amy).left().order_by("pk")[:1].get().delete()
    assert "You have 3 backup codes left" in web.get("/security/").content.decode()
    BackupCode.objects.of(amy).update(used_at=timezone.now())
    assert "You have no backup codes left" in web.get("/security/").content.decode()


def test_otp_05_whatever_is_wrong_with_a_single_code_the_answer_is_the_same(
    browsers: Callable[[], WebDoor], amy: User, codes: list[str]
) -> None:
    first = browsers()
    password(first)
    used = code()
    verify(first, used)
    spent = codes[0]
    BackupCode.objects.of(amy).filter(pk=BackupCode.objects.of(amy).earliest("pk").pk).update(used_at=timezone.now())
    pages = set()
    for typed in (wrong_code(), code(-8), used, spent, "nonsense", "k7fm-2qxr-9tbd", code(10)):
        WrongCode.objects.all().delete()
        Authenticator.objects.update(missed_step=None, missed_at=None)
        web = browsers()
        password(web)
        answer = verify(web, typed)
        assert answer.status_code == 401
        pages.add(shown(answer))
    assert len(pages) == 1


@pytest.mark.parametrize("path", ["/security/2fa/disable/", "/security/2fa/backup-codes/", "/security/password/", "/profile/tokens/new/"])
def test_otp_05_at_every_form_that_asks_for_a_code_the_answer_is_the_same_too(
    web: WebDoor, amy: User, codes: list[str], clock: Any, path: str
) -> None:
    project_of(amy, phi=True)
    password(web)
    verify(web, codes[0])
    clock.shift(601)
    new = {"new_password1": "a longer passphrase", "new_password2": "a longer passphrase", "label": "phi", "expires": "30", "access": "all"}
    pages = set()
    for typed in (wrong_code(), code(-8), codes[0], "nonsense", "k7fm-2qxr-9tbd", code(10)):
        WrongCode.objects.all().delete()
        Authenticator.objects.update(missed_step=None, missed_at=None)
        answer = web.send(path, {"current_password": PASSWORD, "otp": typed, **new})
        assert answer.status_code == 401
        # Account Security, behind the dialog of Turn Off, lists what was recorded a moment ago.
        pages.add(re.sub(r"\s*<li><time.*?</li>\s*", "", shown(answer), flags=re.DOTALL))
    assert len(pages) == 1


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (-8, "4 minutes old: the phone&#x27;s clock is about 4 minutes slow"),
        (10, "5 minutes early: the phone&#x27;s clock is about 5 minutes fast"),
    ],
)
def test_otp_05_two_codes_in_a_row_of_the_same_drift_name_it_and_open_nothing(
    web: WebDoor, codes: list[str], clock: Any, steps: int, said: str
) -> None:
    password(web)
    assert "clock" not in shown(verify(web, code(steps)))
    clock.shift(60)
    answer = verify(web, code(steps))
    assert answer.status_code == 401
    assert said in shown(answer)
    assert not web.signed_in
    assert WrongCode.objects.count() == 2
    assert Authenticator.objects.get().last_step == -1


@pytest.mark.parametrize("case", ["random between", "same code twice", "another drift", "too late", "too far", "ten minutes off"])
def test_otp_05_the_drift_is_not_named_otherwise(web: WebDoor, codes: list[str], clock: Any, case: str) -> None:
    password(web)
    steps = {"too far": -11, "ten minutes off": -20}.get(case, -8)
    first = code(steps)
    verify(web, first)
    clock.shift({"too late": 590, "same code twice": 0}.get(case, 30))
    if case == "too late":
        clock.shift(30)
        password(web)
    if case == "random between":
        verify(web, wrong_code())
    typed = {"same code twice": first, "another drift": code(5)}.get(case, code(steps))
    assert "clock" not in shown(verify(web, typed))


def test_otp_04_five_wrong_codes_end_the_login_and_over_five_logins_the_right_one_is_refused(
    browsers: Callable[[], WebDoor], codes: list[str]
) -> None:
    web = browsers()
    password(web)
    for _ in range(4):
        assert verify(web, wrong_code()).status_code == 401
    assert verify(web, wrong_code())["Location"] == "/login/?why=codes"
    assert web.get(VERIFY)["Location"] == LOGIN
    other = browsers()
    password(other)
    answer = verify(other, code())
    assert answer.status_code == 429
    assert int(answer["Retry-After"]) <= 300
    assert dx_login(codes[0]) == (401, "TooManyAttempts")
    assert not other.signed_in


@pytest.mark.parametrize("wrong", ["app", "backup"])
def test_otp_04_five_logins_from_five_addresses_have_one_budget(browsers: Callable[[], WebDoor], codes: list[str], wrong: str) -> None:
    answers = []
    for number, typed in enumerate([wrong_code() if wrong == "app" else "k7fm-2qxr-9tbd"] * 5 + [code(), codes[0]]):
        web = browsers()
        web.defaults["REMOTE_ADDR"] = f"198.51.100.{number}"
        password(web)
        answers.append(verify(web, typed).status_code)
    assert answers == [401] * 5 + [429] * 2
    assert dx_login(code()) == (401, "TooManyAttempts")


@pytest.mark.parametrize("door", ["page", "dx"])
@pytest.mark.parametrize("kind", ["two steps old", "two steps early", "fullwidth", "arabic", "signed", "spaced out"])
def test_otp_03_only_six_ascii_digits_of_three_steps_are_right_at_every_door(web: WebDoor, codes: list[str], door: str, kind: str) -> None:
    right = code()
    typed = {
        "two steps old": code(-2), "two steps early": code(2), "fullwidth": right.translate({48 + n: 0xFF10 + n for n in range(10)}),
        "arabic": right.translate({48 + n: 0x660 + n for n in range(10)}), "signed": f"+{right}", "spaced out": f" {right[:3]} {right[3:]}",
    }[kind]  # fmt: skip
    if door == "page":
        password(web)
    status = verify(web, typed).status_code if door == "page" else dx_login(typed)[0]
    assert status == ((302 if door == "page" else 200) if kind == "spaced out" else 401)


def test_otp_04_thirty_wrong_codes_fit_into_a_day_whoever_tries_and_the_last_one_is_mailed(amy: User, codes: list[str], clock: Any) -> None:
    counted = 0
    end = timezone.now() + timedelta(hours=24)
    while timezone.now() < end:
        try:
            taken = budget.take(amy)
            counted += 1
            assert taken.is_last == (counted == limits.WRONG_CODES_A_DAY)
        except TooManyAttempts as refusal:
            clock.shift(refusal.retry_after or 0)
    assert counted == 30
    assert 3 * 30 / 1_000_000 < 1 / 10_000


def test_the_thirtieth_wrong_code_of_a_day_is_told_by_mail(web: WebDoor, amy: User, codes: list[str]) -> None:
    at = timezone.now() - timedelta(hours=12)
    WrongCode.objects.bulk_create(WrongCode(user=amy, at=at + timedelta(minutes=20 * number)) for number in range(29))
    password(web)
    assert verify(web, wrong_code()).status_code == 401
    assert verify(web, code()).status_code == 429
    mail = OutboxMail.objects.get(subject__startswith="Somebody tries codes")
    assert "30 wrong codes" in mail.text
    assert SecurityEvent.objects.filter(event="codes.locked", subject=amy).count() == 1


def test_a_right_code_costs_nothing_of_the_budget_and_clears_the_failures_of_the_password(
    web: WebDoor, codes: list[str], clock: Any
) -> None:
    for secret in ("wrong one", "wrong two"):
        password(web, secret)
    password(web)
    verify(web, code())
    assert WrongCode.objects.count() == 0
    assert SecurityEvent.objects.filter(event="login.passed").get().data["failures_before"] == 2


def test_log_13_a_login_that_stops_at_the_code_is_told_after_ten_minutes_and_one_that_goes_on_is_not(
    browsers: Callable[[], WebDoor], amy: User, codes: list[str], clock: Any
) -> None:
    web = browsers()
    password(web)
    verify(web, code())
    clock.shift(601)
    assert stopped.report_due() == 0
    password(browsers())
    dx_login(None)
    clock.shift(599)
    assert stopped.report_due() == 0
    clock.shift(2)
    assert (stopped.report_due(), stopped.report_due()) == (2, 0)
    assert OutboxMail.objects.filter(subject="Somebody had your Gatehouse password, and did not get in").count() == 2
    doors = SecurityEvent.objects.filter(event="login.stopped", subject=amy).values_list("door", flat=True)
    assert set(doors) == {"web", "dx"}


def test_log_09_between_password_and_code_every_address_answers_as_to_a_stranger(
    web: WebDoor, browsers: Callable[[], WebDoor], codes: list[str]
) -> None:
    password(web)
    stranger, differing = browsers(), set()
    for route in routes():
        address = re.sub(r"<\w+>", "x", route)
        if "^" in address or address.startswith("/transfers/"):
            continue
        mine, theirs = web.get(address), stranger.get(address)
        if (mine.status_code, mine.get("Location"), shown(mine)) != (theirs.status_code, theirs.get("Location"), shown(theirs)):
            differing.add(address)
    assert differing == {"/login/verify/"}
    assert dx("/system/whoami", client=web).status_code == 401
    assert verify(web, code())["Location"] == "/"


def sixteen_uses(race: Race, typed: str) -> None:
    """Use one code in eight browsers and eight calls of dx at once; fail unless exactly one of them lets in."""
    browsers = [WebDoor() for _ in range(8)]
    for web in browsers:
        password(web)
    number = iter(range(1000))

    def use(runner: int) -> bool:
        if runner < 8:
            return bool(verify(browsers[runner], typed).status_code == 302)
        body = {"username": "amy", "password": PASSWORD, "otp": typed, "expires": 1_900_000_000_000 + next(number)}
        return bool(dx(NEW, body).status_code == 200)

    outcomes = race(16, use)
    assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
    assert sum(outcomes) == 1
    assert Session.objects.exclude(user=None).count() + Token.objects.count() == 1


@pytest.mark.race
def test_otp_02_of_sixteen_uses_of_one_code_at_once_one_wins(race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twofactor.limits.WRONG_CODES", ((100, timedelta(days=1)),))
    turned_on(UserFactory(username="amy"))
    sixteen_uses(race, code())


@pytest.mark.race
def test_bkp_02_of_sixteen_uses_of_one_backup_code_at_once_one_wins(race: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twofactor.limits.WRONG_CODES", ((100, timedelta(days=1)),))
    user = UserFactory(username="amy")
    sixteen_uses(race, turned_on(user)[0])
    assert BackupCode.objects.of(user).left().count() == 9


@pytest.mark.race
def test_otp_04_of_many_wrong_codes_at_once_five_are_looked_at(race: Race) -> None:
    user = UserFactory(username="amy")
    turned_on(user)

    def take(_: int) -> bool:
        try:
            budget.take(user)
        except TooManyAttempts:
            return False
        return True

    assert sum(race(16, take)) == 5


def test_a_ticket_that_is_not_spent_uses_nothing_up(amy: User, codes: list[str]) -> None:
    for typed in (code(), codes[0]):
        assert checking.check(amy, typed, actor())
        assert Authenticator.objects.get().last_step == -1
        assert BackupCode.objects.of(amy).left().count() == 10


@pytest.mark.parametrize("kind", ["app", "backup"])
def test_of_two_tickets_for_one_code_the_first_that_is_spent_counts(amy: User, codes: list[str], kind: str) -> None:
    typed = code() if kind == "app" else codes[0]
    first, second = checking.check(amy, typed, actor()), checking.check(amy, typed, actor())
    second.spend()
    with pytest.raises(StepRefused):
        first.spend()
    assert WrongCode.objects.count() == 0


def test_trying_again_does_not_put_the_notice_off(web: WebDoor, amy: User, codes: list[str], clock: Any) -> None:
    password(web)
    clock.shift(540)
    password(web)
    clock.shift(61)
    assert stopped.report_due() == 1


def test_the_same_body_after_a_named_drift_is_refused_in_the_same_words_and_counted_once(codes: list[str], clock: Any) -> None:
    dx_login(code(-8))
    clock.shift(30)
    body = {"username": "amy", "password": PASSWORD, "otp": code(-8), "expires": 1_900_000_500_000}
    said = [dx(NEW, body).json()["error"]["message"] for _ in range(3)]
    assert "4 minutes slow" in said[0]
    assert len(set(said)) == 1
    assert WrongCode.objects.count() == 2


@pytest.mark.parametrize("kind", ["app", "backup"])
def test_a_code_with_something_far_behind_it_is_no_code(web: WebDoor, codes: list[str], kind: str) -> None:
    password(web)
    assert verify(web, (code() if kind == "app" else codes[0]) + " " * 50 + "x").status_code == 401
