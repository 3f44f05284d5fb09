"""Who belongs to a project: invite, change, remove, leave, through the acts, the dx door and the pages."""

from typing import Any

import pytest
from django.db import connections
from django.test import RequestFactory

from accounts.models import OutboxMail, SecurityEvent, User
from orgs.errors import InviteeNotFound
from orgs.projects import flows
from orgs.projects.errors import LastAdministrator, LevelTooLow, MemberNotFound, ProjectNotFound, TokenLimited
from orgs.projects.models import Level, Project
from tests.conftest import Race, WebDoor
from tests.factories import UserFactory, actor
from tests.projects.factories import ProjectFactory, level_of, person, project_of
from tests.tokens.doors import dx
from tests.tokens.factories import token_and_text
from tokens.authentication import authenticate
from tokens.caller import Caller
from tokens.models import TokenProject

pytestmark = pytest.mark.django_db


@pytest.fixture
def atlas(amy: User) -> Project:
    """A project of amy's."""
    return project_of(amy, name="Genome Atlas")


def invite(project: Project, by: User, whom: str, level: Level = Level.VIEW, **more: Any) -> flows.Invited:
    return flows.invite(caller=person(by), project_id=project.public_id, invitee=whom, level=level, actor=actor(by), **more)


def caller(text: str) -> Caller:
    return authenticate(text, request=RequestFactory().post("/"), door="dx")


def test_an_invited_person_is_a_member_at_once_is_told_by_mail_and_has_it_in_their_history(atlas: Project, amy: User, ben: User) -> None:
    invited = invite(atlas, amy, "user-ben", Level.UPLOAD)
    assert (invited.is_new, level_of(ben, atlas)) == (True, "UPLOAD")
    event = SecurityEvent.objects.get(event="project.member-added")
    assert (event.subject, event.actor, event.about, event.data["level"]) == (ben, amy, atlas.public_id, "UPLOAD")
    mail = OutboxMail.objects.get()
    assert mail.to == ben.email
    assert "user-amy added you to the project “Genome Atlas”" in mail.text
    assert "UPLOAD" in mail.text
    assert f"/projects/{atlas.public_id}/" in mail.html


@pytest.mark.parametrize("name", ["Your account is locked: evil.example", "x" * 61, "http://evil.example"])
def test_a_name_that_is_more_than_words_stays_out_of_the_mail(amy: User, ben: User, name: str) -> None:
    project = project_of(amy, name=name)
    invite(project, amy, "ben")
    mail = OutboxMail.objects.get()
    assert name not in mail.text
    assert name not in mail.html
    assert project.public_id in mail.text


@pytest.mark.parametrize("spelling", ["ben", "user-ben", "BEN", " Ben ", "ｂｅｎ"])
def test_a_username_is_found_as_every_door_spells_it(atlas: Project, amy: User, ben: User, spelling: str) -> None:
    invite(atlas, amy, spelling)
    assert level_of(ben, atlas) == "VIEW"


def test_inviting_a_member_raises_and_never_lowers_and_a_third_time_changes_nothing(atlas: Project, amy: User, ben: User) -> None:
    for level, held in (
        (Level.UPLOAD, "UPLOAD"),
        (Level.VIEW, "UPLOAD"),
        (Level.CONTRIBUTE, "CONTRIBUTE"),
        (Level.CONTRIBUTE, "CONTRIBUTE"),
    ):
        invite(atlas, amy, "ben", level)
        assert level_of(ben, atlas) == held
    assert OutboxMail.objects.count() == 1
    assert list(SecurityEvent.objects.filter(event__startswith="project.member").values_list("event", flat=True)) == [
        "project.member-added", "project.member-changed",
    ]  # fmt: skip


@pytest.mark.parametrize("whom", ["nobody.here", "user-", "", "user-\x00", "ben@example.com", "PUBLIC"])
def test_whom_nobody_knows_is_not_invited(atlas: Project, amy: User, ben: User, whom: str) -> None:
    with pytest.raises(InviteeNotFound):
        invite(atlas, amy, whom)
    assert atlas.members.count() == 1


def test_a_switched_off_person_is_as_unknown_as_nobody(atlas: Project, amy: User) -> None:
    UserFactory(username="gone", is_active=False)
    with pytest.raises(InviteeNotFound):
        invite(atlas, amy, "gone")


