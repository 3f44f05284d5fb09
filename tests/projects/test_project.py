"""Making, describing, changing, deleting a project, through the dx door and the pages."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import SecurityEvent, User
from orgs.projects import flows
from orgs.projects.errors import PhiStays, ProjectValueRefused
from orgs.projects.flows import Details
from orgs.projects.models import Folder, Level, Project
from tests.conftest import WebDoor
from tests.factories import UserFactory, actor
from tests.projects.factories import ProjectFactory, folders_of, level_of, person, project_of
from tests.tokens.doors import dx
from tests.tokens.factories import TokenFactory, token_and_text
from tokens.models import TokenProject

pytestmark = pytest.mark.django_db
NEVER = "project-" + "B" * 24


@pytest.fixture
def amys(amy: User) -> str:
    """The text of a token of amy."""
    return token_and_text(user=amy)[1]


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["type"]


def test_dx_makes_a_project_that_its_maker_administers_and_pays_for(amy: User, amys: str) -> None:
    answer = dx("/project/new", {"name": "  Genomes ", "summary": "s", "containsPHI": True, "billTo": "user-amy"}, amys)
    project = Project.objects.get(public_id=answer.json()["id"])
    assert (project.name, project.summary, project.phi, project.billed_to, project.created_by) == ("Genomes", "s", True, amy, amy)
    assert level_of(amy, project) == "ADMINISTER"
    event = SecurityEvent.objects.get(event="project.created")
    assert (event.subject, event.about, event.data) == (
        amy,
        project.public_id,
        {"project_id": project.public_id, "name": "Genomes", "phi": True, "org": ""},
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({}, "InvalidInput"), ({"name": ""}, "InvalidInput"), ({"name": " "}, "InvalidInput"), ({"name": "x" * 256}, "InvalidInput"),
        ({"name": "\u202egnp"}, "InvalidInput"), ({"name": "a\nb"}, "InvalidInput"), ({"name": 5}, "InvalidInput"),
        ({"name": "a", "billTo": "user-ben"}, "InvalidInput"), ({"name": "a", "region": "aws:us-east-1"}, "InvalidInput"),
        ({"name": "a", "protected": True}, "InvalidInput"), ({"name": "a", "containsPHI": "yes"}, "InvalidInput"),
        ({"name": "a", "summary": "x" * 501}, "InvalidInput"), ({"name": "\u115f"}, "InvalidInput"),
    ],
)  # fmt: skip
def test_a_project_that_cannot_be_is_refused_with_a_sentence(amys: str, body: dict[str, Any], kind: str) -> None:
    answer = dx("/project/new", body, amys)
    assert refusal(answer) == (422, kind)
    assert len(answer.json()["error"]["message"]) > 15
    assert not Project.objects.exists()


@pytest.mark.parametrize("everywhere", [Level.VIEW, Level.UPLOAD, Level.CONTRIBUTE, None])
def test_a_token_that_could_not_administer_it_makes_no_project(amy: User, everywhere: Level | None) -> None:
    text = token_and_text(user=amy, everywhere=everywhere)[1]
    assert refusal(dx("/project/new", {"name": "New"}, text)) == (401, "PermissionDenied")
    assert not Project.objects.exists()


def test_a_person_makes_a_bounded_number_of_projects_in_an_hour(amys: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("orgs.projects.limits.MADE_PER_HOUR", 2)
    assert [dx("/project/new", {"name": "p"}, amys).status_code for _ in range(3)] == [200, 200, 401]


def test_it_is_described_as_the_client_needs_it(amy: User, amys: str) -> None:
    project = project_of(amy, name="Genomes", phi=True)
    described = dx(f"/{project.public_id}/describe", {}, amys).json()
    assert described["id"] == project.public_id
    assert (described["class"], described["name"], described["level"], described["billTo"]) == (
        "project",
        "Genomes",
        "ADMINISTER",
        "user-amy",
    )
    assert (described["createdBy"], described["containsPHI"], described["tags"]) == ({"user": "user-amy"}, True, [])
    assert {described[name] for name in ("protected", "restricted", "downloadRestricted", "externalUploadRestricted")} == {False}
    assert isinstance(described["dataUsage"], float)
    assert described["created"] == described["modified"] > 1_700_000_000_000
    assert not {"properties", "permissions", "folders"} & set(described)


def test_fields_are_those_asked_for(amy: User, ben: User, amys: str) -> None:
    project = ProjectFactory(billed_to=amy, members={ben: Level.VIEW})
    folders_of(project, "/a", "/a/b")

    def described(**body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = dx(f"/{project.public_id}/describe", body, amys).json()
        return answer

    assert described(fields={"name": True}) == {"id": project.public_id, "name": project.name}
    assert described(fields={"id": True}) == {"id": project.public_id}
    assert described(folders=True)["folders"] == ["/", "/a", "/a/b"]
    assert described(permissions=True)["permissions"] == {"user-amy": "ADMINISTER", "user-ben": "VIEW"}
    assert described(properties=True)["properties"] == {}
    both = described(fields={"folders": True, "name": False}, defaultFields=True)
    assert both["folders"]
    assert "name" not in both
    assert "billTo" in both
    assert set(described(fields={"fileUploadParameters": True, "nothingKnown": True})) == {"id", "fileUploadParameters"}
    assert dx(f"/{project.public_id}/describe", {"fields": ["name"]}, amys).status_code == 422


@pytest.mark.parametrize("call", ["describe", "listFolder", "update", "destroy", "invite", "leave", "newFolder", "addTags"])
@pytest.mark.parametrize("what", ["another's", "none", "no id", "upper", "wrong class", "nul"])
def test_another_persons_project_is_as_unknown_as_none(amys: str, call: str, what: str) -> None:
    theirs = ProjectFactory().public_id
    ids = {"another's": theirs, "none": NEVER, "no id": "project-1", "upper": theirs.upper().replace("PROJECT", "project"),
           "wrong class": "container-" + "B" * 24, "nul": "project-%00"}  # fmt: skip
    body = {"name": "x", "invitee": "user-amy", "folder": "/a", "tags": ["a"]}
    answer, unknown = dx(f"/{ids[what]}/{call}", body, amys), dx(f"/{NEVER}/{call}", body, amys)
    assert refusal(answer) == (404, "ResourceNotFound")
    if what != "wrong class":
        assert answer.json() == unknown.json()
    assert Project.objects.get().name != "x"


def test_an_update_changes_what_it_names_and_is_one_event(amy: User, amys: str) -> None:
    project = project_of(amy, name="Old")
    path = f"/{project.public_id}/update"
    assert dx(
        path, {"name": "New", "summary": "what for", "description": "a\nb", "containsPHI": True, "billTo": "user-amy"}, amys
    ).json() == {"id": project.public_id}
    project.refresh_from_db()
    assert (project.name, project.summary, project.description, project.phi) == ("New", "what for", "a\nb", True)
    assert project.modified is not None
    event = SecurityEvent.objects.get(event="project.changed")
    assert (event.data["name_before"], event.data["changed"]) == ("Old", ["description", "name", "phi", "summary"])
    assert dx(path, {"name": "New"}, amys).status_code == 200
    assert SecurityEvent.objects.filter(event="project.changed").count() == 1


def test_the_phi_mark_is_not_taken_off(amy: User, amys: str) -> None:
    project = project_of(amy, phi=True)
    assert refusal(dx(f"/{project.public_id}/update", {"containsPHI": False}, amys)) == (422, "InvalidState")
    with pytest.raises(PhiStays):
        flows.update(caller=person(amy), project_id=project.public_id, details=Details(phi=False), actor=actor(amy))
    project.refresh_from_db()
    assert project.phi


@pytest.mark.parametrize(
    "body", [{"restricted": True}, {"billTo": "user-ben"}, {"name": ""}, {"description": "x" * 10_001}, {"name": None, "summary": 5}]
)
def test_an_update_that_cannot_be_changes_nothing(amy: User, amys: str, body: dict[str, Any]) -> None:
    project = project_of(amy, name="Old")
    assert refusal(dx(f"/{project.public_id}/update", body, amys)) == (422, "InvalidInput")
    project.refresh_from_db()
    assert (project.name, project.modified) == ("Old", None)


def test_deleting_takes_all_that_is_in_it_and_the_scopes_of_tokens_but_not_the_tokens(amy: User, ben: User, amys: str) -> None:
    project = ProjectFactory(billed_to=amy, members={ben: Level.VIEW})
    folders_of(project, "/a")
    token = TokenFactory(user=ben, everywhere=None)
    TokenProject.objects.create(token=token, project=project, level=Level.VIEW)
    assert dx(f"/{project.public_id}/destroy", {"terminateJobs": False}, amys).json() == {"id": project.public_id}
    assert not Project.objects.exists()
    assert not Folder.objects.exists()
    token.refresh_from_db()
    assert token.everywhere is None
    assert not token.projects.exists()
    event = SecurityEvent.objects.get(event="project.deleted")
    assert (event.data["members"], event.about) == (2, project.public_id)
    assert refusal(dx(f"/{project.public_id}/destroy", {}, amys)) == (404, "ResourceNotFound")


def test_tags_and_properties_are_set_and_taken_away(amy: User, ben: User, amys: str) -> None:
    project = ProjectFactory(billed_to=amy, members={ben: Level.CONTRIBUTE})
    path, bens = f"/{project.public_id}", token_and_text(user=ben)[1]
    dx(f"{path}/addTags", {"tags": ["b", "a", "a"]}, bens)
    dx(f"{path}/addTags", {"tags": ["a", "c"]}, bens)
    dx(f"{path}/removeTags", {"tags": ["c", "never"]}, bens)
    dx(f"{path}/setProperties", {"properties": {"k": "v", "other": "x"}}, bens)
    dx(f"{path}/setProperties", {"properties": {"k": "w", "other": None, "never": None}}, bens)
    described = dx(f"{path}/describe", {"properties": True}, amys).json()
    assert (described["tags"], described["properties"]) == (["a", "b"], {"k": "w"})
    for call, body in (
        ("addTags", {"tags": "a"}), ("addTags", {"tags": [1]}), ("addTags", {"tags": [""]}), ("addTags", {"tags": ["x" * 129]}),
        ("addTags", {"tags": [f"t{n}" for n in range(101)]}), ("setProperties", {"properties": {"k": 1}}),
        ("setProperties", {"properties": ["k"]}), ("setProperties", {"properties": {"": "v"}}),
        ("setProperties", {"properties": {"k": "v" * 701}}), ("setProperties", {"properties": {f"k{n}": "v" for n in range(101)}}),
    ):  # fmt: skip
        assert refusal(dx(f"{path}/{call}", body, bens)) == (422, "InvalidInput"), (call, body)
    assert dx(f"{path}/describe", {"properties": True}, amys).json()["properties"] == {"k": "w"}


def test_a_project_is_made_changed_and_deleted_on_its_pages(web: WebDoor, amy: User) -> None:
    web.sign_in(amy)
    made = web.send("/projects/new/", {"name": "Sandbox <1>", "summary": "to try", "phi": ""})
    project = Project.objects.get()
    assert made["Location"] == f"/projects/{project.public_id}/"
    page = web.get(made["Location"]).content.decode()
    assert "The project is there" in page
    assert "Sandbox &lt;1&gt;" in page
    assert web.send(f"{made['Location']}change/", {"name": "Renamed", "summary": "to try", "phi": "on"}).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.phi) == ("Renamed", True)
    assert 'name="phi"' not in web.get(f"{made['Location']}change/").content.decode()
    assert web.send(f"{made['Location']}change/", {"name": "Again", "summary": ""}).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.summary, project.phi) == ("Again", "", True)
    assert web.send(f"{made['Location']}delete/")["Location"] == "/"
    assert "Deleted, with all that was in it" in web.get("/").content.decode()
    assert not Project.objects.exists()


def test_a_name_that_is_refused_stays_in_the_form(web: WebDoor, amy: User) -> None:
    answer = web.sign_in(amy).send("/projects/new/", {"name": "hid\u202eden", "summary": "kept"})
    assert answer.status_code == 422
    assert "hidden characters" in answer.content.decode()
    assert "kept" in answer.content.decode()


def test_pages_of_a_project_show_a_member_what_they_may_do_and_a_stranger_nothing(web: WebDoor, amy: User, ben: User) -> None:
    project = ProjectFactory(billed_to=amy, name="Atlas", members={ben: Level.VIEW})
    base = f"/projects/{project.public_id}/"
    web.sign_in(ben)
    page = web.get(base).content.decode()
    assert "Atlas" in page
    assert "Add member" not in page
    for part in ("change/", "delete/", "invite/", "members/amy/", "members/ben/remove/"):
        assert web.get(base + part).status_code == 403, part
        assert web.send(base + part, {"name": "x", "level": "ADMINISTER", "user": "ben"}, form_at="/security/").status_code == 403, part
    assert level_of(ben, project) == "VIEW"
    theirs = ProjectFactory()
    for part in ("", "change/", "delete/", "invite/", "leave/", "members/amy/", "members/amy/remove/"):
        answers = [web.get(f"/projects/{one}/{part}") for one in (theirs.public_id, NEVER, "project-%00", "1")]
        assert [answer.status_code for answer in answers] == [404] * 4


def test_the_page_lists_folders_and_pages_members(web: WebDoor, amy: User) -> None:
    project = project_of(amy)
    folders_of(project, "/data", "/data/raw & <b>", "/results")
    for number in range(26):
        flows.invite(
            caller=person(amy), project_id=project.public_id, invitee=_somebody(number).username, level=Level.VIEW,
            by_mail=False, actor=actor(amy),
        )  # fmt: skip
    web.sign_in(amy)
    base = f"/projects/{project.public_id}/"
    first = web.get(base)
    assert [name for _, name in first.context["folders"]] == ["data", "results"]
    assert len(first.context["page"].object_list) == 25
    assert len(web.get(base, {"page": "2"}).context["page"].object_list) == 2
    inside = web.get(base, {"folder": "/data"})
    assert "raw &amp; &lt;b&gt;" in inside.content.decode()
    assert web.get(base, {"folder": "/nowhere"}).status_code == 404
    assert web.get(base, {"folder": "relative"}).status_code == 422


def _somebody(number: int) -> User:
    made: User = UserFactory(username=f"person{number:02d}.x")
    return made


def test_a_list_of_projects_costs_the_same_with_one_and_with_many(amy: User, amys: str) -> None:
    counts = []
    for more in (1, 20):
        for _ in range(more):
            dx(f"/{project_of(amy).public_id}/addTags", {"tags": ["a"]}, amys)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            found = dx("/system/findProjects", {"describe": {"fields": {"tags": True, "folders": True, "permissions": True}}}, amys).json()
        assert len(found["results"]) >= more
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("text", ["a\x00b", "a\x07b", "\u2066a"])
def test_hidden_characters_are_refused_in_texts_too(amy: User, text: str) -> None:
    with pytest.raises(ProjectValueRefused):
        flows.create(caller=person(amy), details=Details(name="p", description=text), actor=actor(amy))
