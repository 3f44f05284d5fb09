"""The table of effective access: every level of a member × every level of a token × every act in a project, through REST and dx.

What must happen is said once, in ACTS: the level that an act needs. Each act is tried with a real request, and what it did is looked
for in the database.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction

from accounts.models import User
from orgs.projects.models import Folder, Level, Project, ProjectMember
from tests.factories import UserFactory
from tests.projects.factories import ProjectFactory, folders_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import token_and_text
from tokens.models import TokenProject

pytestmark = pytest.mark.django_db
NONE = None
HELD: list[Level | None] = [NONE, *Level]


@dataclass(frozen=True)
class World:
    """A project with a member whose level is tried, an administrator, and somebody to be acted on."""

    project: Project
    member: User
    other: User

    @property
    def id(self) -> str:
        return self.project.public_id


@dataclass(frozen=True)
class Act:
    """`call` sends the request with a token's text; `done` tells whether it did what it is for."""

    name: str
    needs: Level
    call: Callable[[World, str], Any]
    done: Callable[[World, Any], bool]


def seen(world: World, answer: Any) -> bool:
    return world.project.name in answer.content.decode()


def renamed(world: World, answer: Any) -> bool:
    return Project.objects.get(pk=world.project.pk).name == "Renamed"


def deleted(world: World, answer: Any) -> bool:
    return not Project.objects.filter(pk=world.project.pk).exists()


def members(world: World) -> dict[str, str]:
    return {member.user.username: member.level_label for member in ProjectMember.objects.filter(project=world.project)}


def paths(world: World) -> set[str]:
    return set(Folder.objects.filter(project=world.project).values_list("path", flat=True))


def by_dx(call: str, **body: Any) -> Callable[[World, str], Any]:
    return lambda world, text: dx(f"/{world.id}/{call}", body, text)


def by_rest(method: str, path: str = "", body: Any = None) -> Callable[[World, str], Any]:
    return lambda world, text: rest(method, f"/api/v1/projects/{world.id}/{path}", text, body)


VIEW, CONTRIBUTE, ADMINISTER = Level.VIEW, Level.CONTRIBUTE, Level.ADMINISTER
ACTS = [
    Act("dx describe", VIEW, by_dx("describe"), seen),
    Act("dx findProjects", VIEW, lambda world, text: dx("/system/findProjects", {"describe": True}, text), seen),
    Act("dx listFolder", VIEW, by_dx("listFolder", folder="/"), lambda world, got: "/data" in got.content.decode()),
    Act("dx findDataObjects", VIEW, lambda world, text: dx("/system/findDataObjects", {"scope": {"project": world.id}}, text),
        lambda world, got: "results" in got.json()),
    Act("dx describe member", VIEW, lambda world, text: dx("/user-other/describe", {}, text), lambda world, got: "handle" in got.json()),
    Act("dx newFolder", CONTRIBUTE, by_dx("newFolder", folder="/new"), lambda world, got: "/new" in paths(world)),
    Act("dx renameFolder", CONTRIBUTE, by_dx("renameFolder", folder="/data", newpath="/d2"), lambda world, got: "/d2" in paths(world)),
    Act("dx move", CONTRIBUTE, by_dx("move", objects=[], folders=["/x"], destination="/data"),
        lambda world, got: "/data/x" in paths(world)),
    Act("dx removeFolder", CONTRIBUTE, by_dx("removeFolder", folder="/data"), lambda world, got: "/data" not in paths(world)),
    Act("dx removeObjects", CONTRIBUTE, by_dx("removeObjects", objects=[], force=True), lambda world, got: "id" in got.json()),
    Act("dx addTags", CONTRIBUTE, by_dx("addTags", tags=["t"]), lambda world, got: world.project.tags.filter(tag="t").exists()),
    Act("dx removeTags", CONTRIBUTE, by_dx("removeTags", tags=["old"]), lambda world, got: not world.project.tags.exists()),
    Act("dx setProperties", CONTRIBUTE, by_dx("setProperties", properties={"k": "v"}),
        lambda world, got: world.project.properties.exists()),
    Act("dx update", ADMINISTER, by_dx("update", name="Renamed"), renamed),
    Act("dx invite", ADMINISTER, by_dx("invite", invitee="user-guest", level="VIEW"), lambda world, got: "guest" in members(world)),
    Act("dx decreasePermissions", ADMINISTER, by_dx("decreasePermissions", **{"user-other": "VIEW"}),
        lambda world, got: members(world)["other"] == "VIEW"),
    Act("dx destroy", ADMINISTER, by_dx("destroy"), deleted),
    Act("REST list", VIEW, lambda world, text: rest("GET", "/api/v1/projects/", text), seen),
    Act("REST get", VIEW, by_rest("GET"), seen),
    Act("REST members", VIEW, by_rest("GET", "members/"), lambda world, got: "user-other" in got.content.decode()),
    Act("REST patch", ADMINISTER, by_rest("PATCH", body={"name": "Renamed"}), renamed),
    Act("REST delete", ADMINISTER, by_rest("DELETE"), deleted),
    Act("REST invite", ADMINISTER, by_rest("POST", "members/", {"user": "user-guest"}), lambda world, got: "guest" in members(world)),
    Act("REST change member", ADMINISTER, by_rest("PATCH", "members/user-other/", {"level": "ADMINISTER"}),
        lambda world, got: members(world)["other"] == "ADMINISTER"),
    Act("REST remove member", ADMINISTER, by_rest("DELETE", "members/other/"), lambda world, got: "other" not in members(world)),
]  # fmt: skip


