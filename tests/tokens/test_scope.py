"""What a token may be given: never more than its person has, never more than the token that makes it (TOK-06, TOK-07, S4.2)."""

from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.errors import ConfirmationNeeded, TooManyAttempts
from accounts.models import User
from orgs.projects.errors import ProjectNotFound
from orgs.projects.models import Level, Project, ProjectMember
from tests.factories import UserFactory, actor
from tests.projects.factories import ProjectFactory, project_of
from tests.tokens.doors import dx
from tests.tokens.factories import TokenFactory, token_and_text
from tokens import flows, scope
from tokens.authentication import authenticate
from tokens.errors import ScopeRefused, ScopeTooWide, TooManyGenerations, WiderThanToken
from tokens.minting import Minted
from tokens.models import Token, TokenKind, TokenProject
from tokens.scope import Scope

pytestmark = pytest.mark.django_db
NEW = "/system/newAuthToken"
NEVER = "project-" + "B" * 24


def make(user: User, reach: Scope | None = None, presenter: Token | None = None, **more: Any) -> Minted:
    wish = {"label": f"made {Token.objects.count()}", "expires": None, "kind": TokenKind.API, "actor": actor(user), "confirmed": True}
    return flows.create(user=user, reach=reach, presenter=presenter, **{**wish, **more})


def test_without_a_scope_a_token_reaches_all_projects_at_ones_own_level(amy: User) -> None:
    token = make(amy).token
    assert (token.everywhere, scope.of(token).as_json()) == (Level.ADMINISTER, {"*": "ADMINISTER"})


def test_chosen_projects_are_kept_each_with_its_level(amy: User) -> None:
    one, two = project_of(amy), project_of(amy, Level.UPLOAD)
    token = make(amy, Scope(None, {one.public_id: Level.VIEW, two.public_id: Level.UPLOAD})).token
    assert token.everywhere is None
    assert scope.of(token).as_json() == {one.public_id: "VIEW", two.public_id: "UPLOAD"}


@pytest.mark.parametrize("held", Level)
@pytest.mark.parametrize("asked", Level)
def test_a_level_above_ones_own_is_refused_and_makes_no_token(amy: User, held: Level, asked: Level) -> None:
    project = project_of(amy, held, name="Atlas")
    reach = Scope(None, {project.public_id: asked})
    if asked <= held:
        assert make(amy, reach).token.projects.get().level == asked
        return
    with pytest.raises(ScopeTooWide, match=f"You have {held.label} on Atlas; a token cannot have {asked.label}"):
        make(amy, reach)
    assert not Token.objects.exists()


@pytest.mark.parametrize("project", ["theirs", NEVER, "project-x", "project-\x00", "é"])
def test_another_persons_project_is_as_unknown_as_none(amy: User, project: str) -> None:
    theirs: Project = ProjectFactory()
    with pytest.raises(ProjectNotFound):
        make(amy, Scope(None, {theirs.public_id if project == "theirs" else project: Level.VIEW}))
    assert not Token.objects.exists()