@pytest.mark.parametrize("level", [Level.VIEW, Level.UPLOAD, Level.CONTRIBUTE])
def test_org_02_only_who_administers_invites_changes_and_removes(amy: User, ben: User, level: Level) -> None:
    atlas = ProjectFactory(billed_to=amy, members={ben: level})
    kwargs: dict[str, Any] = {"caller": person(ben), "project_id": atlas.public_id, "actor": actor(ben)}
    with pytest.raises(LevelTooLow):
        flows.invite(invitee="amy", level=Level.VIEW, **kwargs)
    with pytest.raises(LevelTooLow):
        flows.change_member(username="ben", level=Level.ADMINISTER, **kwargs)
    with pytest.raises(LevelTooLow):
        flows.remove_member(username="amy", **kwargs)
    assert (level_of(amy, atlas), level_of(ben, atlas)) == ("ADMINISTER", level.label)


def test_a_level_goes_up_and_down_and_each_change_is_an_event(atlas: Project, amy: User, ben: User) -> None:
    invite(atlas, amy, "ben")
    for level in (Level.CONTRIBUTE, Level.CONTRIBUTE, Level.VIEW):
        flows.change_member(caller=person(amy), project_id=atlas.public_id, username="user-ben", level=level, actor=actor(amy))
    events = SecurityEvent.objects.filter(event="project.member-changed").order_by("pk")
    assert [(event.data["level_before"], event.data["level"]) for event in events] == [("VIEW", "CONTRIBUTE"), ("CONTRIBUTE", "VIEW")]
    assert {event.subject for event in events} == {ben}


def test_who_is_no_member_can_neither_be_changed_nor_removed(atlas: Project, amy: User, ben: User) -> None:
    for username in ("ben", "nobody", "\x00"):
        with pytest.raises(MemberNotFound):
            flows.remove_member(caller=person(amy), project_id=atlas.public_id, username=username, actor=actor(amy))


def test_the_last_administrator_is_neither_lowered_nor_removed_nor_leaves(atlas: Project, amy: User, ben: User) -> None:
    invite(atlas, amy, "ben", Level.CONTRIBUTE)
    kwargs: dict[str, Any] = {"caller": person(amy), "project_id": atlas.public_id, "actor": actor(amy)}
    for act in (
        lambda: flows.change_member(username="amy", level=Level.CONTRIBUTE, **kwargs),
        lambda: flows.remove_member(username="amy", **kwargs),
        lambda: flows.decrease(wishes={"ben": None, "amy": Level.VIEW}, **kwargs),
        lambda: flows.leave(**kwargs),
    ):
        with pytest.raises(LastAdministrator):
            act()
    assert (level_of(amy, atlas), level_of(ben, atlas)) == ("ADMINISTER", "CONTRIBUTE")
    flows.change_member(username="ben", level=Level.ADMINISTER, **kwargs)
    flows.leave(**kwargs)
    assert level_of(amy, atlas) is None


def test_a_switched_off_administrator_does_not_count_as_one(atlas: Project, amy: User, ben: User) -> None:
    invite(atlas, amy, "ben", Level.ADMINISTER)
    User.objects.filter(pk=ben.pk).update(is_active=False)
    with pytest.raises(LastAdministrator):
        flows.leave(caller=person(amy), project_id=atlas.public_id, actor=actor(amy))


def test_decreasing_never_raises_and_is_all_or_nothing(atlas: Project, amy: User, ben: User) -> None:
    cleo = UserFactory(username="cleo")
    invite(atlas, amy, "ben", Level.UPLOAD)
    invite(atlas, amy, "cleo", Level.CONTRIBUTE)
    text = token_and_text(user=amy)[1]
    path = f"/{atlas.public_id}/decreasePermissions"
    assert dx(path, {"user-ben": "CONTRIBUTE", "user-cleo": "VIEW"}, text).status_code == 200
    assert (level_of(ben, atlas), level_of(cleo, atlas)) == ("UPLOAD", "VIEW")
    refused = dx(path, {"user-ben": None, "user-nobody": None}, text)
    assert (refused.status_code, refused.json()["error"]["type"]) == (404, "ResourceNotFound")
    assert level_of(ben, atlas) == "UPLOAD"
    assert dx(path, {"user-ben": None}, text).json() == {"id": atlas.public_id}
    assert level_of(ben, atlas) is None
    last = dx(path, {"user-amy": None}, text)
    assert (last.status_code, last.json()["error"]["type"]) == (422, "InvalidState")
    assert dx(path, {"user-cleo": 5}, text).status_code == 422


