"""Setting it up, step by step: what each step wants, what a reload, a second tab and a second send do, when it is on (S6.1 to S6.4)."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.errors import StaleProof
from accounts.models import OutboxMail, SecurityEvent, Session, User
from tests.conftest import Race, WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.tokens.doors import dx, rest
from tests.tokens.factories import TokenFactory, token_and_text
from tests.twofactor.factories import code, turned_on
from tokens.models import TokenState
from twofactor import flows, totp
from twofactor.errors import AlreadyOn, EnrolmentOver
from twofactor.forms import APPS
from twofactor.models import Authenticator, BackupCode, Enrolment, Step

pytestmark = pytest.mark.django_db
ENABLE, SECURITY = "/security/2fa/enable/", "/security/"


@pytest.fixture
def door(web: WebDoor, amy: User, clock: Any) -> WebDoor:
    """amy's browser, signed in, at noon."""
    return web.sign_in(amy)


def step(web: WebDoor, name: str, **fields: str) -> Any:
    return web.send(ENABLE, {"step": name, **fields}, form_at=SECURITY)


def key() -> bytes:
    return Enrolment.objects.get().key


def up_to(web: WebDoor, wanted: Step) -> None:
    """Do all steps before `wanted`, as a person does."""
    answers: dict[Step, Callable[[], dict[str, str]]] = {
        Step.APP: lambda: {"app": "Aegis"},
        Step.PASSWORD: lambda: {"current_password": PASSWORD},
        Step.SCAN: dict,
        Step.CODE: lambda: {"otp": code(secret=key())},
    }
    for here, answer in answers.items():
        if here < wanted:
            assert step(web, here.name.lower(), **answer())["Location"] == ENABLE


def finish(web: WebDoor, **fields: str) -> Any:
    return step(web, "codes", saved="on", **fields)


def here(web: WebDoor, query: str = "") -> str:
    """Return the step that the page shows."""
    found = re.search(r'aria-current="step">\s*([\w ]+)<', web.get(ENABLE + query).content.decode())
    assert found
    return found[1]


def test_the_five_steps_turn_it_on_with_the_last_one_and_sign_out_everywhere(
    door: WebDoor, browsers: Callable[[], WebDoor], amy: User
) -> None:
    elsewhere = browsers().sign_in(amy)
    login = dx("/system/newAuthToken", {"username": "amy", "password": PASSWORD, "expires": 1_900_000_000_000}).json()["access_token"]
    text = token_and_text(user=amy)[1]
    assert "Your account is protected by a password only" in door.get(SECURITY).content.decode()
    up_to(door, Step.CODES)
    page = door.get(ENABLE)
    codes = re.findall(r"<li><span>([a-z0-9-]{14})</span></li>", page.content.decode())
    assert len(codes) == 10
    assert "no-store" in page["Cache-Control"]
    assert not Authenticator.objects.exists()
    secret = key()

    assert finish(door)["Location"] == "/login/?why=2fa-on"

    assert not Session.objects.exclude(user=None).exists()
    assert elsewhere.get(SECURITY)["Location"].startswith("/login/")
    assert "Two-factor authentication is on" in door.get("/login/?why=2fa-on").content.decode()
    assert (rest("GET", "/api/v1/me/", login).status_code, rest("GET", "/api/v1/me/", text).status_code) == (401, 200)
    device = Authenticator.objects.get()
    assert (device.user, device.name, device.key) == (amy, "Aegis", secret)
    assert not Enrolment.objects.exists()
    event = SecurityEvent.objects.get(event="two-factor.turned-on")
    assert (event.subject, event.actor, event.data["tokens_revoked"]) == (amy, amy, False)
    assert OutboxMail.objects.filter(to=amy.email, subject="Two-factor authentication is on").exists()
    web = browsers()
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    assert web.send("/login/verify/", {"otp": code(secret=secret)}).status_code == 401  # the set-up has used it
    assert web.send("/login/verify/", {"otp": codes[3]}).status_code == 302
    assert "9 of 10 backup codes left" in web.get(SECURITY).content.decode()


def test_otp_02_the_code_of_the_set_up_opens_no_login(door: WebDoor, browsers: Callable[[], WebDoor]) -> None:
    up_to(door, Step.CODES)
    used = code(secret=key())
    finish(door)
    web = browsers()
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    assert web.send("/login/verify/", {"otp": used}).status_code == 401
    answer = dx("/system/newAuthToken", {"username": "amy", "password": PASSWORD, "otp": used})
    assert answer.json()["error"]["type"] == "OTPMismatchError"


