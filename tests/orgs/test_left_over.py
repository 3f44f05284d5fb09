"""What an admin, a member or support could leave behind to come back by, and what support cannot give itself (ORG-02, ORG-06, ADM-03)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group

from accounts import audit
from accounts.errors import LinkDead, NotForSupport, TooManyAttempts
from accounts.models import OutboxMail, SecurityEvent, User
from accounts.support import GROUP, Staff, acting
from orgs import flows
from orgs import limits as org_limits
from orgs.drafting import PolicyWishes
from orgs.errors import InvitationForOther, PolicyRefused
from orgs.models import Invitation, Membership, Organization, OrgLevel
from orgs.projects.errors import NoHeir
from orgs.projects.models import Level
from tests.factories import PASSWORD, UserFactory, actor
from tests.orgs.factories import OrganizationFactory, invite, level_in, mailed_link, person, support
from tests.projects.factories import ProjectFactory, level_of
from twofactor.events import AccountSecured

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(amy: User, ben: User) -> Organization:
    """An organization with amy as its admin, and ben."""
    return OrganizationFactory(handle="acme", name="Acme Genomics", admins=[amy], members=[ben])


def plain_staff(username: str = "sam") -> Staff:
    """Return somebody of the group Support, no superuser, who acts."""
    user = UserFactory(username=username, is_staff=True)
    user.groups.add(Group.objects.get_or_create(name=GROUP)[0])
    return acting(reason="They asked us by telephone", actor=actor(user, door="admin"))


def support_invites(staff: Staff, whom: str, level: OrgLevel = OrgLevel.ADMIN) -> Invitation:
    return flows.invite(caller=staff, handle="acme", invitee=whom, level=level, actor=staff.actor)


def accept(user: User, link: str) -> Membership:
    return flows.accept(link=link, user=user, actor=actor(user))


def test_support_invites_neither_itself_nor_other_staff_by_their_address(acme: Organization, ben: User) -> None:
    staff, tess = plain_staff(), plain_staff("tess").user
    with pytest.raises(NotForSupport):
        support_invites(staff, staff.user.email.upper())
    support_invites(staff, tess.email)
    with pytest.raises(InvitationForOther):
        accept(tess, mailed_link())
    support_invites(staff, "later@example.com")
    link = mailed_link()
    User.objects.filter(pk=staff.user.pk).update(email="later@example.com")
    with pytest.raises(InvitationForOther):
        accept(User.objects.get(pk=staff.user.pk), link)
    assert set(acme.memberships.values_list("user__username", flat=True)) == {"amy", "ben"}


def test_an_invitation_of_support_works_for_others_and_dies_with_its_place_in_support(acme: Organization) -> None:
    staff, dana, eve = plain_staff(), UserFactory(username="dana"), UserFactory(username="eve")
    support_invites(staff, dana.email)
    assert accept(dana, mailed_link()).level == "ADMIN"
    support_invites(staff, eve.email)
    staff.user.groups.clear()
    with pytest.raises(LinkDead):
        accept(eve, mailed_link())


def test_the_admins_are_mailed_whatever_support_does_to_members(acme: Organization, amy: User, ben: User) -> None:
    staff = plain_staff()
    support_invites(staff, "dana@example.com")
    flows.change_level(caller=staff, handle="acme", username="ben", level=OrgLevel.ADMIN, actor=staff.actor)
    flows.remove(caller=staff, handle="acme", username="ben", actor=staff.actor)
    told = [mail.text for mail in OutboxMail.objects.filter(user=amy).order_by("pk")]
    assert [staff.reason in text for text in told] == [True] * 3
    did = ("invited dana@example.com as ADMIN", "changed the level of user-ben from MEMBER to ADMIN", "removed user-ben")
    assert all(f"user-sam of support {words}" in text for words, text in zip(did, told, strict=True))
    assert OutboxMail.objects.filter(user=ben).count() == 2


@pytest.mark.parametrize("whom", ["ben@example.com", "user-ben"])
@pytest.mark.parametrize("act", ["remove", "leave"])
def test_nobody_comes_back_by_an_invitation_that_was_left_over(acme: Organization, amy: User, ben: User, act: str, whom: str) -> None:
    Membership.objects.filter(user=ben).delete()
    links = []
    for one in (whom, *{"ben@example.com", "user-ben"} - {whom}):
        invite(acme, amy, one, OrgLevel.ADMIN)
        links.append(mailed_link())
    accept(ben, links[0])
    assert not Invitation.objects.pending().exists()
    invite(acme, amy, ben.email, OrgLevel.ADMIN)
    links.append(Invitation.objects.pending().get().public_id)
    invite(acme, amy, "dana@example.com")
    change: Any = {"handle": "acme", "username": "ben"}
    flows.change_level(caller=person(amy), level=OrgLevel.ADMIN, actor=actor(amy), **change)
    OrganizationFactory(handle="other", admins=[amy])
    if act == "remove":
        flows.remove(caller=person(amy), actor=actor(amy), **change)
    else:
        flows.leave(caller=person(ben), handle="acme", actor=actor(ben))
    for link in links[1:]:
        with pytest.raises(LinkDead):
            accept(ben, link)
    assert level_in(acme, ben) is None
    assert [one.email for one in Invitation.objects.pending()] == ["dana@example.com"]


def test_whoever_is_demoted_keeps_no_invitation_to_be_an_admin_again(acme: Organization, amy: User, ben: User) -> None:
    change: Any = {"caller": person(amy), "handle": "acme", "username": "ben", "actor": actor(amy)}
    flows.change_level(level=OrgLevel.ADMIN, **change)
    invite(acme, ben, ben.email, OrgLevel.ADMIN)
    invite(acme, amy, ben.email, OrgLevel.ADMIN)
    flows.change_level(level=OrgLevel.MEMBER, **change)
    assert not Invitation.objects.pending().exists()


def _off(ben: User) -> None:
    User.objects.filter(pk=ben.pk).update(is_active=False)


def _secured(ben: User) -> None:
    audit.record(AccountSecured(), subject=ben, actor=actor(ben))


def _demoted(ben: User) -> None:
    Membership.objects.filter(user=ben).update(level=OrgLevel.MEMBER)


def _gone(ben: User) -> None:
    Membership.objects.filter(user=ben).delete()


@pytest.mark.parametrize("happens", [_off, _secured, _demoted, _gone])
@pytest.mark.parametrize("new", [False, True])
def test_an_invitation_is_dead_when_whoever_made_it_has_no_say(
    acme: Organization, ben: User, happens: Callable[[User], None], new: bool
) -> None:
    Membership.objects.filter(user=ben).update(level=OrgLevel.ADMIN)
    invite(acme, ben, "dana@example.com", OrgLevel.ADMIN)
    link = mailed_link()
    dana = None if new else UserFactory(username="dana", email="dana@example.com")
    happens(ben)
    fields: Any = {"username": "dana", "password": PASSWORD, "first_name": "", "last_name": ""}
    with pytest.raises(LinkDead):
        _ = accept(dana, link) if dana else flows.accept_as_new(link=link, actor=actor(), **fields)
    assert acme.memberships.filter(user__username="dana").count() == 0


def test_an_invitation_after_the_account_was_secured_works(acme: Organization, amy: User) -> None:
    _secured(amy)
    dana = UserFactory(username="dana")
    invite(acme, amy, dana.email)
    assert accept(dana, mailed_link()).user == dana


@pytest.mark.parametrize(("now", "wish", "allowed"), [(None, 1, False), (12, 11, False), (12, 13, True), (12, None, True)])
def test_support_shortens_no_time_to_object(acme: Organization, now: int | None, wish: int | None, allowed: bool) -> None:
    assert settings.RESET_WAIT_HOURS == 24
    Organization.objects.update(reset_wait_hours=now)
    staff = plain_staff()
    wanted: Any = {"handle": "acme", "wishes": PolicyWishes(reset_wait_hours=wish), "actor": staff.actor}
    if allowed:
        assert flows.set_policies(caller=staff, **wanted).org.reset_wait_hours == wish
    else:
        with pytest.raises(PolicyRefused):
            flows.set_policies(caller=staff, **wanted)


def test_support_sets_no_policies_of_an_organization_of_its_own(acme: Organization) -> None:
    staff = support()
    Membership.objects.create(org=acme, user=staff.user)
    with pytest.raises(NotForSupport):
        flows.set_policies(caller=staff, handle="acme", wishes=PolicyWishes(tokens_allowed=False), actor=staff.actor)
    assert Organization.objects.get().tokens_allowed


@pytest.mark.parametrize("heir", ["off", "member", "outside"])
def test_a_project_goes_to_somebody_else_where_no_admin_can_sign_in(amy: User, heir: str) -> None:
    acme, other = OrganizationFactory(handle="acme", members=[amy]), UserFactory(username="other", is_active=heir != "off")
    project = ProjectFactory(name="Atlas", billed_to=amy, org=acme, members={amy: Level.ADMINISTER})
    if heir == "outside":
        project.members.create(user=other, level=Level.VIEW)
    else:
        Membership.objects.create(org=acme, user=other, level=OrgLevel.ADMIN if heir == "off" else OrgLevel.MEMBER)
    flows.leave(caller=person(amy), handle="acme", actor=actor(amy))
    assert (level_of(amy, project), level_of(other, project)) == (None, "ADMINISTER")


def test_nobody_leaves_a_project_behind_that_nobody_can_take(amy: User) -> None:
    acme = OrganizationFactory(handle="acme", members=[amy])
    ProjectFactory(name="Atlas", billed_to=amy, org=acme, members={amy: Level.ADMINISTER})
    with pytest.raises(NoHeir):
        flows.leave(caller=person(amy), handle="acme", actor=actor(amy))
    assert (level_in(acme, amy), SecurityEvent.objects.count()) == ("MEMBER", 0)


def test_levels_flood_nobody(acme: Organization, amy: User, ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(org_limits, "CHANGES_PER_HOUR", 6)
    change: Any = {"caller": person(amy), "handle": "acme", "username": "ben", "actor": actor(amy)}
    for number in range(6):
        flows.change_level(level=OrgLevel.MEMBER if number % 2 else OrgLevel.ADMIN, **change)
    assert OutboxMail.objects.filter(user=ben).count() == org_limits.LEVEL_MAILS_PER_DAY
    assert SecurityEvent.objects.filter(event="org.member-changed").count() == 6
    with pytest.raises(TooManyAttempts):
        flows.change_level(level=OrgLevel.ADMIN, **change)


def test_in_a_call_for_several_members_each_counts(acme: Organization, amy: User, ben: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(org_limits, "CHANGES_PER_HOUR", 3)
    both: Any = {"caller": person(amy), "handle": "acme", "wishes": {"ben": OrgLevel.ADMIN, "amy": OrgLevel.ADMIN}, "actor": actor(amy)}
    flows.change_levels(**both)
    with pytest.raises(TooManyAttempts):
        flows.change_levels(**both)
    # What is refused is not counted.
    flows.change_level(caller=person(amy), handle="acme", username="ben", level=OrgLevel.MEMBER, actor=actor(amy))


def test_policies_flood_nobody(acme: Organization, amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(org_limits, "POLICIES_PER_HOUR", 1)
    wanted: Any = {"caller": person(amy), "handle": "acme", "wishes": PolicyWishes(tokens_allowed=False), "actor": actor(amy)}
    flows.set_policies(**wanted)
    with pytest.raises(TooManyAttempts):
        flows.set_policies(**wanted)
