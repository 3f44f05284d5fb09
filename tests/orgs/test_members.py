"""Who belongs to an organization: levels, removal, leaving, what is lost with it; founding and naming by support and admins."""

from typing import Any

import pytest
from django.db import connections

from accounts.errors import NotForSupport
from accounts.models import OutboxMail, SecurityEvent, User
from orgs import flows
from orgs.errors import AdminNeeded, HandleRefused, HandleTaken, InviteeNotFound, LastAdmin, OrgMemberNotFound, OrgNotFound, OrgValueRefused
from orgs.models import Membership, Organization, OrgLevel
from orgs.projects.models import Level
from orgs.signals import member_joined, member_leaving, member_left
from tests.conftest import Race
from tests.factories import UserFactory, actor
from tests.orgs.factories import OrganizationFactory, invite, level_in, mailed_link, person, support
from tests.projects.factories import ProjectFactory, level_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme(amy: User, ben: User) -> Organization:
    """An organization with amy as its admin, and ben."""
    return OrganizationFactory(handle="acme", name="Acme Genomics", admins=[amy], members=[ben])


def change(by: User, whom: str, level: OrgLevel) -> Membership:
    return flows.change_level(caller=person(by), handle="org-ACME", username=whom, level=level, actor=actor(by))


def remove(by: User, whom: str) -> flows.Lost:
    return flows.remove(caller=person(by), handle="acme", username=whom, actor=actor(by))


def leave(who: User) -> flows.Lost:
    return flows.leave(caller=person(who), handle="acme", actor=actor(who))


def events(name: str) -> list[SecurityEvent]:
    return list(SecurityEvent.objects.filter(event=name).order_by("pk"))


def test_a_level_is_changed_with_event_and_mail_and_the_same_one_again_is_no_change(acme: Organization, amy: User, ben: User) -> None:
    for _ in range(2):
        assert change(amy, "user-ben", OrgLevel.ADMIN).level == "ADMIN"
    [event] = events("org.member-changed")
    assert (event.subject, event.actor, event.about) == (ben, amy, "org-acme")
    assert (event.data["level"], event.data["level_before"]) == ("ADMIN", "MEMBER")
    mail = OutboxMail.objects.get()
    assert mail.to == ben.email
    assert "user-amy changed your level in the organization Acme Genomics (org-acme) from MEMBER to ADMIN" in mail.text


@pytest.mark.parametrize("act", ["change", "remove", "invite", "rename"])
def test_org_02_what_admins_do_is_refused_to_a_member_and_unknown_to_a_stranger(acme: Organization, ben: User, act: str) -> None:
    stranger = UserFactory(username="stranger")
    acts: dict[str, Any] = {
        "change": lambda who: change(who, "ben", OrgLevel.ADMIN),
        "remove": lambda who: remove(who, "amy"),
        "invite": lambda who: invite(acme, who, "x@example.com", OrgLevel.ADMIN),
        "rename": lambda who: flows.rename(caller=person(who), handle="acme", name="Mine", actor=actor(who)),
    }
    with pytest.raises(AdminNeeded):
        acts[act](ben)
    with pytest.raises(OrgNotFound):
        acts[act](stranger)
    assert (level_in(acme, ben), acme.memberships.count(), SecurityEvent.objects.count(), OutboxMail.objects.count()) == ("MEMBER", 2, 0, 0)


def test_org_02_the_last_admin_who_can_sign_in_stays(acme: Organization, amy: User, ben: User) -> None:
    Membership.objects.create(org=acme, user=UserFactory(username="gone", is_active=False), level=OrgLevel.ADMIN)
    for act in (lambda: change(amy, "amy", OrgLevel.MEMBER), lambda: remove(amy, "amy"), lambda: leave(amy)):
        with pytest.raises(LastAdmin):
            act()
    assert level_in(acme, amy) == "ADMIN"
    change(amy, "ben", OrgLevel.ADMIN)
    assert change(amy, "amy", OrgLevel.MEMBER).level == "MEMBER"
    assert remove(ben, "gone") == {}


def test_one_call_hands_an_organization_over(acme: Organization, amy: User, ben: User) -> None:
    wishes = {"amy": OrgLevel.MEMBER, "ben": OrgLevel.ADMIN}
    flows.change_levels(caller=person(amy), handle="acme", wishes=wishes, actor=actor(amy))
    assert (level_in(acme, amy), level_in(acme, ben)) == ("MEMBER", "ADMIN")