def test_who_leaves_has_it_in_their_history(atlas: Project, amy: User, ben: User) -> None:
    invite(atlas, amy, "ben")
    flows.leave(caller=person(ben), project_id=atlas.public_id, actor=actor(ben))
    event = SecurityEvent.objects.get(event="project.member-removed")
    assert (event.subject, event.actor, event.data["left"]) == (ben, ben, True)


@pytest.mark.parametrize("level", [Level.VIEW, Level.CONTRIBUTE])
def test_a_token_that_is_narrower_than_its_owner_cannot_leave_for_them(atlas: Project, amy: User, ben: User, level: Level) -> None:
    invite(atlas, amy, "ben", Level.ADMINISTER)
    narrow = token_and_text(user=ben, everywhere=level)[1]
    with pytest.raises(TokenLimited):
        flows.leave(caller=caller(narrow), project_id=atlas.public_id, actor=actor(ben))
    answer = dx(f"/{atlas.public_id}/leave", {}, narrow)
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "PermissionDenied")
    assert dx(f"/{atlas.public_id}/leave", {}, token_and_text(user=ben)[1]).status_code == 200
    assert level_of(ben, atlas) is None


def test_dx_invites_says_accepted_and_leaves_the_mail_out_where_asked(atlas: Project, amy: User, ben: User) -> None:
    text = token_and_text(user=amy)[1]
    path = f"/{atlas.public_id}/invite"
    quiet = dx(path, {"invitee": "user-ben", "level": "VIEW", "suppressEmailNotification": True}, text)
    assert quiet.json() == {"id": atlas.public_id, "state": "accepted"}
    assert not OutboxMail.objects.exists()
    for invitee in ("org-acme", "ben@example.com", "PUBLIC", "ben"):
        assert dx(path, {"invitee": invitee, "level": "VIEW"}, text).status_code == 422
    assert dx(path, {"invitee": "user-ben", "level": "OWNER"}, text).json()["error"]["type"] == "InvalidInput"
    assert dx(path, {"invitee": "user-nobody", "level": "VIEW"}, text).json()["error"]["type"] == "ResourceNotFound"


def test_invitations_are_counted_so_that_nobody_mails_the_whole_house(atlas: Project, amy: User, ben: User, monkeypatch: Any) -> None:
    monkeypatch.setattr("orgs.projects.limits.INVITED_PER_HOUR", 2)
    text = token_and_text(user=amy)[1]
    answers = [dx(f"/{atlas.public_id}/invite", {"invitee": "user-ben"}, text) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 401]
    assert answers[2].json()["error"]["type"] == "TooManyAttempts"


def test_the_pages_add_change_and_remove_a_member(web: WebDoor, atlas: Project, amy: User, ben: User) -> None:
    web.sign_in(amy)
    base = f"/projects/{atlas.public_id}/"
    assert web.send(f"{base}invite/", {"user": "user-ben", "level": "UPLOAD"})["Location"] == base
    assert "Added. They have the project" in web.get(base).content.decode()
    assert level_of(ben, atlas) == "UPLOAD"
    assert web.send(f"{base}members/ben/", {"level": "CONTRIBUTE"}).status_code == 302
    assert level_of(ben, atlas) == "CONTRIBUTE"
    assert "loses <b" in web.get(f"{base}members/ben/remove/").content.decode()
    assert web.send(f"{base}members/ben/remove/").status_code == 302
    assert level_of(ben, atlas) is None
    refused = web.send(f"{base}invite/", {"user": "nobody.here", "level": "VIEW"})
    assert refused.status_code == 404
    assert "There is nobody with this username" in refused.content.decode()
    assert "nobody.here" in refused.content.decode()


