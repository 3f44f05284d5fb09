"""Turn Off, new backup codes, and the code that every sensitive act asks for where it is on (S6.6 to S6.8, CRD-04)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts import reauth
from accounts.errors import StaleProof, StepRefused
from accounts.models import OutboxMail, SecurityEvent, Session, StoppedLogin, User
from accounts.reauth import Proof
from orgs.models import Membership, Organization
from tests.conftest import WebDoor
from tests.factories import FIREFOX, PASSWORD, actor
from tests.projects.factories import project_of
from tests.tokens.doors import rest
from tests.tokens.factories import token_and_text
from tests.twofactor.factories import SECRET, code, turned_on, wrong_code
from tokens.models import Token
from twofactor import flows
from twofactor.errors import TwoFactorRequired
from twofactor.models import Authenticator, BackupCode, Handout, WrongCode

pytestmark = pytest.mark.django_db
SECURITY, DISABLE, CODES = "/security/", "/security/2fa/disable/", "/security/2fa/backup-codes/"


@pytest.fixture
def codes(amy: User, clock: Any) -> list[str]:
    """The backup codes of amy, who turned it on."""
    return turned_on(amy)


@pytest.fixture
def door(web: WebDoor, codes: list[str]) -> WebDoor:
    """amy's browser, signed in with a backup code, so that the code of now is unused."""
    return signed_in(web, codes[9])


def signed_in(web: WebDoor, typed: str) -> WebDoor:
    web.send("/login/", {"username": "amy", "password": PASSWORD, "next": "/"})
    assert web.send("/login/verify/", {"otp": typed}).status_code == 302
    return web


@pytest.mark.parametrize("by", ["app", "backup"])
def test_turn_off_wants_password_and_code_and_signs_out_everywhere(
    door: WebDoor, browsers: Callable[[], WebDoor], amy: User, codes: list[str], by: str
) -> None:
    elsewhere = signed_in(browsers(), codes[8])
    text = token_and_text(user=amy, label="nightly build")[1]
    page = door.get(DISABLE).content.decode()
    assert "<dialog" in page
    assert "Stops 1 token: nightly build" in page
    typed = code() if by == "app" else codes[0]
    answer = door.send(DISABLE, {"current_password": PASSWORD, "otp": typed})
    assert answer["Location"] == "/login/?why=2fa-off"
    assert "Two-factor authentication is off" in door.get(answer["Location"]).content.decode()
    assert elsewhere.get(SECURITY)["Location"].startswith("/login/")
    assert not Session.objects.exclude(user=None).exists()
    assert not Authenticator.objects.exists()
    assert not BackupCode.objects.exists()
    assert rest("GET", "/api/v1/me/", text).status_code == 200
    event = SecurityEvent.objects.get(event="two-factor.turned-off")
    assert (event.subject, event.actor, event.data["tokens_revoked"]) == (amy, amy, False)
    assert OutboxMail.objects.filter(to=amy.email, subject="Two-factor authentication is off").exists()
    assert browsers().sign_in(amy).signed_in


def test_with_revoke_active_tokens_they_die(door: WebDoor, amy: User) -> None:
    text = token_and_text(user=amy)[1]
    door.send(DISABLE, {"current_password": PASSWORD, "otp": code(), "revoke_tokens": "on"})
    assert rest("GET", "/api/v1/me/", text).status_code == 401


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"current_password": PASSWORD}, 422, "Enter the code"), ({"otp": "right"}, 422, "Enter the password"),
        ({"current_password": "wrong", "otp": "right"}, 403, "not your current password"),
        ({"current_password": PASSWORD, "otp": "wrong"}, 401, "This code is wrong"),
        ({"current_password": PASSWORD, "otp": "used"}, 401, "This code is wrong"),
    ],
)  # fmt: skip
def test_otp_07_turn_off_refuses_what_is_wrong_and_changes_nothing(
    door: WebDoor, codes: list[str], fields: dict[str, str], status: int, said: str
) -> None:
    given = {"right": code(), "wrong": wrong_code(), "used": codes[9]}
    answer = door.send(DISABLE, {name: given.get(value, value) for name, value in fields.items()})
    assert answer.status_code == status
    assert said in answer.content.decode()
    assert Authenticator.objects.get().last_step == -1
    assert door.signed_in
    assert door.send(DISABLE, {"current_password": PASSWORD, "otp": code()}).status_code == 302


