"""A reset by support: two of them, a wait, an objection (S6.11, N9, ADM-05)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils import timezone

from accounts import flows as account_flows
from accounts.audit import Actor
from accounts.credentials import Change
from accounts.desk import Act
from accounts.errors import GatehouseError, LinkDead, NotForSupport, TooManyAttempts
from accounts.failpoints import FailpointError
from accounts.models import OutboxMail, SecurityEvent, Session, User
from accounts.reauth import Proof
from orgs.models import Membership, Organization
from tests.conftest import Race, WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.tokens.doors import dx, rest
from tests.tokens.factories import token_and_text
from tests.twofactor.factories import WHY, code, supporter, turned_on
from twofactor import flows, limits
from twofactor.admin import AGREE, WITHDRAW
from twofactor.errors import NotOn, ResetNotFound, ResetOpen, ResetOver, SecondPersonNeeded
from twofactor.models import Authenticator, BackupCode, EnrolmentDue, ResetRequest, WrongCode

pytestmark = pytest.mark.django_db
SECURITY, LINK = "/security/", "/security/2fa/object/"
State = ResetRequest.State


def asked(person: User) -> ResetRequest:
    staff = supporter("sue")
    return flows.ask(staff=staff, person=person, actor=staff.actor)


def agreed(person: User) -> ResetRequest:
    staff, request = supporter("tom", "I called back, too"), asked(person)
    return flows.agree(staff=staff, request_id=request.public_id, actor=staff.actor)


def link_in_mail(subject: str) -> str:
    text = OutboxMail.objects.get(subject__contains=subject).text
    return LINK + text.split(LINK)[1].split()[0]


def state(person: User) -> str:
    return ResetRequest.objects.filter(user=person).latest("pk").state


@pytest.fixture
def codes(amy: User, clock: Any) -> list[str]:
    """The backup codes of amy, who turned it on."""
    return turned_on(amy)


def test_adm_05_two_ask_and_agree_the_wait_passes_and_it_is_off(web: WebDoor, amy: User, codes: list[str], clock: Any) -> None:
    text = token_and_text(user=amy)[1]
    WrongCode.objects.create(user=amy)
    request = agreed(amy)
    assert request.due_at == timezone.now() + timedelta(hours=24)
    clock.shift(24 * 3600 - 1)
    assert flows.carry_out_due() == 0
    assert Authenticator.objects.exists()
    clock.shift(1)
    assert flows.carry_out_due() == 1
    assert not any(rows.objects.filter(user=amy).exists() for rows in (Authenticator, BackupCode, WrongCode, EnrolmentDue))
    assert web.sign_in(amy).signed_in  # by the password alone
    assert rest("GET", "/api/v1/me/", text).status_code == 200  # as after every credential change
    assert state(amy) == State.DONE
    event = SecurityEvent.objects.get(event="two-factor-reset.done")
    assert (event.subject, event.actor, event.door) == (amy, None, "worker")
    assert (event.data["asked_by"], event.data["agreed_by"], event.data["agreed_reason"]) == ("sue", "tom", "I called back, too")
    history = web.get("/security/history/").content.decode()
    assert "sue of support asked: “Phone drowned, checked by a call”; tom agreed" in history


def test_it_ends_sessions_and_says_so(web: WebDoor, amy: User, codes: list[str], clock: Any) -> None:
    agreed(amy)
    clock.shift(24 * 3600 - 60)
    session = Session.objects.create(
        session_key="x" * 64, user=amy, epoch=amy.session_epoch, idle_limit_seconds=900, expire_date=timezone.now() + timedelta(hours=1)
    )  # fmt: skip
    clock.shift(60)
    flows.carry_out_due()
    assert not Session.objects.filter(pk=session.pk).exists()
    assert "Support reset your two-factor authentication" in web.get(f"/login/?why={Change.TWO_FACTOR_RESET}").content.decode()


def test_adm_05_each_step_is_mailed_at_once_with_who_why_and_when(amy: User, codes: list[str], clock: Any) -> None:
    agreed(amy)
    clock.shift(24 * 3600)
    flows.carry_out_due()
    mails = list(OutboxMail.objects.filter(to=amy.email).order_by("pk"))
    assert [mail.subject.rpartition(" ")[2] for mail in mails] == ["off", "off", "off"]
    for mail in mails:
        assert f"sue) of support {'wants' if mail == mails[0] else 'asked'}" in mail.text or "(sue) asked" in mail.text
        assert WHY in mail.text
        assert WHY in mail.html
        assert "UTC" in mail.text
        assert "192.0.2.10" not in mail.text  # the desk of support
    assert link_in_mail("was asked") == link_in_mail("will turn")
    assert "25 Nov 2026, 12:00" in mails[1].text
    assert all("tom" in mail.text and "I called back, too" in mail.text for mail in mails[1:])


def test_adm_05_whoever_asked_cannot_agree(amy: User, codes: list[str]) -> None:
    request, staff = asked(amy), supporter("sue")
    with pytest.raises(SecondPersonNeeded):
        flows.agree(staff=staff, request_id=request.public_id, actor=staff.actor)
    assert state(amy) == State.ASKED
    row = {"agreed_by": staff.user, "agreed_at": timezone.now(), "due_at": timezone.now()}
    with pytest.raises(IntegrityError), transaction.atomic():
        ResetRequest.objects.update(state=State.AGREED, **row)
    with pytest.raises(IntegrityError), transaction.atomic():
        ResetRequest.objects.update(state=State.DONE)  # nor is it done without anybody who agreed


@pytest.mark.parametrize("whom", ["themself", "staff", "superuser"])
def test_support_acts_neither_on_staff_nor_on_itself(clock: Any, whom: str) -> None:
    staff = supporter("sue")
    others: dict[str, User] = {"staff": supporter("tom").user, "superuser": UserFactory(is_superuser=True)}
    person = others.get(whom, staff.user)
    turned_on(person)
    with pytest.raises(NotForSupport):
        flows.ask(staff=staff, person=person, actor=staff.actor)
    assert not ResetRequest.objects.exists()


def test_the_person_cannot_agree_to_their_own(amy: User, codes: list[str]) -> None:
    request = asked(amy)
    User.objects.filter(pk=amy.pk).update(is_staff=True)
    staff = supporter("amy")
    with pytest.raises(NotForSupport):
        flows.agree(staff=staff, request_id=request.public_id, actor=staff.actor)


def test_what_cannot_be_asked_for(amy: User, ben: User, codes: list[str]) -> None:
    staff = supporter("sue")
    with pytest.raises(NotOn):
        flows.ask(staff=staff, person=ben, actor=staff.actor)
    asked(amy)
    with pytest.raises(ResetOpen):
        asked(amy)
    User.objects.filter(pk=amy.pk).update(is_active=False)
    with pytest.raises(NotForSupport):
        asked(amy)


def test_asking_is_limited(amy: User, codes: list[str]) -> None:
    for _ in range(limits.RESETS_PER_PERSON_AND_DAY):
        flows.withdraw(staff=supporter("sue"), request_id=asked(amy).public_id, actor=actor())
    with pytest.raises(TooManyAttempts):
        asked(amy)


@pytest.mark.parametrize("given", ["", "no such", "x" * 24, "\x00"])
def test_an_unknown_request_is_none(given: str, db: None) -> None:
    staff = supporter("tom")
    for act in (flows.agree, flows.withdraw):
        with pytest.raises(ResetNotFound):
            act(staff=staff, request_id=given, actor=staff.actor)


def test_any_of_support_withdraws_and_the_person_is_told(amy: User, codes: list[str], clock: Any) -> None:
    request, staff = agreed(amy), supporter("uma", "The call was a fake")
    flows.withdraw(staff=staff, request_id=request.public_id, actor=staff.actor)
    assert "The call was a fake" in OutboxMail.objects.get(subject="Your two-factor authentication stays on").text
    for act in (flows.agree, flows.withdraw):
        with pytest.raises(ResetOver):
            act(staff=staff, request_id=request.public_id, actor=staff.actor)
    clock.shift(48 * 3600)
    assert flows.carry_out_due() == 0
    assert Authenticator.objects.exists()


@pytest.mark.parametrize("when", ["asked", "agreed"])
def test_adm_05_the_mailed_link_opens_a_page_whose_button_objects_once(web: WebDoor, amy: User, codes: list[str], when: str) -> None:
    {"asked": asked, "agreed": agreed}[when](amy)
    link = link_in_mail("was asked")
    page = web.get(link)
    assert WHY in page.content.decode()
    assert page["Referrer-Policy"] == "no-referrer"
    assert state(amy) == when  # looking changes nothing
    answer = web.send(link)
    assert "Two-factor authentication stays on" in answer.content.decode()
    assert state(amy) == State.OBJECTED
    event = SecurityEvent.objects.get(event="two-factor-reset.objected")
    assert (event.subject, event.actor, event.data["by_link"]) == (amy, None, True)
    assert "Change it" in OutboxMail.objects.get(subject__startswith="You objected").text
    dead = web.get(link)
    assert (dead.status_code, "no longer valid" in dead.content.decode()) == (410, True)
    with pytest.raises(LinkDead):
        flows.object_(key=link.split("/")[-2], actor=actor())


@pytest.mark.parametrize("key", ["x", "a:b", "%00", "%F0%9F%94%91"])
def test_another_link_is_dead(web: WebDoor, amy: User, codes: list[str], key: str) -> None:
    asked(amy)
    assert web.get(f"{LINK}{key}/").status_code == 410
    assert state(amy) == State.ASKED


def test_account_security_offers_to_object(web: WebDoor, browsers: Callable[[], WebDoor], amy: User, codes: list[str]) -> None:
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    web.send("/login/verify/", {"otp": codes[0]})
    assert LINK not in web.get(SECURITY).content.decode()
    agreed(amy)
    page = web.get(SECURITY).content.decode()
    assert "Support wants to turn your two-factor authentication off" in page
    assert "Object: keep it on" in page
    assert web.send(LINK, form_at=SECURITY)["Location"] == SECURITY
    assert "You objected" in web.get(SECURITY).content.decode()
    assert state(amy) == State.OBJECTED
    assert web.send(LINK, form_at=SECURITY).status_code == 302  # a second time is as good as the first
    assert browsers().post(LINK).status_code == 403


@pytest.mark.parametrize("door", ["web", "dx"])
def test_adm_05_a_login_with_a_code_in_the_wait_ends_it(web: WebDoor, amy: User, codes: list[str], clock: Any, door: str) -> None:
    agreed(amy)
    if door == "web":
        web.send("/login/", {"username": "amy", "password": PASSWORD})
        assert state(amy) == State.AGREED  # the password alone ends nothing
        assert web.send("/login/verify/", {"otp": code()}).status_code == 302
    else:
        body = {"username": "amy", "password": PASSWORD, "otp": code(), "expires": 1_900_000_000_000}
        assert dx("/system/newAuthToken", body).status_code == 200
    assert state(amy) == State.OVERTAKEN
    event = SecurityEvent.objects.get(event="two-factor-reset.overtaken")
    assert event.data["by"] == "you signed in with a code"
    clock.shift(48 * 3600)
    assert flows.carry_out_due() == 0
    assert Authenticator.objects.exists()
    assert web.get(link_in_mail("will turn")).status_code == 410


def test_adm_05_a_credential_change_in_the_wait_ends_it(amy: User, codes: list[str]) -> None:
    agreed(amy)
    proof = Proof(amy.pk, amy.session_epoch)
    account_flows.change_password(user=amy, new_password="a longer passphrase", proof=proof, actor=actor(amy))
    assert state(amy) == State.OVERTAKEN
    assert SecurityEvent.objects.get(event="two-factor-reset.overtaken").data["by"] == "the password was changed"


def test_new_backup_codes_in_the_wait_end_it_too(web: WebDoor, amy: User, codes: list[str]) -> None:
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    web.send("/login/verify/", {"otp": codes[0]})
    agreed(amy)
    web.send("/security/2fa/backup-codes/", {"current_password": PASSWORD, "otp": code()})
    assert state(amy) == State.OVERTAKEN
    assert SecurityEvent.objects.get(event="two-factor-reset.overtaken").data["by"] == "you made new backup codes"


@pytest.mark.parametrize(
    ("waits", "house", "hours"),
    [([], 24, 24), ([1], 24, 1), ([None], 24, 24), ([1, 6], 24, 6), ([1, None], 24, 24), ([], 2, 2), ([3, None], 2, 3), ([None], 72, 72)],
)
def test_the_longest_wait_of_ones_organizations_holds(
    amy: User, codes: list[str], settings: Any, waits: list[int | None], house: int, hours: int
) -> None:
    settings.RESET_WAIT_HOURS = house
    for number, wait in enumerate(waits):
        Membership.objects.create(org=Organization.objects.create(handle=f"org{number}", name="Org", reset_wait_hours=wait), user=amy)
    assert agreed(amy).due_at == timezone.now() + timedelta(hours=hours)


@pytest.mark.parametrize("grace_days", [0, 14])
def test_where_an_organization_wants_it_the_next_sign_in_leads_to_the_set_up(
    web: WebDoor, amy: User, codes: list[str], clock: Any, grace_days: int
) -> None:
    org = Organization.objects.create(handle="acme", name="Acme", second_factor_from=timezone.now() + timedelta(days=grace_days))
    Membership.objects.create(org=org, user=amy)
    agreed(amy)
    clock.shift(24 * 3600)
    assert flows.carry_out_due() == 1
    amy.refresh_from_db()
    assert amy.must_enrol
    web.sign_in(amy)
    assert web.get("/")["Location"] == "/security/2fa/enable/"


def test_an_account_that_was_switched_off_meanwhile_is_left_alone(amy: User, codes: list[str], clock: Any) -> None:
    agreed(amy)
    User.objects.filter(pk=amy.pk).update(is_active=False)
    clock.shift(24 * 3600)
    assert flows.carry_out_due() == 0
    assert state(amy) == State.OVERTAKEN
    assert Authenticator.objects.exists()


@pytest.mark.parametrize("point", ["two_factor.before_commit", "credentials.announced", "credentials.epoch_raised"])
def test_a_crash_on_the_way_changes_nothing_and_the_next_round_does_it(
    amy: User, codes: list[str], clock: Any, settings: Any, point: str
) -> None:
    agreed(amy)
    clock.shift(24 * 3600)
    events = SecurityEvent.objects.count()
    settings.FAILPOINTS = {point: "raise"}
    with pytest.raises(FailpointError):
        flows.carry_out_due()
    assert (state(amy), Authenticator.objects.count(), BackupCode.objects.count()) == (State.AGREED, 1, 10)
    assert SecurityEvent.objects.count() == events
    settings.FAILPOINTS = {}
    assert flows.carry_out_due() == 1
    assert flows.carry_out_due() == 0
    assert OutboxMail.objects.filter(subject__startswith="Support turned").count() == 1


def test_an_error_in_the_mail_undoes_the_act(amy: User, codes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twofactor.emails.outbox.write", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        asked(amy)
    assert not ResetRequest.objects.exists()
    assert not SecurityEvent.objects.filter(event="two-factor-reset.asked").exists()


@pytest.mark.django_db(transaction=True)
def test_in_two_workers_it_is_done_once(race: Race) -> None:
    amy = UserFactory(username="amy")
    turned_on(amy)
    agreed(amy)
    ResetRequest.objects.update(due_at=timezone.now())
    assert sorted(race(3, lambda number: flows.carry_out_due())) == [0, 0, 1]
    assert SecurityEvent.objects.filter(event="two-factor-reset.done").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_an_objection_and_the_worker_one_wins(race: Race) -> None:
    amy = UserFactory(username="amy")
    turned_on(amy)
    agreed(amy)
    ResetRequest.objects.update(due_at=timezone.now())
    key = link_in_mail("will turn").split("/")[-2]
    acts: list[Callable[[], Any]] = [flows.carry_out_due, lambda: flows.object_(key=key, actor=Actor(None, "web"))]
    done, objected = race(2, lambda number: acts[number]())
    if done == 1:
        assert isinstance(objected, LinkDead)
    else:
        assert not isinstance(objected, GatehouseError), objected
    assert Authenticator.objects.exists() is (done == 0)


def test_the_second_step_of_a_login_says_how_to_reach_support(web: WebDoor, amy: User, codes: list[str], settings: Any) -> None:
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    page = web.get("/login/verify/").content.decode()
    assert f"mailto:{settings.SUPPORT_EMAIL}" in page
    assert "Two people of support have to agree" in page
    assert "24 hours pass" in page


def test_the_wait_is_settled_when_it_is_asked_for(amy: User, codes: list[str]) -> None:
    org = Organization.objects.create(handle="acme", name="Acme", reset_wait_hours=6)
    Membership.objects.create(org=org, user=amy)
    asked(amy)
    Organization.objects.update(reset_wait_hours=1)
    staff = supporter("tom")
    request = flows.agree(staff=staff, request_id=ResetRequest.objects.get().public_id, actor=staff.actor)
    assert request.due_at == timezone.now() + timedelta(hours=6)


@pytest.mark.parametrize("who", ["sue", "tom"])
def test_it_does_not_come_about_once_one_of_the_two_has_left_support(amy: User, codes: list[str], clock: Any, who: str) -> None:
    agreed(amy)
    User.objects.get(username=who).groups.clear()
    clock.shift(24 * 3600)
    assert flows.carry_out_due() == 0
    assert (state(amy), Authenticator.objects.count()) == (State.WITHDRAWN, 1)
    assert SecurityEvent.objects.get(event="two-factor-reset.withdrawn").door == "worker"
    mail = OutboxMail.objects.get(subject="Your two-factor authentication stays on")
    assert "The reset of two-factor authentication of your account amy was withdrawn: “Whoever asked or agreed may" in mail.text
    assert flows.carry_out_due() == 0


def test_nobody_agrees_once_whoever_asked_has_left_support(amy: User, codes: list[str]) -> None:
    request, staff = asked(amy), supporter("tom")
    User.objects.filter(username="sue").update(is_staff=False)
    with pytest.raises(NotForSupport):
        flows.agree(staff=staff, request_id=request.public_id, actor=staff.actor)
    assert state(amy) == State.ASKED


@pytest.mark.parametrize("act", [AGREE, WITHDRAW], ids=["agree", "withdraw"])
def test_the_console_takes_no_request_of_somebody_else(amy: User, ben: User, codes: list[str], act: Act) -> None:
    request = asked(amy)
    given = QueryDict(f"request={request.public_id}")
    with pytest.raises(ResetNotFound):
        act.do(supporter("tom"), ben, given)
    assert state(amy) == State.ASKED
    act.do(supporter("tom"), amy, given)
    assert state(amy) != State.ASKED
