"""The acts of support (S8.3, ADM-04): a reason, one event, one mail, all of it or nothing, and the same again is harmless."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from accounts import flows, limits
from accounts.models import Counter, OutboxMail, PasswordReset, SecurityEvent, Session, User
from accounts.support import acting
from orgs import limits as org_limits
from orgs.models import Invitation, Membership, Organization, OrgLevel
from tests.conftest import WebDoor
from tests.console.conftest import ADDRESS, INERT, REASON, Desk, Furnished, staff
from tests.factories import PASSWORD, UserFactory, actor
from tests.tokens.doors import dx, rest
from tests.tokens.factories import TokenFactory, token_and_text
from tests.twofactor.factories import code
from tokens import flows as token_flows
from tokens.models import Token, TokenKind, TokenState
from tokens.work.models import Job
from twofactor.models import Authenticator, ResetRequest, WrongCode

pytestmark = pytest.mark.django_db
PERSON = "/admin/people/amy/"
# Each act: its event, the subject of its mail, what it is done with, what has to be so before, and what is so afterwards.
ACTS: dict[str, dict[str, Any]] = {
    "end-sessions": {"event": "support.sessions-ended", "mail": "Support ended your Gatehouse sessions"},
    "send-reset": {"event": "support.reset-mailed", "mail": "Reset your Gatehouse password"},
    "unlock": {"event": "support.unlocked", "mail": "Support unlocked your Gatehouse account"},
    "deactivate": {"event": "support.deactivated", "mail": "Support switched your Gatehouse account off"},
    "reactivate": {"event": "support.reactivated", "mail": "Support switched your Gatehouse account on"},
    "revoke-tokens": {"event": "support.tokens-revoked", "mail": "Support revoked tokens of your Gatehouse account"},
}
FIELDS = {"revoke-tokens": {"all": "1"}}
AGAIN = {
    "end-sessions": "No session is open", "send-reset": "within the last minute", "unlock": "Nothing was locked",
    "deactivate": "switched off already", "reactivate": "switched on already", "revoke-tokens": "No token was left",
}  # fmt: skip


def prepared(amys: Furnished, act: str) -> User:
    """Return amy, of whom there is something to do."""
    if act == "reactivate":
        User.objects.filter(pk=amys.user.pk).update(is_active=False)
    if act == "send-reset":
        PasswordReset.objects.all().delete()
    return amys.user


def state(user: User) -> dict[str, Any]:
    """Return everything that an act could change, but for counters of the house."""
    return {
        "person": User.objects.filter(pk=user.pk).values().get(),
        "sessions": sorted(Session.objects.of(user).values_list("pk", flat=True)),
        "tokens": list(Token.objects.of(user).order_by("pk").values_list("pk", "state", "end_why")),
        "jobs": list(Job.objects.of(user).order_by("pk").values_list("pk", "state")),
        "resets": list(PasswordReset.objects.order_by("pk").values()),
        "requests": list(ResetRequest.objects.order_by("pk").values()),
        "wrong codes": WrongCode.objects.filter(user=user).count(),
        "events": SecurityEvent.objects.count(),
        "mails": OutboxMail.objects.count(),
    }


def event_of(name: str) -> SecurityEvent:
    return SecurityEvent.objects.get(event=name)


@pytest.mark.parametrize("act", ACTS)
def test_adm_04_an_act_is_one_event_and_one_mail_with_name_and_reason(act: str, desk: Desk, sam: User, amys: Furnished) -> None:
    amy = prepared(amys, act)
    OutboxMail.objects.all().delete()
    answer = desk.press(f"{PERSON}{act}/", FIELDS.get(act))
    assert answer.status_code == 302
    assert answer["Location"] == PERSON
    event = event_of(ACTS[act]["event"])
    assert (event.subject_id, event.actor_id, event.door, event.ip) == (amy.pk, sam.pk, "admin", ADDRESS)
    assert (event.data["reason"], event.data["by"]) == (REASON, "Sam Support")
    mail = OutboxMail.objects.get()
    assert (mail.to, mail.subject) == (amy.email, ACTS[act]["mail"])
    for body in (mail.text, mail.html):
        assert all(words in body for words in ("Amy Adams", "Sam Support of Gatehouse support", REASON, "You did not expect this", "UTC"))
        assert ADDRESS not in body  # where somebody of support sits is not the person's to know
    assert 'role="status"' in desk.get(PERSON).content.decode()


@pytest.mark.parametrize("act", ACTS)
def test_adm_04_without_a_reason_nothing_happens(act: str, desk: Desk, amys: Furnished) -> None:
    amy = prepared(amys, act)
    before = state(amy)
    csrf = desk.csrf()
    for reason in ("", "too short", "  blanks   ", "x" * 501, "   \t      "):
        sent = {**FIELDS.get(act, {}), "reason": reason, "csrfmiddlewaretoken": csrf}
        answer = desk.post(f"{PERSON}{act}/", sent)
        assert answer.status_code == 422, reason
        assert "Say why, in 10 to 500 characters" in answer.content.decode()
    assert state(amy) == before


@pytest.mark.parametrize("act", ACTS)
def test_the_same_again_is_harmless_and_says_so(act: str, desk: Desk, amys: Furnished) -> None:
    amy = prepared(amys, act)
    desk.press(f"{PERSON}{act}/", FIELDS.get(act))
    done = state(amy)
    answer = desk.press(f"{PERSON}{act}/", FIELDS.get(act))
    assert answer.status_code == 302
    page = desk.get(PERSON).content.decode()
    assert AGAIN[act] in page
    assert "notice--info" in page
    assert state(amy) == done


@pytest.mark.parametrize("act", ACTS)
def test_adm_04_an_act_whose_event_or_mail_fails_is_undone(act: str, desk: Desk, amys: Furnished, monkeypatch: pytest.MonkeyPatch) -> None:
    amy = prepared(amys, act)
    before = state(amy)
    desk.raise_request_exception = False

    def fail(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the disk is full")

    for broken in (SecurityEvent.objects, OutboxMail.objects):
        with monkeypatch.context() as patch:
            patch.setattr(broken, "create", fail)
            assert desk.press(f"{PERSON}{act}/", FIELDS.get(act)).status_code == 500
        assert state(amy) == before


@pytest.mark.parametrize("whom", ["themself", "a colleague", "a superuser"])
def test_adm_03_nobody_of_support_acts_on_staff_or_themself(whom: str, desk: Desk, sam: User, tess: User, root: User) -> None:
    person = {"themself": sam, "a colleague": tess, "a superuser": root}[whom]
    TokenFactory(user=person)
    before, csrf = state(person), desk.csrf()
    page = desk.get(f"/admin/people/{person.username}/").content.decode()
    for act in (*ACTS, "ask-2fa-reset", "agree-2fa-reset", "withdraw-2fa-reset"):
        path = f"/admin/people/{person.username}/{act}/"
        assert desk.get(path).status_code == 403, act
        answer = desk.post(path, {"reason": REASON, "csrfmiddlewaretoken": csrf, **FIELDS.get(act, {})})
        assert answer.status_code == 403, act
        assert ("Ask a colleague" if whom == "themself" else "only a superuser") in answer.content.decode()
        assert path not in page
    assert state(person) == before


def test_adm_03_the_acts_ask_again_by_themselves(sam: User, tess: User, root: User) -> None:
    token = TokenFactory(user=tess)
    for person in (sam, tess, root):
        by_sam = acting(reason=REASON, actor=actor(sam, door="admin"))
        for act in (flows.end_sessions, flows.send_reset, flows.unlock, flows.deactivate, flows.reactivate):
            with pytest.raises(Exception, match="(?i)superuser|colleague"):
                act(staff=by_sam, person=person, actor=by_sam.actor)
        with pytest.raises(Exception, match="(?i)superuser|colleague"):
            token_flows.revoke_for_support(staff=by_sam, person=person, public_ids=[token.public_id], actor=by_sam.actor)
    assert not SecurityEvent.objects.filter(event__startswith="support.").exists()


def test_a_superuser_acts_on_staff_and_not_on_themself(root: User, sam: User) -> None:
    desk = Desk().enter(root)
    assert desk.press("/admin/people/sam/deactivate/").status_code == 302
    assert not User.objects.get(pk=sam.pk).is_active
    assert desk.press("/admin/people/sam/reactivate/").status_code == 302
    assert desk.get("/admin/people/root/deactivate/").status_code == 403


def test_a_person_who_became_staff_while_the_page_was_open_is_not_acted_on(desk: Desk, amys: Furnished) -> None:
    csrf = str(desk.get(f"{PERSON}deactivate/").context["csrf_token"])
    User.objects.filter(pk=amys.user.pk).update(is_staff=True)
    assert desk.post(f"{PERSON}deactivate/", {"reason": REASON, "csrfmiddlewaretoken": csrf}).status_code == 403
    assert User.objects.get(pk=amys.user.pk).is_active


def test_ending_sessions_ends_every_browser_and_no_token(desk: Desk, amys: Furnished, browsers: Callable[[], WebDoor]) -> None:
    text = token_and_text(user=amys.user)[1]
    other = browsers()
    other.send("/login/", {"username": "amy", "password": PASSWORD})
    other.send("/login/verify/", {"otp": code()})
    page = desk.get(f"{PERSON}end-sessions/").content.decode()
    assert "these 2 browsers" in page
    desk.press(f"{PERSON}end-sessions/")
    assert not Session.objects.of(amys.user).exists()
    assert "why=by-support" in other.get("/security/")["Location"]
    assert "Support ended this session" in other.get("/login/?why=by-support").content.decode()
    assert rest("GET", "/api/v1/me/", text).status_code == 200
    assert "Ended: 2 sessions" in desk.get(PERSON).content.decode()


def test_revoking_chosen_tokens_ends_these_and_what_runs_on_them(desk: Desk, amys: Furnished) -> None:
    kept, text = token_and_text(user=amys.user, label="kept")
    page = desk.get(f"{PERSON}revoke-tokens/?token={amys.token.public_id}").content.decode()
    assert "deploy amy0" in page
    assert "job amy0" in page
    assert "kept" not in page
    answer = desk.press(f"{PERSON}revoke-tokens/", {"token": amys.token.public_id})
    assert answer.status_code == 302
    amys.token.refresh_from_db()
    assert (amys.token.state, amys.token.end_words, amys.token.ended_by) == (
        TokenState.REVOKED,
        "revoked by support",
        User.objects.get(username="sam"),
    )
    assert Job.objects.get(user=amys.user).failure_reason == "AuthError"
    assert rest("GET", "/api/v1/me/", text).status_code == 200
    assert "Ended: 2 tokens, 1 job" in desk.get(PERSON).content.decode()
    assert event_of("support.tokens-revoked").data["ended"] == {"token": 2, "job": 1}
    assert desk.press(f"{PERSON}revoke-tokens/").status_code == 302  # none ticked
    assert Token.objects.get(pk=kept.pk).state == TokenState.ACTIVE


def test_a_token_of_somebody_else_is_not_found_and_nothing_ends(desk: Desk, amys: Furnished, ben: User) -> None:
    bens = TokenFactory(user=ben)
    csrf = desk.csrf()
    sent = {"token": [amys.token.public_id, bens.public_id], "reason": REASON, "csrfmiddlewaretoken": csrf}
    assert desk.post(f"{PERSON}revoke-tokens/", sent).status_code == 404
    assert desk.get(f"{PERSON}revoke-tokens/?token={bens.public_id}").status_code == 404
    assert Token.objects.filter(pk__in=[amys.token.pk, bens.pk], state=TokenState.ACTIVE).count() == 2


def test_adm_03_a_reset_mail_goes_to_the_stored_address_and_support_never_sees_the_link(desk: Desk, amys: Furnished) -> None:
    PasswordReset.objects.all().delete()
    answer = desk.press(f"{PERSON}send-reset/", {"email": "sam@evil.example", "to": "sam@evil.example"})
    mail = OutboxMail.objects.latest("pk")
    assert mail.to == "amy@example.com"
    found = re.search(r"/password/reset/\S+/(\S+)/", mail.text)
    assert found
    for page in (answer, desk.get(PERSON), desk.get("/admin/mails/"), desk.get("/admin/log/")):
        assert found[1] not in page.content.decode()
    assert WebDoor().get(found[0], follow=True).status_code == 200


def test_the_mails_of_a_day_are_few_and_the_console_says_when_it_goes_on(desk: Desk, amys: Furnished, clock: Any) -> None:
    PasswordReset.objects.all().delete()
    desk = Desk().enter(staff("una"))
    for _ in range(limits.MAILS_PER_ACCOUNT_AND_DAY):
        assert desk.press(f"{PERSON}send-reset/").status_code == 302
        clock.shift(limits.RESET_MAIL_PAUSE_SECONDS)
    answer = desk.press(f"{PERSON}send-reset/")
    assert answer.status_code == 429
    assert "Too many attempts" in answer.content.decode()


def test_an_unlock_lets_the_right_password_and_code_in(desk: Desk, amys: Furnished, web: WebDoor) -> None:
    for _ in range(limits.FREE_FAILURES):
        web.send("/login/", {"username": "amy", "password": "wrong"})
    WrongCode.objects.bulk_create([WrongCode(user=amys.user) for _ in range(5)])
    assert web.send("/login/", {"username": "amy", "password": PASSWORD}).status_code == 429
    page = desk.get(PERSON).content.decode()
    assert "Waits until" in page
    assert "Codes are not looked at for now" in page
    assert "refused until" in desk.get(f"{PERSON}unlock/").content.decode()
    desk.press(f"{PERSON}unlock/")
    assert not Counter.objects.filter(key__startswith="guard:", count__gt=0).exists()
    web.send("/login/", {"username": "amy", "password": PASSWORD})
    assert web.send("/login/verify/", {"otp": code()}).status_code == 302
    assert web.signed_in


def test_an_unlock_gives_a_disabled_password_back(desk: Desk, amys: Furnished, web: WebDoor) -> None:
    web.send("/login/", {"username": "amy", "password": "wrong"})
    Counter.objects.filter(key__startswith="cap:").update(in_a_row=limits.FAILURES_IN_A_ROW)
    assert "Switched off after 100 wrong ones" in desk.get(PERSON).content.decode()
    assert web.send("/login/", {"username": "amy", "password": PASSWORD}).status_code == 403
    desk.press(f"{PERSON}unlock/")
    assert web.send("/login/", {"username": "amy", "password": PASSWORD}).status_code == 302


def test_ses_10_a_deactivated_person_is_out_at_every_door_and_reactivating_brings_nothing_back(desk: Desk, amys: Furnished) -> None:
    text = token_and_text(user=amys.user)[1]
    browser, epoch = Desk().enter(amys.user), amys.user.session_epoch
    desk.press(f"{PERSON}deactivate/")
    amy = User.objects.get(pk=amys.user.pk)
    assert (amy.is_active, amy.session_epoch) == (False, epoch + 1)
    assert "why=deactivated" in browser.get("/security/")["Location"]
    assert rest("GET", "/api/v1/me/", text).status_code == 401
    assert dx("/system/whoami", text=text).status_code == 401
    assert not Token.objects.of(amy).with_authority().exists()
    assert not Job.objects.of(amy).running().exists()
    assert not ResetRequest.objects.open().filter(user=amy).exists()
    assert WebDoor().send("/login/", {"username": "amy", "password": PASSWORD}).status_code == 401
    desk.press(f"{PERSON}reactivate/")
    assert browser.get("/security/").status_code == 302
    assert rest("GET", "/api/v1/me/", text).status_code == 401
    assert WebDoor().send("/login/", {"username": "amy", "password": PASSWORD}).status_code == 302


def test_before_a_deactivation_the_page_names_what_ends_and_whom_it_leaves_without_an_admin(desk: Desk, amys: Furnished) -> None:
    other = Organization.objects.create(handle="other", name="Other Org")
    for user in (amys.user, UserFactory(username="adam")):
        Membership.objects.create(org=other, user=user, level=OrgLevel.ADMIN)
    page = desk.get(f"{PERSON}deactivate/").content.decode()
    assert "Org amy0 is left without an admin who can sign in" in page
    assert "Other Org" not in page
    for name in ("deploy amy0", "job amy0", "1 session"):
        assert name in page


def test_adm_05_a_reset_of_the_second_factor_takes_two(desk: Desk, sam: User, tess: User, amys: Furnished) -> None:
    assert Desk().enter(tess).press(f"{PERSON}agree-2fa-reset/", {"request": amys.reset.public_id}).status_code == 403
    assert "Agree" in desk.get("/admin/resets/").content.decode()
    assert desk.press(f"{PERSON}agree-2fa-reset/", {"request": "B" * 24}).status_code == 404
    assert desk.press(f"{PERSON}agree-2fa-reset/", {"request": amys.reset.public_id}).status_code == 302
    amys.reset.refresh_from_db()
    assert (amys.reset.state, amys.reset.agreed_by) == ("agreed", sam)
    assert Authenticator.objects.filter(user=amys.user).exists()
    assert desk.press(f"{PERSON}withdraw-2fa-reset/", {"request": amys.reset.public_id}).status_code == 302
    assert desk.press(f"{PERSON}withdraw-2fa-reset/", {"request": amys.reset.public_id}).status_code == 409
    assert desk.press(f"{PERSON}ask-2fa-reset/").status_code == 302
    assert ResetRequest.objects.open().get(user=amys.user).asked_by == sam


def test_what_support_types_is_text_in_page_log_and_mail(desk: Desk, amys: Furnished) -> None:
    desk.press(f"{PERSON}end-sessions/", {"reason": f"because {INERT}"})
    mail = OutboxMail.objects.latest("pk")
    assert INERT not in mail.html
    assert INERT in mail.text
    assert INERT not in desk.get(PERSON).content.decode()


def test_a_job_token_cannot_hide_from_revoke_all(desk: Desk, amys: Furnished) -> None:
    TokenFactory(user=amys.user, kind=TokenKind.CLI, label="cli")
    desk.press(f"{PERSON}revoke-tokens/", {"all": "1"})
    assert not Token.objects.of(amys.user).with_authority().exists()


def test_who_is_of_support_is_decided_on_the_server_alone(sam: User, amy: User, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        call_command("make_support", "Amy")
    appointed = User.objects.get(pk=amy.pk)
    assert (appointed.is_staff, appointed.is_superuser, [group.name for group in appointed.groups.all()]) == (True, False, ["Support"])
    assert SecurityEvent.objects.filter(event="support.appointed", subject=amy, door="shell").count() == 1
    for _ in range(2):
        call_command("make_support", "amy", "--undo")
    assert not User.objects.get(pk=amy.pk).is_staff
    assert event_of("support.dismissed").subject_id == amy.pk
    assert "amy is of support already" in capsys.readouterr().out
    with pytest.raises(CommandError, match="nobody with this username"):
        call_command("make_support", "nobody")


def test_policies_of_an_organization_are_set_with_a_reason_after_the_page_said_whom_that_hits(desk: Desk, amys: Furnished) -> None:
    path = f"/admin/orgs/{amys.org.handle}/"
    sent = {"auto_logout_after": "5", "fa": "on", "grace": "0", "tokens": "off"}
    page = desk.press(path, sent)
    assert (page.status_code, "Nothing is saved yet" in page.content.decode()) == (200, True)
    assert amys.org.__class__.objects.get(pk=amys.org.pk).auto_logout_after_minutes is None
    sent["reviewed"] = page.context["reviewed"]
    assert desk.press(path, {**sent, "reason": ""}).status_code == 422
    assert desk.press(path, sent)["Location"] == path
    org = Organization.objects.get(pk=amys.org.pk)
    assert (org.auto_logout_after_minutes, org.tokens_allowed, org.second_factor_from is None) == (5, False, False)
    event = event_of("org.policies-changed")
    assert (event.actor, event.door, event.data["reason"]) == (User.objects.get(username="sam"), "admin", REASON)
    mail = OutboxMail.objects.latest("pk")
    assert mail.to == amys.user.email
    assert REASON in mail.text
    assert set(Session.objects.of(amys.user).values_list("idle_limit_seconds", flat=True)) == {300}
    page = desk.press(path, sent)
    assert "Nothing is different" in page.content.decode()


def test_api_08_support_asks_so_often_too_whom_policies_would_hit(
    desk: Desk, amys: Furnished, monkeypatch: pytest.MonkeyPatch, clock: Any
) -> None:
    monkeypatch.setattr(org_limits, "PREVIEWS_PER_PERSON_AND_MINUTE", 1)
    desk = Desk().enter(staff("una"))
    sent = {"auto_logout_after": "5", "fa": "on", "grace": "0", "tokens": "off"}
    assert [desk.press(f"/admin/orgs/{amys.org.handle}/", sent).status_code for _ in range(2)] == [200, 429]


def test_org_02_members_of_an_organization_are_changed_and_its_last_admin_stays(desk: Desk, amys: Furnished, ben: User, sam: User) -> None:
    path = f"/admin/orgs/{amys.org.handle}/"
    Membership.objects.create(org=amys.org, user=ben)
    refused = desk.press(f"{path}members/amy/", {"level": "MEMBER"})
    assert (refused.status_code, "at least one admin" in refused.content.decode()) == (409, True)
    assert desk.press(f"{path}members/amy/remove/").status_code == 409
    assert desk.press(f"{path}members/ben/", {"level": "ADMIN"}).status_code == 302
    assert desk.press(f"{path}members/ben/", {"level": "ADMIN", "reason": ""}).status_code == 422
    assert Membership.objects.get(org=amys.org, user=ben).level == OrgLevel.ADMIN
    assert desk.press(f"{path}members/amy/remove/").status_code == 302
    assert not Membership.objects.filter(org=amys.org, user=amys.user).exists()
    assert desk.press(f"{path}invite/", {"user": "amy@example.com", "level": "MEMBER"}).status_code == 302
    assert desk.press(f"{path}invite/", {"user": "user-sam", "level": "ADMIN"}).status_code == 403
    assert desk.get(f"{path}members/amy/").status_code == 404
    Membership.objects.create(org=amys.org, user=sam)
    assert desk.press(f"{path}members/sam/", {"level": "ADMIN"}).status_code == 403
    assert Membership.objects.get(org=amys.org, user=sam).level == OrgLevel.MEMBER


def test_an_organization_is_made_and_its_first_admin_invited(desk: Desk, ben: User) -> None:
    fields = {"handle": "north", "name": f"North {INERT}", "admin": "user-ben"}
    assert desk.press("/admin/orgs/new/", {**fields, "reason": ""}).status_code == 422
    assert desk.press("/admin/orgs/new/", {**fields, "admin": "sam"}).status_code == 403
    assert desk.press("/admin/orgs/new/", fields)["Location"] == "/admin/orgs/north/"
    assert not Membership.objects.filter(org__handle="north").exists()
    invitation = Invitation.objects.get(org__handle="north")
    assert (invitation.user, invitation.level, invitation.by_support) == (ben, OrgLevel.ADMIN, True)
    assert event_of("org.created").data["reason"] == REASON
    assert desk.press("/admin/orgs/new/", fields).status_code == 409
    assert "<img" not in desk.get("/admin/orgs/north/").content.decode()