def test_of_several_changes_all_happen_or_none(acme: Organization, amy: User, ben: User) -> None:
    wishes = {"ben": OrgLevel.ADMIN, "nobody": OrgLevel.MEMBER}
    with pytest.raises(OrgMemberNotFound):
        flows.change_levels(caller=person(amy), handle="acme", wishes=wishes, actor=actor(amy))
    assert level_in(acme, ben) == "MEMBER"


def test_org_02_two_admins_who_demote_each_other_at_once_leave_one(race: Race) -> None:
    people = [UserFactory(username=name) for name in ("amy", "ben")]
    acme = OrganizationFactory(handle="acme", admins=people)

    def demote(number: int) -> str:
        return change(people[number], people[1 - number].username, OrgLevel.MEMBER).level

    results = race(2, demote)
    assert sum(isinstance(result, AdminNeeded) for result in results) == 1, results
    assert OrgLevel.MEMBER in results
    assert Membership.objects.filter(org=acme).admins().count() == 1
    connections.close_all()


def test_org_02_two_admins_who_leave_at_once_leave_one(race: Race) -> None:
    people = [UserFactory(username=name) for name in ("amy", "ben")]
    acme = OrganizationFactory(handle="acme", admins=people)
    results = race(2, lambda number: leave(people[number]))
    assert sum(isinstance(result, LastAdmin) for result in results) == 1, results
    assert Membership.objects.filter(org=acme).admins().count() == 1


def test_a_removed_member_loses_the_projects_of_the_organization_and_keeps_others(acme: Organization, amy: User, ben: User) -> None:
    of_acme = ProjectFactory(name="Genome Atlas", billed_to=amy, org=acme, members={ben: Level.VIEW})
    other = ProjectFactory(name="Sandbox", billed_to=amy, members={ben: Level.UPLOAD})
    own = ProjectFactory(name="Own", billed_to=ben)
    assert remove(amy, "ben") == {"project": [of_acme.public_id]}
    assert [level_of(ben, project) for project in (of_acme, other, own)] == [None, "UPLOAD", "ADMINISTER"]
    assert level_in(acme, ben) is None
    [lost] = events("project.member-removed")
    assert (lost.subject, lost.actor, lost.about, lost.data["left"]) == (ben, amy, of_acme.public_id, False)
    [gone] = events("org.member-removed")
    assert (gone.subject, gone.actor, gone.about, gone.data["lost"], gone.data["left"]) == (ben, amy, "org-acme", 1, False)
    mail = OutboxMail.objects.get()
    assert (mail.to, "lost 1 project of it" in mail.text) == (ben.email, True)


@pytest.mark.parametrize("how", ["removed", "left"])
def test_projects_that_nobody_else_administers_go_over_to_an_admin(amy: User, ben: User, how: str) -> None:
    first = UserFactory(username="first")
    acme = OrganizationFactory(handle="acme", admins=[first, amy], members=[ben])
    known = ProjectFactory(billed_to=ben, org=acme, members={amy: Level.VIEW, first: Level.UPLOAD})
    alone = ProjectFactory(billed_to=ben, org=acme)
    shared = ProjectFactory(billed_to=ben, org=acme, members={UserFactory(username="other"): Level.ADMINISTER})
    lost = remove(amy, "ben") if how == "removed" else leave(ben)
    assert sorted(lost["project"]) == sorted(project.public_id for project in (known, alone, shared))
    heir, bystander = (amy, first) if how == "removed" else (first, amy)
    assert (level_of(heir, known), level_of(heir, alone), level_of(heir, shared)) == ("ADMINISTER", "ADMINISTER", None)
    assert level_of(bystander, alone) is None
    assert [event.subject for event in events("project.member-added")] == [heir]
    assert [event.subject for event in events("project.member-changed")] == [heir]
    assert [event.data["left"] for event in events("org.member-removed")] == [how == "left"]


def test_members_of_other_organizations_lose_nothing(acme: Organization, amy: User, ben: User) -> None:
    bolt = OrganizationFactory(handle="bolt", admins=[ben])
    project = ProjectFactory(billed_to=ben, org=bolt)
    assert remove(amy, "ben") == {}
    assert (level_of(ben, project), level_in(bolt, ben)) == ("ADMINISTER", "ADMIN")


def test_who_is_no_admin_any_more_has_no_invitations_under_way(acme: Organization, amy: User, ben: User) -> None:
    change(amy, "ben", OrgLevel.ADMIN)
    theirs, hers = invite(acme, ben, "back.door@example.com", OrgLevel.ADMIN), invite(acme, amy, "dana@example.com")
    change(amy, "ben", OrgLevel.MEMBER)
    assert list(flows.find_pending(org=acme)) == [hers]
    theirs.refresh_from_db()
    assert theirs.state == "withdrawn"


