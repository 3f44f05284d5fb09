"""“I may be compromised”: one act that changes everything, or nothing (N7)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import flows as account_flows
from accounts.errors import LinkDead
from accounts.failpoints import FailpointError
from accounts.models import EmailChange, OutboxMail, PasswordReset, SecurityEvent, Session, User
from accounts.reauth import Proof
from orgs.models import Membership, Organization
from tests.conftest import WebDoor
from tests.factories import PASSWORD, actor
from tests.faults.links import RESET, mailed_link
from tests.projects.factories import ProjectFactory
from tests.tokens.doors import rest
from tests.tokens.factories import TokenFactory, token_and_text
from tests.twofactor.factories import code, turned_on
from tokens.models import TokenKind
from tokens.work.models import Job
from twofactor import flows
from twofactor.models import Authenticator, BackupCode, EnrolmentDue

pytestmark = pytest.mark.django_db
PAGE, ENABLE = "/security/compromised/", "/security/2fa/enable/"
NEW = "an entirely new phrase"
FIELDS = {"since": "day", "current_password": PASSWORD, "new_password1": NEW, "new_password2": NEW, "renew_2fa": "on"}


@pytest.fixture
def codes(amy: User, clock: Any) -> list[str]:
    """The backup codes of amy, who turned it on."""
    return turned_on(amy)


@pytest.fixture
def door(web: WebDoor, codes: list[str]) -> WebDoor:
    """amy's browser, signed in with a backup code."""
    web.send("/login/", {"username": "amy", "password": PASSWORD, "next": "/"})
    assert web.send("/login/verify/", {"otp": codes[9]}).status_code == 302
    return web


def job_of(user: User) -> Job:
    launched = TokenFactory(user=user, label="job", kind=TokenKind.JOB, parent=TokenFactory(user=user, label="launcher"))
    later = timezone.now() + timedelta(hours=1)
    project = ProjectFactory(name="Atlas", billed_to=user)
    return Job.objects.create(user=user, token=launched, project=project, name="alignment", leased_until=later)


def test_the_page_names_what_would_end_and_changes_nothing(door: WebDoor, amy: User) -> None:
    token_and_text(user=amy, label="nightly build")
    job_of(amy)
    account_flows.request_email_change(user=amy, email="evil@example.net", proof=Proof(amy.pk, amy.session_epoch), actor=actor(amy))
    page = door.get(PAGE).content.decode()
    assert "<b>1 session</b>" in page
    assert "<b>3 tokens</b>: job, launcher, nightly build" in page
    assert "<b>1 job</b>: alignment" in page
    assert "evil@example.net" in page
    assert 'name="renew_2fa" class="box" id="id_renew_2fa" checked' in page
    assert door.signed_in
    assert PAGE in door.get("/security/").content.decode()


def test_one_act_ends_everything_and_leads_on_to_set_up_and_report(
    door: WebDoor, browsers: Callable[[], WebDoor], amy: User, codes: list[str], clock: Any
) -> None:
    text, job = token_and_text(user=amy, label="nightly build")[1], job_of(amy)
    account_flows.request_password_reset(email=amy.email, actor=actor())
    account_flows.request_email_change(user=amy, email="evil@example.net", proof=Proof(amy.pk, amy.session_epoch), actor=actor(amy))
    answer = door.send(PAGE, {**FIELDS, "otp": code()})
    assert answer["Location"].startswith("/login/?why=account-secured&next=%2Fsecurity%2Freport%2F")
    assert "Your account is secured" in door.get(answer["Location"]).content.decode()
    assert not Session.objects.exclude(user=None).exists()
    assert rest("GET", "/api/v1/me/", text).status_code == 401
    job.refresh_from_db()
    assert (job.state, job.end_why) == ("failed", "account-secured")
    assert not any(rows.objects.exists() for rows in (Authenticator, BackupCode))
    assert EmailChange.objects.get().state == "cancelled"
    assert not PasswordReset.objects.alive(timezone.now()).exists()
    assert browsers().get(mailed_link(RESET)).status_code == 410
    event = SecurityEvent.objects.get(event="account.secured")
    assert event.data["ended"] == {"session": 1, "token": 3, "job": 1}
    assert event.data["since"] == (timezone.now() - timedelta(days=1)).isoformat()
    assert (event.data["two_factor_renewed"], event.data["email_change_withdrawn"], event.data["tokens_revoked"]) == (True, True, True)
    mail = OutboxMail.objects.get(subject="Your Gatehouse account is secured")
    assert "/security/report/?since=moment&moment=2026-11-23T12%3A00" in mail.text
    assert NEW not in mail.text


def test_after_it_only_the_new_password_works_and_the_set_up_comes_first(door: WebDoor, browsers: Callable[[], WebDoor], amy: User) -> None:
    way = door.send(PAGE, {**FIELDS, "otp": code()})["Location"]
    old = browsers()
    assert old.send("/login/", {"username": "amy", "password": PASSWORD}).status_code == 401
    wanted = door.get(way).context["form"].initial["next"]
    assert door.send("/login/", {"username": "amy", "password": NEW, "next": wanted})["Location"] == wanted
    assert door.get(wanted)["Location"] == ENABLE
    assert door.get("/security/password/")["Location"] == ENABLE
    amy.refresh_from_db()
    assert flows.find_report(user=amy) == wanted  # where the login after the set-up leads