def world_with(held: Level | None) -> World:
    """Make a project in which the member has `held` (None: is no member)."""
    member, other = UserFactory(username="member"), UserFactory(username="other")
    UserFactory(username="guest")
    project = ProjectFactory(members={other: CONTRIBUTE, **({member: held} if held else {})})
    project.tags.create(tag="old")
    folders_of(project, "/data", "/x")
    return World(project, member, other)


def token_for(world: World, kind: str, level: Level | None) -> str:
    """Return the text of a token of the member: of all projects up to `level`, or of this one (None: of another one)."""
    if kind == "all projects":
        return token_and_text(user=world.member, everywhere=level)[1]
    token, text = token_and_text(user=world.member, everywhere=None)
    chosen = world.project if level else ProjectFactory(members={world.member: ADMINISTER})
    TokenProject.objects.create(token=token, project=chosen, level=level or ADMINISTER)
    return text


TOKENS = [("all projects", level) for level in Level] + [("this project", level) for level in HELD]


@pytest.mark.parametrize(("kind", "level"), TOKENS, ids=lambda value: str(getattr(value, "name", value)))
@pytest.mark.parametrize("held", HELD, ids=lambda level: f"member {getattr(level, 'name', 'of nothing')}")
def test_a_token_can_do_what_both_it_and_its_person_can(kind: str, level: Level | None, held: Level | None) -> None:
    world = world_with(held)
    text = token_for(world, kind, level)
    wrong = [fault for act in ACTS for fault in faults_of(act, world, text, effective=min(held or 0, level or 0))]
    assert not wrong, "\n".join(wrong)


def faults_of(act: Act, world: World, text: str, *, effective: int) -> Iterator[str]:
    """Try an act, look what it did, and take it back; give what is not as the table says."""
    with transaction.atomic():
        answer = act.call(world, text)
        if act.done(world, answer) != (effective >= act.needs):
            yield f"{act.name}: {answer.status_code} {answer.content!r}"
        if effective < act.needs and answer.status_code not in refusals(act, effective):
            yield f"{act.name}: refused with {answer.status_code}"
        transaction.set_rollback(True)


def refusals(act: Act, effective: int) -> tuple[int, ...]:
    """Return with which statuses a refusal may come: what one does not reach at all is as unknown as what is not there."""
    if act.name in ("dx findProjects", "REST list"):
        return (200,)
    unknown = not effective or act.name == "dx describe member"
    return (404,) if unknown else (401, 403)