def test_otp_01_the_key_is_shown_in_the_set_up_alone(door: WebDoor, browsers: Callable[[], WebDoor], clock: Any) -> None:
    up_to(door, Step.CODE)
    secret = key()
    text = totp.base32(secret)
    assert text in door.get(f"{ENABLE}?step=scan").content.decode().replace(" ", "")
    step(door, "code", otp=code(secret=secret))
    finish(door)
    clock.shift(31)
    web = browsers()
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    web.send("/login/verify/", {"otp": code(secret=secret)})
    assert web.signed_in
    pages = ("/", SECURITY, ENABLE, "/security/2fa/disable/", "/security/2fa/backup-codes/", "/security/history/", "/api/v1/me/")
    assert not [path for path in pages if text in web.get(path).content.decode().replace(" ", "")]


def test_with_revoke_active_tokens_the_page_names_them_and_they_die(door: WebDoor, amy: User) -> None:
    token = TokenFactory(user=amy, label="nightly build")
    up_to(door, Step.CODES)
    assert "Stops 1 token: nightly build" in door.get(ENABLE).content.decode()
    finish(door, revoke_tokens="on")
    token.refresh_from_db()
    assert token.state == TokenState.REVOKED


@pytest.mark.parametrize(
    ("name", "fields", "status", "said"),
    [
        (Step.APP, {}, 422, "Choose the app that you have"), (Step.APP, {"app": "none of these"}, 422, "Choose one of the list"),
        (Step.PASSWORD, {"current_password": "not my password"}, 403, "This is not your current password"),
        (Step.PASSWORD, {}, 422, "Enter the password"), (Step.CODE, {}, 422, "Enter the code"),
        (Step.CODE, {"otp": "12345"}, 422, "This code is wrong"), (Step.CODES, {}, 422, "Print or download the codes"),
    ],
)  # fmt: skip
def test_a_wrong_answer_is_told_and_stays_on_its_step(door: WebDoor, name: Step, fields: dict[str, str], status: int, said: str) -> None:
    up_to(door, name)
    answer = step(door, name.name.lower(), **fields)
    assert answer.status_code == status
    assert said in answer.content.decode()
    assert here(door) == name.label
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize("wanted", Step)
def test_a_reload_a_second_tab_and_a_second_send_change_nothing(door: WebDoor, wanted: Step) -> None:
    up_to(door, wanted)
    before = Enrolment.objects.values().first()
    first, second = (re.sub(r'value="[^"]{40,}"', "", door.get(ENABLE).content.decode()) for _ in range(2))
    assert first == second
    assert here(door) == wanted.label
    for earlier in Step:
        if earlier < wanted:
            given = {Step.APP: {"app": "Aegis"}, Step.PASSWORD: {"current_password": PASSWORD}}.get(earlier, {"otp": "000000"})
            assert step(door, earlier.name.lower(), **given).status_code == 302, earlier
    assert Enrolment.objects.values().first() == before


def test_otp_07_no_step_is_skipped_whatever_is_sent(door: WebDoor) -> None:
    for reached in Step:
        for later in Step:
            if later > reached:
                answer = step(door, later.name.lower(), current_password=PASSWORD, otp="123456", saved="on")
                assert answer["Location"] == ENABLE
                assert here(door) == reached.label
        if reached < Step.CODES:
            up_to_next(door, reached)
    assert not Authenticator.objects.exists()


def up_to_next(web: WebDoor, reached: Step) -> None:
    answers = {Step.APP: {"app": "Aegis"}, Step.PASSWORD: {"current_password": PASSWORD}, Step.SCAN: {}}
    step(web, reached.name.lower(), **answers.get(reached, {"otp": code(secret=key()) if reached == Step.CODE else ""}))


def test_the_way_back_shows_an_earlier_step_and_forgets_nothing(door: WebDoor) -> None:
    up_to(door, Step.CODE)
    secret = key()
    assert (here(door, "?step=scan"), here(door, "?step=app"), here(door, "?step=codes"), here(door, "?step=x")) == (
        "Scan", "App", "Code", "Code",
    )  # fmt: skip
    assert step(door, "app", app="another app")["Location"] == ENABLE
    assert here(door) == "Code"
    assert (key(), Enrolment.objects.get().app) == (secret, "another app")


@pytest.mark.parametrize("wanted", Step)
def test_otp_06_leaving_leaves_it_off_and_no_row(door: WebDoor, wanted: Step) -> None:
    up_to(door, wanted)
    assert door.send(ENABLE, {"do": "leave"}, form_at=SECURITY)["Location"] == SECURITY
    assert "Two-factor authentication is off, as it was" in door.get(SECURITY).content.decode()
    assert not Enrolment.objects.exists()
    assert not Authenticator.objects.exists()