def test_the_end_of_the_set_up_leads_to_the_report(door: WebDoor, amy: User, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    door.send(PAGE, {**FIELDS, "otp": code()})
    door.send("/login/", {"username": "amy", "password": NEW, "next": "/"})
    monkeypatch.setattr("twofactor.totp.new_secret", lambda: b"another key of twenty")
    door.send(ENABLE, {"step": "app", "app": "Aegis"})
    door.send(ENABLE, {"step": "password", "current_password": NEW})
    door.send(ENABLE, {"step": "scan"})
    door.send(ENABLE, {"step": "code", "otp": code(secret=b"another key of twenty")})
    answer = door.send(ENABLE, {"step": "codes", "saved": "on"})
    assert answer["Location"].startswith("/login/?why=2fa-on&next=%2Fsecurity%2Freport%2F%3Fsince%3Dmoment")
    assert not EnrolmentDue.objects.exists()


def test_without_the_box_the_second_factor_stays(door: WebDoor, browsers: Callable[[], WebDoor], codes: list[str]) -> None:
    door.send(PAGE, {**{name: value for name, value in FIELDS.items() if name != "renew_2fa"}, "otp": code()})
    web = browsers()
    web.send("/login/", {"username": "amy", "password": NEW})
    assert web.send("/login/verify/", {"otp": codes[0]}).status_code == 302
    assert web.get("/security/").status_code == 200


@pytest.mark.parametrize("enforced", [True, False])
def test_somebody_without_it_sets_it_up_at_the_next_sign_in(web: WebDoor, amy: User, clock: Any, enforced: bool) -> None:
    org = Organization.objects.create(
        handle="acme", name="Acme", second_factor_from=timezone.now() + timedelta(days=9) if enforced else None
    )
    Membership.objects.create(org=org, user=amy)
    assert web.sign_in(amy).send(PAGE, FIELDS).status_code == 302
    assert web.sign_in(amy, NEW).get("/")["Location"] == ENABLE


def test_it_works_for_a_member_of_an_organization_that_requires_it(door: WebDoor, amy: User) -> None:
    org = Organization.objects.create(handle="acme", name="Acme", second_factor_from=timezone.now())
    Membership.objects.create(org=org, user=amy)
    assert door.send(PAGE, {**FIELDS, "otp": code()}).status_code == 302
    assert not Authenticator.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "status", "said"),
    [
        ({"current_password": "wrong"}, 403, "not your current password"), ({"otp": "000000x"}, 401, "This code is wrong"),
        ({"otp": ""}, 422, "Enter the code"), ({"new_password1": "short", "new_password2": "short"}, 422, "Use at least"),
        ({"new_password2": "another one"}, 422, "The two passwords differ"),
        ({"since": "moment"}, 422, "Enter a moment of the last 365 days"),
        ({"since": "ever"}, 422, "Choose one of the list"), ({"since": "moment", "moment": "2026-11-25T12:00"}, 422, "Enter a moment"),
        ({"since": "moment", "moment": "0001-01-01T00:00+23:59"}, 422, "Enter a moment"),
    ],
)  # fmt: skip
def test_what_is_wrong_changes_nothing(door: WebDoor, amy: User, codes: list[str], wrong: dict[str, str], status: int, said: str) -> None:
    text = token_and_text(user=amy)[1]
    answer = door.send(PAGE, {**FIELDS, "otp": codes[0], **wrong})
    assert (answer.status_code, said in answer.content.decode()) == (status, True)
    assert door.signed_in
    assert rest("GET", "/api/v1/me/", text).status_code == 200
    assert (Authenticator.objects.count(), BackupCode.objects.left().count()) == (1, 9)
    assert not SecurityEvent.objects.filter(event="account.secured").exists()


@pytest.mark.parametrize(
    "point",
    ["credentials.after_password_saved", "credentials.epoch_raised", "tokens.revoked", "credentials.announced", "two_factor.before_commit"],
)
def test_an_error_on_the_way_leaves_nothing_half_done(door: WebDoor, amy: User, codes: list[str], settings: Any, point: str) -> None:
    text, job = token_and_text(user=amy)[1], job_of(amy)
    proof, epoch = Proof(amy.pk, amy.session_epoch), amy.session_epoch
    account_flows.request_email_change(user=amy, email="new@example.net", proof=proof, actor=actor(amy))
    before = (SecurityEvent.objects.count(), OutboxMail.objects.count())
    settings.FAILPOINTS = {point: "raise"}
    with pytest.raises(FailpointError):
        flows.secure_account(user=amy, new_password=NEW, proof=proof, since=timezone.now(), renew_2fa=True, actor=actor(amy))
    amy.refresh_from_db()
    job.refresh_from_db()
    assert (amy.session_epoch, amy.check_password(PASSWORD), amy.must_enrol_at, job.state) == (epoch, True, None, "running")
    assert (Authenticator.objects.count(), BackupCode.objects.left().count(), EnrolmentDue.objects.count()) == (1, 9, 0)
    assert EmailChange.objects.get().state == "pending"
    assert (SecurityEvent.objects.count(), OutboxMail.objects.count()) == before
    settings.FAILPOINTS = {}
    assert rest("GET", "/api/v1/me/", text).status_code == 200
    assert door.signed_in


def test_a_form_that_was_open_before_a_change_does_nothing(
    door: WebDoor, browsers: Callable[[], WebDoor], amy: User, codes: list[str]
) -> None:
    token = str(door.get(PAGE).context["csrf_token"])
    account_flows.change_password(user=amy, new_password="yet another phrase", proof=Proof(amy.pk, amy.session_epoch), actor=actor(amy))
    answer = door.post(PAGE, {**FIELDS, "otp": code(), "csrfmiddlewaretoken": token})
    assert answer["Location"].startswith("/login/")
    assert Authenticator.objects.exists()
    with pytest.raises(LinkDead):
        account_flows.withdraw_email_change(user=amy, actor=actor(amy))