def test_otp_04_wrong_codes_of_every_form_spend_one_budget(door: WebDoor, codes: list[str]) -> None:
    forms = [(DISABLE, {}), (CODES, {}), ("/security/email/", {"email": "new@example.com"})]
    forms.append(("/security/password/", {"new_password1": "a longer passphrase", "new_password2": "a longer passphrase"}))
    for path, fields in [*forms, forms[0]]:
        assert door.send(path, {"current_password": PASSWORD, "otp": wrong_code(), **fields}).status_code == 401, path
    answer = door.send(DISABLE, {"current_password": PASSWORD, "otp": code()})
    assert answer.status_code == 429
    assert WrongCode.objects.count() == 5
    assert Authenticator.objects.exists()


def test_after_turning_it_off_and_on_key_and_codes_are_others(door: WebDoor, browsers: Callable[[], WebDoor], amy: User) -> None:
    door.send(DISABLE, {"current_password": PASSWORD, "otp": code()})
    web, enable = browsers().sign_in(amy), "/security/2fa/enable/"
    web.send(enable, {"step": "app", "app": "Aegis"})
    web.send(enable, {"step": "password", "current_password": PASSWORD})
    found = re.search(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", web.get(enable).content.decode())
    assert found
    assert SECRET.hex() not in found[0].lower()
    assert len(found[0].replace(" ", "")) == 32


def test_where_an_organization_requires_it_turn_off_is_neither_offered_nor_done(door: WebDoor, amy: User) -> None:
    org = Organization.objects.create(handle="acme", name="Acme Genomics", second_factor_from=timezone.now())
    Membership.objects.create(org=org, user=amy)
    page = door.get(SECURITY).content.decode()
    assert "Acme Genomics requires it" in page
    assert DISABLE not in page
    answer = door.send(DISABLE, {"current_password": PASSWORD, "otp": code()}, form_at=SECURITY)
    assert answer.status_code == 403
    assert "Acme Genomics requires two-factor authentication" in answer.content.decode()
    assert Authenticator.objects.get().last_step == -1  # the code was not used up
    with pytest.raises(TwoFactorRequired):
        flows.turn_off(user=amy, proof=None, actor=actor(amy))  # type: ignore[arg-type]  # refused before it is looked at


def test_bkp_04_new_backup_codes_replace_the_old_ones_and_are_shown_until_done(
    door: WebDoor, browsers: Callable[[], WebDoor], amy: User, codes: list[str]
) -> None:
    page = door.get(CODES).content.decode()
    assert not re.findall(r"<li><span>[a-z0-9-]{14}</span></li>", page)
    assert door.send(CODES, {"current_password": PASSWORD, "otp": code()})["Location"] == CODES
    shown = door.get(CODES)
    new = re.findall(r"<li><span>([a-z0-9-]{14})</span></li>", shown.content.decode())
    assert len(new) == 10
    assert "no-store" in shown["Cache-Control"]
    assert new == re.findall(r"<li><span>([a-z0-9-]{14})</span></li>", door.get(CODES).content.decode())
    mail = OutboxMail.objects.get(subject__startswith="New backup codes")
    assert not [one for one in new if one in mail.text]
    answer = door.send(CODES, {"do": "download"})
    assert all(one in answer.content.decode() for one in new)
    assert door.send(CODES, {"do": "download"}).status_code == 404
    assert door.signed_in
    assert door.send(CODES, {"do": "done"})["Location"] == SECURITY
    assert "only the new backup codes work" in door.get(SECURITY).content.decode()
    assert not Handout.objects.exists()
    web = browsers()
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    assert web.send("/login/verify/", {"otp": codes[0]}).status_code == 401
    assert web.send("/login/verify/", {"otp": new[0]}).status_code == 302
    assert web.send(CODES, {"do": "download"}).status_code == 404


def test_new_codes_can_be_looked_at_for_fifteen_minutes_by_the_one_session(
    door: WebDoor, browsers: Callable[[], WebDoor], codes: list[str], clock: Any
) -> None:
    other = signed_in(browsers(), codes[8])
    door.send(CODES, {"current_password": PASSWORD, "otp": code()})
    assert "Make new codes" in other.get(CODES).content.decode()
    clock.shift(600)
    assert "Save your backup codes" in door.get(CODES).content.decode()
    clock.shift(301)
    assert "Make new codes" in door.get(CODES).content.decode()


def test_bkp_04_a_wrong_password_or_code_makes_no_new_codes(door: WebDoor, amy: User) -> None:
    for fields in ({"current_password": "x", "otp": code()}, {"current_password": PASSWORD, "otp": wrong_code()}):
        assert door.send(CODES, fields).status_code in (401, 403)
    assert BackupCode.objects.of(amy).left().count() == 9
    assert not Handout.objects.exists()


@pytest.mark.parametrize("path", [DISABLE, CODES])
def test_where_it_is_off_both_pages_lead_back(web: WebDoor, amy: User, path: str) -> None:
    web.sign_in(amy)
    assert web.get(path)["Location"] == SECURITY
    assert web.send(path, {"current_password": PASSWORD, "otp": "123456"}, form_at=SECURITY)["Location"] == SECURITY
    assert "is off already" in web.get(SECURITY).content.decode()


@pytest.mark.parametrize(
    ("path", "fields", "ok"),
    [
        (
            "/security/password/",
            {"new_password1": "a longer passphrase", "new_password2": "a longer passphrase"},
            "/login/?why=password-changed",
        ),
        ("/security/email/", {"email": "new@example.com"}, SECURITY),
    ],
)
def test_otp_02_a_change_of_password_or_address_wants_a_code_which_counts(
    door: WebDoor, browsers: Callable[[], WebDoor], path: str, fields: dict[str, str], ok: str
) -> None:
    assert 'name="otp"' in door.get(path).content.decode()
    assert door.send(path, {"current_password": PASSWORD, **fields}).status_code == 422
    assert door.send(path, {"current_password": PASSWORD, "otp": code(), **fields})["Location"] == ok
    web = browsers()
    web.send("/login/", {"username": "amy", "password": "a longer passphrase" if "new_password1" in fields else PASSWORD})
    assert web.send("/login/verify/", {"otp": code()}).status_code == 401


def test_a_change_that_is_refused_uses_no_code_up(door: WebDoor) -> None:
    weak = {"new_password1": "too short", "new_password2": "too short"}
    assert door.send("/security/password/", {"current_password": PASSWORD, "otp": code(), **weak}).status_code == 422
    good = {"new_password1": "a longer passphrase", "new_password2": "a longer passphrase"}
    assert door.send("/security/password/", {"current_password": PASSWORD, "otp": code(), **good}).status_code == 302


def test_crd_04_a_token_that_reaches_phi_wants_password_and_code_ten_minutes_after_the_login(door: WebDoor, amy: User, clock: Any) -> None:
    project_of(amy, phi=True)
    clock.shift(601)
    new = "/profile/tokens/new/"
    assert 'name="otp"' in door.get(new).content.decode()
    fields = {"label": "phi", "expires": "30", "access": "all"}
    assert door.send(new, {**fields, "current_password": PASSWORD}).status_code == 401
    assert door.send(new, {**fields, "current_password": PASSWORD, "otp": wrong_code()}).status_code == 401
    assert not Token.objects.exists()
    assert door.send(new, {**fields, "current_password": PASSWORD, "otp": code()}).status_code == 200
    assert 'name="otp"' not in door.get(new).content.decode()
    assert Authenticator.objects.get().last_step > 0


def test_crd_04_a_password_given_in_one_browser_opens_nothing_in_another(
    door: WebDoor, browsers: Callable[[], WebDoor], amy: User, codes: list[str], clock: Any
) -> None:
    project_of(amy, phi=True)
    other = signed_in(browsers(), codes[0])
    clock.shift(601)
    fields = {"label": "phi", "expires": "30", "access": "all"}
    assert door.send("/profile/tokens/new/", {**fields, "current_password": PASSWORD, "otp": code()}).status_code == 200
    again = {**fields, "label": "phi too"}
    assert other.send("/profile/tokens/new/", again).status_code != 200
    assert Token.objects.count() == 1
    assert door.send("/profile/tokens/new/", again).status_code == 200


def test_rst_05_a_reset_by_mail_skips_no_second_factor(web: WebDoor, amy: User, codes: list[str]) -> None:
    web.send("/password/reset/", {"email": amy.email})
    link = re.search(r"http\S+(/password/reset/\S+)", OutboxMail.objects.get(subject__startswith="Reset").text)
    assert link
    choose = web.get(link[1])["Location"]
    web.send(choose, {"new_password1": "a longer passphrase", "new_password2": "a longer passphrase"})
    assert web.send("/login/", {"username": "amy", "password": "a longer passphrase"})["Location"] == "/login/verify/"
    assert not web.signed_in


@pytest.mark.parametrize("point", ["credentials.epoch_raised", "tokens.retired", "credentials.announced", "two_factor.before_commit"])
def test_turning_off_that_fails_half_way_has_changed_nothing(door: WebDoor, amy: User, settings: Any, point: str) -> None:
    before = picture()
    settings.FAILPOINTS = {point: "raise"}
    door.raise_request_exception = False
    assert door.send(DISABLE, {"current_password": PASSWORD, "otp": code()}).status_code == 500
    settings.FAILPOINTS = {}
    assert picture() == before
    assert door.signed_in
    assert door.send(DISABLE, {"current_password": PASSWORD, "otp": code()}).status_code == 302


def picture() -> list[object]:
    """Return all that a change of this credential touches."""
    tables: tuple[Any, ...] = (User, Session, Authenticator, BackupCode, OutboxMail, Token)
    return [list(table._default_manager.order_by("pk").values()) for table in tables]


@pytest.mark.parametrize("act", ["turn off", "new codes"])
def test_a_proof_of_before_a_change_or_with_a_code_used_meanwhile_does_nothing(door: WebDoor, amy: User, act: str) -> None:
    session = Session.objects.get(user=amy)

    def attempt(proof: Proof) -> None:
        if act == "turn off":
            flows.turn_off(user=amy, proof=proof, actor=actor(amy))
        else:
            flows.renew_backup_codes(user=amy, session=session, proof=proof, actor=actor(amy))

    with pytest.raises(StaleProof):
        attempt(Proof(user_id=amy.pk, epoch=amy.session_epoch + 1))
    one, two = (reauth.confirm(user=amy, password=PASSWORD, answer=code(), device=None, actor=actor(amy)) for _ in range(2))
    reauth.remember(session, one)
    with pytest.raises(StepRefused):
        attempt(two)
    assert Authenticator.objects.exists()
    assert BackupCode.objects.of(amy).left().count() == 9


def test_a_right_code_costs_nothing_of_the_budget_though_its_act_is_refused(door: WebDoor) -> None:
    weak = {"new_password1": "too short", "new_password2": "too short"}
    for _ in range(6):
        answer = door.send("/security/password/", {"current_password": PASSWORD, "otp": code(), **weak})
        assert answer.status_code == 422
    assert WrongCode.objects.count() == 0
    assert door.send(DISABLE, {"current_password": PASSWORD, "otp": code()}).status_code == 302


def test_two_logins_at_once_that_stop_do_not_stand_in_the_way_of_a_third(web: WebDoor, amy: User, codes: list[str]) -> None:
    for _ in range(2):
        StoppedLogin.objects.create(user=amy, door="web", ip="127.0.0.1", user_agent=FIREFOX)
    signed_in(web, codes[0])
    assert not StoppedLogin.objects.exists()
