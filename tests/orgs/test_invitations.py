"""Invitations: for one address or account, single use, 7 days, nothing before they are accepted; and what they tell nobody (ORG-06)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.errors import (
    AddressTaken,
    InvalidInput,
    LinkDead,
    TooManyAttempts,
    UsernameRefused,
    UsernameTaken,
    WeakPassword,
)
from accounts.models import OutboxMail, SecurityEvent, User
from accounts.sessions import SessionStore
from orgs import flows, limits, sweeping
from orgs.errors import AlreadyMember, InvitationForOther, InvitationNotFound, InviteeNotFound, TooManyInvitations
from orgs.models import Invitation, Membership, Organization, OrgLevel
from tests.conftest import Race, WebDoor
from tests.factories import PASSWORD, UserFactory, actor
from tests.orgs.factories import OrganizationFactory, invite, level_in, mailed_link, mailed_path, opened, person

pytestmark = pytest.mark.django_db
NEW = {"username": "dana", "first_name": "Dana", "last_name": "Dale", "new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def acme(amy: User) -> Organization:
    """An organization with amy as its admin."""
    return OrganizationFactory(handle="acme", name="Acme Genomics", admins=[amy])


def accept(user: User, link: str) -> Membership:
    return flows.accept(link=link, user=user, actor=actor(user))


def join(link: str, **wish: str) -> Membership:
    wishes = {"username": "dana", "password": PASSWORD, "first_name": "Dana", "last_name": "Dale", **wish}
    return flows.accept_as_new(link=link, actor=actor(), **wishes)


def test_org_06_an_invitation_gives_nothing_before_it_is_accepted_and_is_used_once(acme: Organization, amy: User, ben: User) -> None:
    invite(acme, amy, " BEN@example.com ", OrgLevel.ADMIN)
    link = mailed_link()
    assert level_in(acme, ben) is None
    membership = accept(ben, link)
    assert (membership.org, membership.level, level_in(acme, ben)) == (acme, "ADMIN", "ADMIN")
    event = SecurityEvent.objects.get(event="org.member-added")
    assert (event.subject, event.actor, event.about) == (ben, ben, "org-acme")
    assert [mail.to for mail in OutboxMail.objects.order_by("pk")] == [ben.email, ben.email]
    flows.leave(caller=person(ben), handle="acme", actor=actor(ben))
    with pytest.raises(LinkDead):
        accept(ben, link)
    assert level_in(acme, ben) is None


@pytest.mark.parametrize("whom", ["ben@example.com", "user-ben"])
def test_org_06_nobody_else_can_accept_whatever_they_know(acme: Organization, amy: User, ben: User, whom: str) -> None:
    invitation = invite(acme, amy, whom)
    cleo, link = UserFactory(username="cleo"), mailed_link()
    with pytest.raises(InvitationForOther) as refused:
        accept(cleo, link)
    assert "ben" not in str(refused.value)
    with pytest.raises(LinkDead):
        accept(cleo, invitation.public_id)
    assert accept(ben, invitation.public_id).user == ben


def test_the_username_that_was_invited_can_accept_whatever_its_address_is_by_then(acme: Organization, amy: User, ben: User) -> None:
    invite(acme, amy, "user-ben")
    link, address = mailed_link(), ben.email
    User.objects.filter(pk=ben.pk).update(email="ben@elsewhere.example")
    thief = UserFactory(username="thief", email=address)
    with pytest.raises(InvitationForOther):
        accept(thief, link)
    with pytest.raises(InvitationForOther):
        join(link)
    assert accept(ben, link).user == ben


@pytest.mark.parametrize(("seconds", "lives"), [(-1, True), (0, False)])
def test_org_06_an_invitation_lives_seven_days(acme: Organization, amy: User, ben: User, clock: Any, seconds: int, lives: bool) -> None:
    invite(acme, amy, ben.email)
    link = mailed_link()
    clock.shift(7 * 86_400 + seconds)
    if lives:
        assert accept(ben, link).user == ben
    else:
        with pytest.raises(LinkDead):
            accept(ben, link)
        assert not flows.find_pending(org=acme).exists()


@pytest.mark.parametrize("whom", ["ben@example.com", "user-ben"])
def test_a_newer_invitation_ends_the_older_one_to_the_same(acme: Organization, amy: User, ben: User, whom: str) -> None:
    invite(acme, amy, whom, OrgLevel.ADMIN)
    old = mailed_link()
    invite(acme, amy, whom)
    with pytest.raises(LinkDead):
        accept(ben, old)
    assert accept(ben, mailed_link()).level == "MEMBER"


def test_an_address_and_a_username_are_not_told_to_be_the_same_person(acme: Organization, amy: User, ben: User) -> None:
    invite(acme, amy, ben.email)
    invite(acme, amy, "user-ben")
    assert {one.email for one in flows.find_pending(org=acme)} == {"ben@example.com", "user-ben"}


def cost(acme: Organization, amy: User, address: str) -> tuple[int, dict[str, Any], list[Any]]:
    """Return what inviting `address` costs and says: queries, the invitation, the event."""
    with CaptureQueriesContext(connection) as captured:
        invitation = invite(acme, amy, address)
    event = SecurityEvent.objects.order_by("-pk").values("event", "subject", "about", "data").first()
    shown = {"level": invitation.level, "user": invitation.user, "state": invitation.state}
    return len(captured), shown, [event and {**event, "data": {**event["data"], "invitee": ""}}]


def test_org_06_no_answer_cost_or_event_tells_whether_an_address_has_an_account(acme: Organization, amy: User, ben: User) -> None:
    UserFactory(username="off", email="off@example.com", is_active=False)
    costs = [cost(acme, amy, address) for address in ("nobody@example.com", ben.email, "off@example.com", amy.email)]
    assert all(one == costs[0] for one in costs), costs
    assert flows.find_pending(org=acme).count() == 4
    mails = {mail.to: mail.text for mail in OutboxMail.objects.all()}
    without_link = {to: re.sub(r"/invitations/\S+", "", text) for to, text in mails.items()}
    assert without_link["nobody@example.com"] == without_link[ben.email] == without_link["off@example.com"]
    assert "You are a member of it already" in mails[amy.email]
    assert "/invitations/" not in mails[amy.email]


def test_a_username_of_a_member_or_of_nobody_is_refused(acme: Organization, amy: User) -> None:
    UserFactory(username="off", is_active=False)
    with pytest.raises(AlreadyMember):
        invite(acme, amy, "user-amy")
    for whom in ("user-nobody", "off", "\x00"):
        with pytest.raises(InviteeNotFound):
            invite(acme, amy, whom)
    for whom in ("@", "a@b", "x@exa\nmple.com", "@" * 400, "a" * 250 + "@example.com"):
        with pytest.raises(InvalidInput):
            invite(acme, amy, whom)
    assert not Invitation.objects.exists()


def test_invitations_are_limited_by_person_by_mailbox_and_by_organization(
    acme: Organization, amy: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(limits.TOLD_PER_ADDRESS_AND_DAY):
        invite(acme, amy, "dana@example.com")
    with pytest.raises(TooManyAttempts):
        invite(acme, amy, "DANA@example.com")
    assert OutboxMail.objects.count() == limits.TOLD_PER_ADDRESS_AND_DAY
    monkeypatch.setattr(limits, "PENDING_MOST", 2)
    invite(acme, amy, "eve@example.com")
    with pytest.raises(TooManyInvitations):
        invite(acme, amy, "finn@example.com")
    monkeypatch.setattr(limits, "INVITED_PER_HOUR", 6)
    with pytest.raises(TooManyAttempts):
        invite(acme, amy, "gina@example.com")


def test_a_withdrawn_invitation_is_dead_and_gone_from_the_list(acme: Organization, amy: User, ben: User) -> None:
    invitation = invite(acme, amy, ben.email)
    link = mailed_link()
    withdraw: Any = {"caller": person(amy), "handle": "acme", "public_id": invitation.public_id, "actor": actor(amy)}
    flows.withdraw(**withdraw)
    with pytest.raises(LinkDead):
        accept(ben, link)
    with pytest.raises(InvitationNotFound):
        flows.withdraw(**withdraw)
    event = SecurityEvent.objects.get(event="org.invitation-withdrawn")
    assert (event.about, event.data["invitee"], event.subject) == ("org-acme", "ben@example.com", None)


def test_a_new_account_and_its_membership_are_one_transaction(acme: Organization, amy: User) -> None:
    invite(acme, amy, "dana@example.com")
    link = mailed_link()
    dana = join(link, username=" DANA ").user
    assert (dana.username, dana.email, dana.display_name, level_in(acme, dana)) == ("dana", "dana@example.com", "Dana Dale", "MEMBER")
    assert dana.check_password(PASSWORD)
    assert [(event.event, event.subject, event.actor) for event in SecurityEvent.objects.filter(subject=dana)] == [
        ("account.created", dana, dana), ("org.member-added", dana, dana),
    ]  # fmt: skip
    assert [mail.subject for mail in OutboxMail.objects.filter(user=dana).order_by("pk")] == [
        "Your Gatehouse account", "You are a member of an organization now",
    ]  # fmt: skip
    with pytest.raises(LinkDead):
        join(link, username="dana2")


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"username": "amy"}, UsernameTaken), ({"username": "ＡＭＹ"}, UsernameTaken), ({"username": "d"}, UsernameRefused),
        ({"username": "a\x00b"}, UsernameRefused), ({"password": "too short"}, WeakPassword),
        ({"password": "dana@example.com"}, WeakPassword),
        ({"first_name": "x" * 151}, InvalidInput), ({"last_name": "a\u202eb"}, InvalidInput), ({"first_name": "a\x00"}, InvalidInput),
    ],
)  # fmt: skip
def test_a_wrong_wish_makes_no_account_and_leaves_the_invitation(acme: Organization, amy: User, wish: dict[str, str], error: Any) -> None:
    invite(acme, amy, "dana@example.com")
    with pytest.raises(error):
        join(mailed_link(), **wish)
    assert (User.objects.count(), flows.find_pending(org=acme).count()) == (1, 1)


def test_where_the_address_has_an_account_no_second_one_is_made(acme: Organization, amy: User, ben: User) -> None:
    invite(acme, amy, ben.email)
    link = mailed_link()
    with pytest.raises(AddressTaken):
        join(link)
    assert accept(ben, link).user == ben


def test_an_invitation_is_no_way_to_try_usernames(acme: Organization, amy: User) -> None:
    invite(acme, amy, "dana@example.com")
    link = mailed_link()
    for number in range(limits.JOIN_TRIES_PER_HOUR):
        with pytest.raises(UsernameRefused):
            join(link, username=f"{number}")
    with pytest.raises(TooManyAttempts):
        join(link)


def test_two_submits_at_once_make_one_account(race: Race) -> None:
    amy = UserFactory(username="amy")
    acme = OrganizationFactory(handle="acme", admins=[amy])
    invite(acme, amy, "dana@example.com")
    link = mailed_link()
    results = race(2, lambda number: join(link, username=f"dana{number}"))
    assert sum(isinstance(result, Membership) for result in results) == 1, results
    assert sum(isinstance(result, LinkDead) for result in results) == 1, results
    assert (User.objects.filter(email="dana@example.com").count(), acme.memberships.count()) == (1, 2)


def test_an_accept_and_a_withdrawal_at_once_are_one_of_the_two(race: Race) -> None:
    amy, ben = UserFactory(username="amy"), UserFactory(username="ben")
    acme = OrganizationFactory(handle="acme", admins=[amy])
    invitation = invite(acme, amy, ben.email)
    link = mailed_link()
    withdraw: Any = {"caller": person(amy), "handle": "acme", "public_id": invitation.public_id, "actor": actor(amy)}
    acts = [lambda: accept(ben, link), lambda: flows.withdraw(**withdraw)]
    results = race(2, lambda number: acts[number]())
    assert sum(isinstance(result, Exception) for result in results) == 1, results
    invitation.refresh_from_db()
    assert (level_in(acme, ben) == "MEMBER") == (invitation.state == "accepted") == isinstance(results[0], Membership)


def test_the_link_shows_and_does_nothing_by_being_opened(acme: Organization, amy: User, ben: User, web: WebDoor) -> None:
    invite(acme, amy, ben.email)
    for _ in range(2):
        page = web.get(opened(web))
        assert (page.status_code, page.headers["Referrer-Policy"]) == (200, "no-referrer")
        assert "Acme Genomics" in page.content.decode()
        assert ben.email not in page.content.decode()
    assert (flows.find_pending(org=acme).count(), level_in(acme, ben)) == (1, None)
    dead = web.get("/invitations/nothing/")
    assert (dead.status_code, dead.headers["Referrer-Policy"]) == (410, "no-referrer")


def test_rst_04_the_key_of_an_invitation_leaves_the_address_bar_at_once_and_no_login_leads_back_to_it(
    acme: Organization, amy: User, ben: User, web: WebDoor, browsers: Callable[[], WebDoor]
) -> None:
    invite(acme, amy, ben.email)
    key, page = mailed_path().split("/")[2], opened(web)
    shown = web.get(page)
    assert (shown.status_code, shown["Cache-Control"]) == (200, "no-store")
    assert key not in page + shown.content.decode() + str(dict(SessionStore(web.cookies["sessionid"].value).items()))
    assert f'href="/login/?next={page}"' in shown.content.decode()
    assert browsers().get(page).status_code == 410
    web.sign_in(ben, to=page)
    assert web.send(page, {"act": "accept"})["Location"] == "/orgs/acme/"


def test_a_stranger_makes_an_account_on_the_page_and_is_led_to_sign_in(acme: Organization, amy: User, web: WebDoor) -> None:
    invite(acme, amy, "dana@example.com")
    path = opened(web)
    differ = web.send(path, {**NEW, "act": "join", "new_password2": "another one, really"})
    assert (differ.status_code, "The two passwords differ" in differ.content.decode()) == (422, True)
    made = web.send(path, {**NEW, "act": "join"})
    assert (made.status_code, made["Location"]) == (302, "/login/?why=account-made")
    assert "Your account is there" in web.get(made["Location"]).content.decode()
    assert not web.signed_in
    web.sign_in(User.objects.get(username="dana"))
    assert web.get("/orgs/acme/").status_code == 200


def test_a_signed_in_person_accepts_on_the_page_or_on_their_own(acme: Organization, amy: User, ben: User, web: WebDoor) -> None:
    web.sign_in(ben)
    invite(acme, amy, "user-ben", by_mail=False)
    assert not OutboxMail.objects.filter(subject__contains="invited").exists()
    page = web.get("/orgs/")
    [invitation] = page.context["invitations"]
    answer = web.send(f"/invitations/{invitation.public_id}/", {"act": "accept"}, form_at="/orgs/")
    assert (answer.status_code, answer["Location"], level_in(acme, ben)) == (302, "/orgs/acme/", "MEMBER")
    assert "You are a member." in web.get("/orgs/acme/").content.decode()


def test_org_06_another_account_is_refused_on_the_page_with_a_sentence_that_names_nobody(
    acme: Organization, amy: User, ben: User, web: WebDoor
) -> None:
    web.sign_in(UserFactory(username="cleo"))
    answers = []
    for address in (ben.email, "nobody@example.com"):
        invite(acme, amy, address)
        answer = web.send(opened(web), {"act": "accept"})
        answers.append((answer.status_code, "An account with the address that it was mailed to" in answer.content.decode()))
        assert address not in answer.content.decode()
    assert answers == [(403, True), (403, True)]
    assert acme.memberships.count() == 1


@pytest.mark.parametrize("signed_in", [True, False])
def test_whoever_has_the_link_can_decline(acme: Organization, amy: User, ben: User, web: WebDoor, signed_in: bool) -> None:
    invite(acme, amy, ben.email)
    path = opened(web)
    if signed_in:
        web.sign_in(ben)
    answer = web.send(path, {"act": "decline"})
    assert answer.status_code == (302 if signed_in else 200), answer.content
    event = SecurityEvent.objects.get(event="org.invitation-declined")
    assert (event.subject, event.actor, event.ip, event.about) == (None, None, None, "org-acme")
    assert web.get(path).status_code == 410


def test_who_must_set_a_second_factor_up_does_that_first(acme: Organization, amy: User, ben: User, web: WebDoor) -> None:
    invite(acme, amy, ben.email)
    path = opened(web)
    web.sign_in(ben)
    with time_machine.travel(0, tick=False):
        past = SecurityEvent(event="x").at
    User.objects.filter(pk=ben.pk).update(must_enrol_at=past)
    assert web.send(path, {"act": "accept"}).status_code == 403
    assert level_in(acme, ben) is None


def test_an_invitation_that_is_over_is_forgotten_after_30_days(acme: Organization, amy: User, clock: Any) -> None:
    invite(acme, amy, "dana@example.com")
    clock.shift(37 * 86_400)
    assert sweeping.sweep() == 0
    clock.shift(1)
    assert (sweeping.sweep(), Invitation.objects.count()) == (1, 0)