@pytest.mark.parametrize(
    "value",
    [
        None, {}, [], "all", 1, True, {"*": "OWNER"}, {"*": 4}, {"*": None}, {"*": "view"}, {"*": "VIEW", NEVER: "VIEW"}, {NEVER: ["VIEW"]},
        {f"project-{number:024d}": "VIEW" for number in range(101)},
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_what_is_no_scope_is_refused(value: object) -> None:
    with pytest.raises(ScopeRefused):
        scope.parse(value)


LEVELS = st.sampled_from(Level)
SCOPES = st.one_of(
    st.builds(Scope, LEVELS),
    st.builds(Scope, st.none(), st.dictionaries(st.sampled_from(["project-a", "project-b", "project-c"]), LEVELS, min_size=1)),
)


@given(SCOPES, SCOPES)
def test_a_scope_covers_another_if_it_grants_no_less_anywhere(wide: Scope, narrow: Scope) -> None:
    def granted(one: Scope, project: str) -> int:
        level = one.everywhere or one.projects.get(project)
        return 0 if level is None else int(level)

    everywhere = ("project-a", "project-b", "project-c", "project-new")
    assert wide.covers(narrow) == all(granted(wide, project) >= granted(narrow, project) for project in everywhere)


@given(SCOPES)
def test_a_scope_is_what_its_json_says(one: Scope) -> None:
    assert scope.parse(one.as_json()) == one


class Presenters:
    """Tokens of amy that ask for others, and what they may be asked for."""

    def __init__(self, amy: User) -> None:
        self.amy = amy
        self.atlas, self.cohort = project_of(amy, name="Atlas"), project_of(amy, name="Cohort")

    def scope(self, name: str) -> Scope:
        atlas, cohort = self.atlas.public_id, self.cohort.public_id
        return {
            "all": Scope(), "all view": Scope(Level.VIEW), "all contribute": Scope(Level.CONTRIBUTE),
            "atlas view": Scope(None, {atlas: Level.VIEW}), "atlas contribute": Scope(None, {atlas: Level.CONTRIBUTE}),
            "atlas administer": Scope(None, {atlas: Level.ADMINISTER}), "cohort view": Scope(None, {cohort: Level.VIEW}),
            "both view": Scope(None, {atlas: Level.VIEW, cohort: Level.VIEW}),
        }[name]  # fmt: skip

    def token(self, name: str) -> tuple[Token, str]:
        reach = self.scope(name)
        token, text = token_and_text(user=self.amy, everywhere=reach.everywhere)
        scope.store(token, reach)
        return token, text


NAMES = ("all", "all view", "all contribute", "atlas view", "atlas contribute", "atlas administer", "cohort view", "both view")


@pytest.mark.parametrize("wish", [*NAMES, None])
@pytest.mark.parametrize("presenter", NAMES)
def test_tok_07_a_token_makes_none_that_is_wider_than_itself(amy: User, presenter: str, wish: str | None) -> None:
    presenters = Presenters(amy)
    token, text = presenters.token(presenter)
    asked = {} if wish is None else {"scope": {"projects": presenters.scope(wish).as_json()}}
    answer = dx(NEW, {"label": "child", **asked}, text)
    if wish is None or presenters.scope(presenter).covers(presenters.scope(wish)):
        made = Token.objects.get(label="child")
        assert answer.status_code == 200
        assert (made.parent, made.expires, made.kind) == (token, token.expires, "api")
        assert scope.of(made) == presenters.scope(wish or presenter)
        assert dx("/system/whoami", {}, answer.json()["access_token"]).status_code == 200
    else:
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "PermissionDenied")
        assert Token.objects.count() == 1


def test_a_job_token_makes_none(amy: User) -> None:
    text = token_and_text(user=amy, kind=TokenKind.JOB)[1]
    assert dx(NEW, {"label": "child"}, text).json()["error"]["type"] == "PermissionDenied"
    assert Token.objects.count() == 1


def test_what_a_token_makes_is_named_after_it_and_ends_no_later(amy: User) -> None:
    token, text = token_and_text(user=amy, label="nightly")
    far = int((timezone.now().timestamp() + 9_000_000) * 1000)
    answers = [dx(NEW, {"expires": far, "scope": {"projects": {"*": "UPLOAD"}}}, text) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert set(Token.objects.exclude(pk=token.pk).values_list("label", flat=True)) == {
        "nightly (made with it)",
        "nightly (made with it) (2)",
    }
    assert {made.expires for made in Token.objects.all()} == {
        token.expires.replace(microsecond=token.expires.microsecond // 1000 * 1000),
        token.expires,
    }


def test_a_bad_body_with_a_bearer_is_refused_in_words(amy: User) -> None:
    text = token_and_text(user=amy)[1]
    for body in (
        {"scope": 5},
        {"scope": {"projects": 5}},
        {"scope": {"projects": {"*": "ALL"}}},
        {"label": 5},
        {"expires": 1},
        {"expires": "x"},
    ):
        assert dx(NEW, body, text).json()["error"]["type"] == "InvalidInput", body
    taken = dx(NEW, {"label": Token.objects.get().label}, text)
    assert (taken.status_code, taken.json()["error"]["type"]) == (422, "InvalidInput")


def test_generations_are_bounded(amy: User) -> None:
    token = make(amy).token
    for _ in range(5):
        token = make(amy, presenter=token).token
    with pytest.raises(TooManyGenerations):
        make(amy, presenter=token)


def test_a_token_that_reaches_phi_needs_the_password_of_late(amy: User) -> None:
    plain, phi = project_of(amy), project_of(amy, phi=True)
    make(amy, Scope(None, {plain.public_id: Level.VIEW}), confirmed=False)
    for reach in (Scope(None, {phi.public_id: Level.VIEW}), Scope(), Scope(Level.VIEW), None):
        with pytest.raises(ConfirmationNeeded):
            make(amy, reach, confirmed=False)
    assert Token.objects.count() == 1
    ProjectMember.objects.filter(user=amy, project=phi).delete()
    make(amy, Scope(), confirmed=False)


def test_a_token_may_make_one_that_reaches_phi_for_it_reaches_it_itself(amy: User) -> None:
    project_of(amy, phi=True)
    parent = make(amy).token
    assert make(amy, presenter=parent, confirmed=False).token.parent == parent
    with pytest.raises(WiderThanToken):
        make(amy, Scope(), presenter=make(amy, Scope(Level.VIEW)).token)


class Sees:
    """What a token sees through dx at the moment."""

    def __init__(self, text: str) -> None:
        self.text = text

    def levels(self) -> dict[str, str]:
        rows = dx("/system/findProjects", {"describe": {"fields": {"name": True}}}, self.text).json()["results"]
        return {row["describe"]["name"]: row["level"] for row in rows}


def test_tok_06_access_is_the_lower_of_both_levels_and_follows_the_member_at_once(amy: User) -> None:
    atlas, cohort = project_of(amy, Level.CONTRIBUTE, name="Atlas"), project_of(amy, Level.VIEW, name="Cohort")
    chosen = Sees(make(amy, Scope(None, {atlas.public_id: Level.UPLOAD, cohort.public_id: Level.VIEW})).text)
    capped, free = Sees(make(amy, Scope(Level.UPLOAD)).text), Sees(make(amy).text)
    assert chosen.levels() == capped.levels() == {"Atlas": "UPLOAD", "Cohort": "VIEW"}
    assert free.levels() == {"Atlas": "CONTRIBUTE", "Cohort": "VIEW"}
    members = ProjectMember.objects.filter(user=amy)
    members.filter(project=atlas).update(level=Level.VIEW)
    assert chosen.levels() == capped.levels() == free.levels() == {"Atlas": "VIEW", "Cohort": "VIEW"}
    members.filter(project=cohort).update(level=Level.ADMINISTER)
    assert (chosen.levels()["Cohort"], capped.levels()["Cohort"], free.levels()["Cohort"]) == ("VIEW", "UPLOAD", "ADMINISTER")
    members.filter(project=atlas).delete()
    new = project_of(amy, name="New")
    assert (chosen.levels(), capped.levels()) == ({"Cohort": "VIEW"}, {"Cohort": "UPLOAD", "New": "UPLOAD"})
    new.delete()
    cohort.delete()
    assert chosen.levels() == {}
    User.objects.filter(pk=amy.pk).update(is_active=False)
    assert {dx("/system/findProjects", {}, sees.text).status_code for sees in (chosen, capped, free)} == {401}


def test_a_token_whose_projects_are_all_deleted_reaches_nothing_and_not_everything(amy: User) -> None:
    gone = project_of(amy)
    project_of(amy, name="Other")
    minted = make(amy, Scope(None, {gone.public_id: Level.VIEW}))
    gone.delete()
    assert Sees(minted.text).levels() == {}
    assert scope.of(minted.token).as_json() == {}
    caller = authenticate(minted.text, request=RequestFactory().post("/"), door="dx")
    assert (caller.everywhere, caller.reads_account, caller.controls_account) == (None, False, False)


def test_a_token_of_chosen_projects_ends_itself_and_no_other_by_dx(amy: User) -> None:
    other = TokenFactory(user=amy)
    token, text = token_and_text(user=amy, everywhere=None)
    TokenProject.objects.create(token=token, project=project_of(amy), level=Level.VIEW)
    refused = dx("/system/destroyAuthToken", {"tokenSignature": other.digest}, text)
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "PermissionDenied")
    assert dx("/system/destroyAuthToken", {"tokenSignature": token.digest}, text).status_code == 200
    assert list(Token.objects.live()) == [other]


def test_a_token_of_chosen_projects_learns_nothing_of_others_when_it_asks_for_more(amy: User) -> None:
    chosen, other = project_of(amy), project_of(amy, Level.VIEW, name="Secret Study")
    narrow = make(amy, Scope(None, {chosen.public_id: Level.VIEW})).token
    answers = set()
    for project in (other.public_id, project_of(UserFactory()).public_id, NEVER):
        with pytest.raises(WiderThanToken) as refused:
            make(amy, Scope(None, {project: Level.ADMINISTER}), presenter=narrow)
        answers.add(str(refused.value))
    assert len(answers) == 1


def test_a_token_of_chosen_projects_learns_no_other_tokens_id_from_its_label(amy: User) -> None:
    chosen = project_of(amy)
    make(amy, label="nightly")
    text = make(amy, Scope(None, {chosen.public_id: Level.VIEW})).text
    answer = dx(NEW, {"label": "nightly"}, text)
    assert answer.status_code == 422
    assert "token-" not in answer.content.decode()


def test_what_a_token_of_chosen_projects_makes_keeps_nobody_from_replacing_it(amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tokens.limits.MADE_PER_HOUR", 3)
    narrow = make(amy, Scope(None, {project_of(amy).public_id: Level.VIEW})).token
    for _ in range(3):
        make(amy, presenter=narrow)
    with pytest.raises(TooManyAttempts):
        make(amy, presenter=narrow)
    make(amy)