def test_otp_06_it_goes_with_the_session_and_after_fifteen_minutes(door: WebDoor, amy: User, clock: Any) -> None:
    up_to(door, Step.SCAN)
    clock.shift(600)
    assert here(door) == "Scan"
    clock.shift(301)
    assert here(door) == "App"
    answer = step(door, "codes", saved="on")
    assert answer.status_code == 302
    up_to(door, Step.SCAN)
    door.send("/logout/", form_at=SECURITY)
    assert not Enrolment.objects.exists()


def test_a_set_up_that_ran_out_begins_again_and_says_so(door: WebDoor, clock: Any) -> None:
    up_to(door, Step.CODES)
    page = door.get(ENABLE)
    Enrolment.objects.update(created=timezone.now() - timedelta(seconds=901))
    answer = door.post(ENABLE, {"step": "codes", "saved": "on", "csrfmiddlewaretoken": str(page.context["csrf_token"])})
    assert answer["Location"] == ENABLE
    assert "Delete its entry in the app" in door.get(ENABLE).content.decode()
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(("steps", "minutes"), [(-2, 1), (-8, 4), (-10, 5), (10, 5)])
def test_a_drifting_clock_is_named_at_once(door: WebDoor, steps: int, minutes: int) -> None:
    up_to(door, Step.CODE)
    page = step(door, "code", otp=code(steps, key())).content.decode()
    assert f"about {minutes} minute{'' if minutes == 1 else 's'} {'slow' if steps < 0 else 'fast'}" in page
    assert "Set Date and Time to automatic" in page
    assert here(door) == "Code"


@pytest.mark.parametrize("steps", [-11, 11, -20, 20])
def test_what_is_further_off_is_plainly_wrong(door: WebDoor, steps: int) -> None:
    up_to(door, Step.CODE)
    page = step(door, "code", otp=code(steps, key())).content.decode()
    assert "This code is wrong" in page
    assert "clock" not in page


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_neighbouring_step_is_right(door: WebDoor, steps: int) -> None:
    up_to(door, Step.CODE)
    assert step(door, "code", otp=code(steps, key())).status_code == 302
    assert here(door) == "Backup codes"


def test_otp_06_of_two_browsers_that_set_up_one_finishes_and_the_other_is_told(
    door: WebDoor, browsers: Callable[[], WebDoor], amy: User
) -> None:
    other = browsers().sign_in(amy)
    up_to(door, Step.PASSWORD)
    first = Enrolment.objects.get().pk
    step(other, "app", app="Aegis")
    assert Enrolment.objects.count() == 2
    for web in (door, other):
        step(web, "password", current_password=PASSWORD)
        step(web, "scan")
    for web, mine in ((door, Enrolment.objects.get(pk=first)), (other, Enrolment.objects.exclude(pk=first).get())):
        step(web, "code", otp=code(secret=mine.key))
    assert finish(door)["Location"] == "/login/?why=2fa-on"
    assert "why=2fa-on" in other.get(ENABLE)["Location"]
    assert Authenticator.objects.count() == 1


@pytest.mark.race
def test_of_eight_sends_of_the_last_step_at_once_one_turns_it_on(race: Race) -> None:
    user = UserFactory(username="amy")
    web = WebDoor().sign_in(user)
    up_to(web, Step.CODES)
    session = Session.objects.get(user=user)

    def act(_: int) -> bool:
        flows.finish(session=session, actor=actor(user))
        return True

    outcomes = race(8, act)
    assert [outcome for outcome in outcomes if outcome is True] == [True]
    assert Authenticator.objects.count() == 1
    assert BackupCode.objects.count() == 10
    assert OutboxMail.objects.filter(subject="Two-factor authentication is on").count() == 1


def test_bkp_04_the_file_of_the_codes_is_handed_out_once(door: WebDoor) -> None:
    up_to(door, Step.CODES)
    answer = door.send(ENABLE, {"do": "download"}, form_at=SECURITY)
    assert answer["Content-Disposition"] == 'attachment; filename="gatehouse-backup-codes.txt"'
    assert "no-store" in answer["Cache-Control"]
    for one in Enrolment.objects.get().texts:
        assert one in answer.content.decode()
    assert door.send(ENABLE, {"do": "download"}, form_at=SECURITY).status_code == 404
    assert here(door) == "Backup codes"


@pytest.mark.parametrize("wanted", [Step.APP, Step.SCAN])
def test_before_there_are_codes_there_is_no_file(door: WebDoor, wanted: Step) -> None:
    up_to(door, wanted)
    assert door.send(ENABLE, {"do": "download"}, form_at=SECURITY).status_code == 404