def test_who_removes_themself_lands_at_home(web: WebDoor, atlas: Project, amy: User, ben: User) -> None:
    invite(atlas, amy, "ben", Level.ADMINISTER)
    web.sign_in(amy)
    assert web.send(f"/projects/{atlas.public_id}/members/amy/remove/")["Location"] == "/"
    assert "You are no longer a member" in web.get("/").content.decode()


def test_the_last_administrator_is_told_on_the_page_that_they_cannot_leave(web: WebDoor, atlas: Project, amy: User) -> None:
    answer = web.sign_in(amy).send(f"/projects/{atlas.public_id}/leave/")
    assert answer.status_code == 409
    assert "at least one administrator" in answer.content.decode()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_org_02_of_two_administrators_who_remove_each_other_at_once_one_stays(race: Race) -> None:
    amy, ben = UserFactory(username="amy"), UserFactory(username="ben")
    for _ in range(5):
        project = ProjectFactory(billed_to=amy, members={ben: Level.ADMINISTER})
        pairs = [(amy, "ben"), (ben, "amy")]

        def remove(number: int, pairs: Any = pairs, project: Project = project) -> None:
            by, whom = pairs[number]
            flows.remove_member(caller=person(by), project_id=project.public_id, username=whom, actor=actor(by))

        outcomes = race(2, remove)
        assert [outcome for outcome in outcomes if outcome is None] == [None]
        assert isinstance(next(outcome for outcome in outcomes if outcome is not None), ProjectNotFound)
        assert project.members.filter(level=Level.ADMINISTER).count() == 1
    connections.close_all()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_administrators_who_leave_at_once_one_stays(race: Race) -> None:
    people = [UserFactory(), UserFactory()]
    project = ProjectFactory(billed_to=people[0], members={people[1]: Level.ADMINISTER})
    outcomes = race(2, lambda n: flows.leave(caller=person(people[n]), project_id=project.public_id, actor=actor(people[n])))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastAdministrator", "NoneType"]
    assert project.members.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_person_invited_eight_times_at_once_is_a_member_once(race: Race) -> None:
    amy, ben = UserFactory(), UserFactory(username="ben")
    project = project_of(amy)
    outcomes = race(8, lambda _: invite(project, amy, "ben").is_new)
    assert sorted(outcomes) == [False] * 7 + [True]
    assert level_of(ben, project) == "VIEW"
    assert OutboxMail.objects.count() == 1


def test_a_token_of_the_owners_level_in_the_one_project_cannot_leave_for_them_either(atlas: Project, amy: User, ben: User) -> None:
    invite(atlas, amy, "ben", Level.VIEW)
    narrow, text = token_and_text(user=ben, everywhere=None)
    TokenProject.objects.create(token=narrow, project=atlas, level=Level.VIEW)
    assert dx(f"/{atlas.public_id}/leave", {}, text).status_code == 401
    assert level_of(ben, atlas) == "VIEW"


def test_who_is_added_and_removed_again_and_again_is_mailed_once_a_day(atlas: Project, amy: User, ben: User, clock: Any) -> None:
    for days, mails in ((0, 1), (0, 1), (1, 2)):
        clock.shift(days * 86_400 + 1)
        invite(atlas, amy, "ben")
        flows.remove_member(caller=person(amy), project_id=atlas.public_id, username="ben", actor=actor(amy))
        assert OutboxMail.objects.filter(to=ben.email).count() == mails


def test_one_call_changes_a_thousand_members_at_most(atlas: Project, amy: User) -> None:
    text = token_and_text(user=amy)[1]
    answer = dx(f"/{atlas.public_id}/decreasePermissions", {f"user-u{number}": None for number in range(1001)}, text)
    assert (answer.status_code, answer.json()["error"]["type"]) == (422, "InvalidInput")


def test_the_last_administrator_is_offered_no_act_that_cannot_work(atlas: Project, amy: User, ben: User, web: WebDoor) -> None:
    invite(atlas, amy, "ben", Level.VIEW)
    web.sign_in(amy)
    path = f"/projects/{atlas.public_id}/"
    page = web.get(path).content.decode()
    assert f"{path}leave/" not in page
    assert f"{path}members/amy/" not in page
    assert f"{path}members/ben/" in page
    invite(atlas, amy, "ben", Level.ADMINISTER)
    page = web.get(path).content.decode()
    assert f"{path}leave/" in page
    assert f"{path}members/amy/" in page