def test_rooms_above_are_told_before_and_after_and_undo_the_act_if_they_fail(acme: Organization, amy: User, ben: User) -> None:
    heard = []

    def note(**told: Any) -> None:
        heard.append((told["signal"], told["user"], Membership.objects.filter(user=told["user"]).exists()))

    def fail(**told: Any) -> None:
        raise RuntimeError("no")

    signals = (member_leaving, member_left, member_joined)
    for signal in signals:
        signal.connect(note)
    try:
        leave(ben)
        assert heard == [(member_leaving, ben, True), (member_left, ben, False)]
        bolt = OrganizationFactory(handle="bolt", admins=[amy])
        invite(bolt, amy, "user-ben")
        flows.accept(link=mailed_link(), user=ben, actor=actor(ben))
        assert heard[2:] == [(member_joined, ben, True)]
        member_left.connect(fail)
        Membership.objects.create(org=acme, user=ben)
        with pytest.raises(RuntimeError):
            leave(ben)
        assert level_in(acme, ben) == "MEMBER"
    finally:
        member_left.disconnect(fail)
        for signal in signals:
            signal.disconnect(note)


def test_support_makes_an_organization_and_invites_its_admin_who_is_bound_to_nothing_before(amy: User) -> None:
    staff = support()
    org = flows.found(staff=staff, handle=" ACME ", name=" Acme  Genomics ", admin_username="user-amy", actor=staff.actor)
    assert (org.public_id, org.name, org.memberships.count()) == ("org-acme", "Acme  Genomics", 0)
    made, invited = events("org.created")[0], events("org.invited")[0]
    assert (made.subject, made.actor, made.about, made.data["reason"]) == (amy, staff.user, "org-acme", staff.reason)
    assert (invited.subject, invited.data["level"]) == (amy, "ADMIN")
    mail = OutboxMail.objects.get()
    assert (mail.to, staff.reason in mail.text, "user-sam invites you" in mail.text) == (amy.email, True, True)
    flows.accept(link=mailed_link(), user=amy, actor=actor(amy))
    assert level_in(org, amy) == "ADMIN"


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"handle": "acme"}, HandleTaken), ({"handle": "a"}, HandleRefused), ({"handle": "Ünï"}, HandleRefused),
        ({"name": " "}, OrgValueRefused), ({"name": "x" * 151}, OrgValueRefused), ({"name": "a\u202eb"}, OrgValueRefused),
        ({"admin_username": "nobody"}, InviteeNotFound), ({"admin_username": "sam"}, NotForSupport),
    ],
)  # fmt: skip
def test_a_wrong_wish_makes_no_organization(acme: Organization, wish: dict[str, str], error: type[Exception]) -> None:
    staff = support()
    with pytest.raises(error):
        flows.found(staff=staff, **{"handle": "bolt", "name": "Bolt", "admin_username": "amy", **wish}, actor=staff.actor)
    assert (Organization.objects.count(), SecurityEvent.objects.count(), OutboxMail.objects.count()) == (1, 0, 0)


def test_support_changes_members_and_says_why_but_not_its_own_level_nor_that_of_staff(acme: Organization, ben: User) -> None:
    staff = support()
    flows.change_level(caller=staff, handle="acme", username="ben", level=OrgLevel.ADMIN, actor=staff.actor)
    [event] = events("org.member-changed")
    assert (level_in(acme, ben), event.actor, event.data["reason"]) == ("ADMIN", staff.user, staff.reason)
    assert all(staff.reason in mail.text for mail in OutboxMail.objects.all())
    Membership.objects.create(org=acme, user=staff.user)
    with pytest.raises(NotForSupport):
        flows.change_level(caller=staff, handle="acme", username="sam", level=OrgLevel.ADMIN, actor=staff.actor)
    assert level_in(acme, staff.user) == "MEMBER"


@pytest.mark.parametrize("name", ["Your account is locked: evil.example", "http://evil.example"])
def test_a_name_that_is_more_than_words_stays_out_of_mails(acme: Organization, amy: User, name: str) -> None:
    flows.rename(caller=person(amy), handle="acme", name=name, actor=actor(amy))
    invite(Organization.objects.get(handle="acme"), amy, "dana@example.com")
    mail = OutboxMail.objects.get()
    assert name not in mail.text + mail.html + mail.subject
    assert "org-acme" in mail.text