def test_a_credential_change_meanwhile_ends_the_set_up(door: WebDoor, amy: User) -> None:
    up_to(door, Step.CODES)
    session, page = Session.objects.get(user=amy), door.get(ENABLE)
    User.objects.filter(pk=amy.pk).update(session_epoch=2)
    answer = door.post(ENABLE, {"step": "codes", "saved": "on", "csrfmiddlewaretoken": str(page.context["csrf_token"])})
    assert answer["Location"].startswith("/login/")
    with pytest.raises(EnrolmentOver):
        flows.finish(session=session, actor=actor(amy))
    assert not Authenticator.objects.exists()


def test_where_it_is_on_there_is_nothing_to_set_up(web: WebDoor, amy: User, clock: Any) -> None:
    turned_on(amy)
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    web.send("/login/verify/", {"otp": code()})
    assert web.get(ENABLE)["Location"] == SECURITY
    assert web.send(ENABLE, {"step": "app", "app": "Aegis"}, form_at=SECURITY)["Location"] == SECURITY
    assert "is on already" in web.get(SECURITY).content.decode()


@pytest.mark.parametrize("point", ["credentials.epoch_raised", "credentials.announced", "two_factor.before_commit"])
def test_finishing_that_fails_half_way_has_changed_nothing_and_can_be_sent_again(
    door: WebDoor, browsers: Callable[[], WebDoor], settings: Any, point: str
) -> None:
    up_to(door, Step.CODES)
    settings.FAILPOINTS = {point: "raise"}
    door.raise_request_exception = False
    assert finish(door).status_code == 500
    settings.FAILPOINTS = {}
    assert not Authenticator.objects.exists()
    assert not BackupCode.objects.exists()
    assert door.signed_in
    assert here(door) == "Backup codes"
    assert finish(door)["Location"] == "/login/?why=2fa-on"


@pytest.mark.parametrize("wanted", [Step.PASSWORD, Step.SCAN, Step.CODE])
def test_otp_07_the_acts_skip_no_step_either(door: WebDoor, amy: User, wanted: Step) -> None:
    up_to(door, wanted)
    session = Session.objects.get(user=amy)
    with pytest.raises(EnrolmentOver):
        flows.finish(session=session, actor=actor(amy))
    if wanted < Step.CODE:
        flows.check_code(session=session, answer="123456", actor=actor(amy))
    assert Enrolment.objects.get().step == wanted
    assert not Authenticator.objects.exists()


def test_otp_06_a_set_up_never_replaces_a_key_that_is_on(door: WebDoor, amy: User) -> None:
    up_to(door, Step.CODES)
    session = Session.objects.get(user=amy)
    turned_on(amy)
    before = Authenticator.objects.get().secret
    with pytest.raises(AlreadyOn):
        flows.finish(session=session, actor=actor(amy))
    assert bytes(Authenticator.objects.get().secret) == bytes(before)


@pytest.mark.parametrize("app", [value for value, _, _ in APPS])
def test_every_app_of_the_list_can_be_chosen_and_stands_on_the_page_afterwards(
    door: WebDoor, browsers: Callable[[], WebDoor], app: str
) -> None:
    step(door, "app", app=app)
    up_to_codes = {"password": {"current_password": PASSWORD}, "scan": {}}
    for name, fields in up_to_codes.items():
        step(door, name, **fields)
    step(door, "code", otp=code(secret=key()))
    codes = Enrolment.objects.get().texts
    finish(door)
    web = browsers()
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    web.send("/login/verify/", {"otp": codes[0]})
    assert f"with {app}." in web.get(SECURITY).content.decode()


def test_a_step_sent_after_the_set_up_is_gone_leads_to_the_first_one(door: WebDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    up_to(door, Step.CODE)
    token = str(door.get(ENABLE).context["csrf_token"])
    found = Enrolment.objects.select_related("user").get()
    monkeypatch.setattr(flows, "find_enrolment", lambda session: found)  # as it was a moment ago
    Enrolment.objects.all().delete()
    answer = door.post(ENABLE, {"step": "code", "otp": "123456", "csrfmiddlewaretoken": token})
    assert answer["Location"] == ENABLE
    monkeypatch.undo()
    assert "This set-up is over" in door.get(ENABLE).content.decode()


def test_a_set_up_of_a_session_that_just_ended_is_refused(door: WebDoor, amy: User) -> None:
    session = Session.objects.get(user=amy)
    Session.objects.all().delete()
    with pytest.raises(StaleProof):
        flows.begin(user=amy, session=session, app="Aegis", actor=actor(amy))
