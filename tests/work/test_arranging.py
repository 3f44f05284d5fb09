"""Files among others through the dx door: found, listed, named, moved, marked, removed, cloned; and at which level (S5.2)."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.signing import Signer
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from accounts.moments import milliseconds
from orgs.projects.models import Folder, Level, Project
from tests.projects.factories import folders_of, project_of
from tests.tokens.doors import dx
from tests.work.factories import (
    Desk,
    announce,
    begin,
    close,
    content_of,
    desk_of,
    download,
    fetch,
    file_row,
    md5_of,
    message_of,
    place_of,
    put_part,
    refusal,
    send,
    stored_in,
    ticket_for,
    upload_of,
    uploaded,
)
from tokens.work import sweeping
from tokens.work.dx import folders
from tokens.work.models import File, FileInProject, FileState, TransferState

pytestmark = pytest.mark.django_db
INVALID, STATE, MISSING = (422, "InvalidInput"), (422, "InvalidState"), (404, "ResourceNotFound")
DENIED, DEAD = (401, "PermissionDenied"), (401, "InvalidAuthentication")
NOBODY = "file-" + "0" * 24


def found(desk: Desk, **body: Any) -> list[str]:
    """Return the names of what findDataObjects finds, in its order."""
    answer = desk.call("system/findDataObjects", **{"describe": {"fields": {"name": True}}, "visibility": "either", **body})
    assert answer.status_code == 200, answer.content
    return [row["describe"]["name"] for row in answer.json()["results"]]


def described(desk: Desk, file_id: str, **body: Any) -> dict[str, Any]:
    answer = dx(f"/{file_id}/describe", body, desk.text)
    assert answer.status_code == 200, answer.content
    told: dict[str, Any] = answer.json()
    return told


def listed(desk: Desk, folder: str = "/", **body: Any) -> list[str]:
    """Return the names of the objects in a folder."""
    answer = desk.call("project/listFolder", folder=folder, describe={"fields": {"name": True}}, **body).json()
    return [row["describe"]["name"] for row in answer["objects"]]


@pytest.fixture
def shelf(desk: Desk, clock: Any) -> dict[str, str]:
    """Ids by name: files made a minute apart, in several folders, of several kinds."""
    folders_of(desk.project, "/data", "/data/raw", "/data2")
    ids = {}
    told: list[tuple[str, dict[str, Any]]] = [
        ("Alpha.txt", {"tags": ["red", "big"], "properties": {"sample": "s1"}}),
        ("beta.txt", {"folder": "/data", "tags": ["red"], "types": ["Reads"], "properties": {"sample": "s2", "run": ""}}),
        ("gamma*.bam", {"folder": "/data/raw", "types": ["Reads", "Sorted"]}),
        ("delta.txt", {"folder": "/data2", "hidden": True}),
    ]
    for name, keys in told:
        ids[name] = uploaded(desk.text, desk.project, name, [name.encode()], **keys)
        clock.shift(60)
    ids["open.txt"] = begin(desk.text, desk.project, "open.txt")
    clock.shift(60)
    return ids


# Found


BY_FILTER: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["Alpha.txt", "beta.txt", "gamma*.bam", "delta.txt", "open.txt"]),
    ({"class": "file"}, ["Alpha.txt", "beta.txt", "gamma*.bam", "delta.txt", "open.txt"]),
    ({"class": "record"}, []),
    ({"state": "closed"}, ["Alpha.txt", "beta.txt", "gamma*.bam", "delta.txt"]),
    ({"state": "open"}, ["open.txt"]),
    ({"state": "dropped"}, []),
    ({"visibility": "visible", "state": "closed"}, ["Alpha.txt", "beta.txt", "gamma*.bam"]),
    ({"visibility": None, "state": "closed"}, ["Alpha.txt", "beta.txt", "gamma*.bam"]),
    ({"visibility": "hidden"}, ["delta.txt"]),
    ({"name": "beta.txt"}, ["beta.txt"]),
    ({"name": "Beta.txt"}, []),
    ({"name": "*.txt"}, []),
    ({"name": {"glob": "*.txt"}}, ["Alpha.txt", "beta.txt", "delta.txt", "open.txt"]),
    ({"name": {"glob": "a*"}}, []),
    ({"name": {"glob": "?eta.txt"}}, ["beta.txt"]),
    ({"name": {"glob": "gamma\\*.bam"}}, ["gamma*.bam"]),
    ({"name": {"glob": "Alpha\\*"}}, []),
    ({"name": {"glob": "%"}}, []),
    ({"tags": "red"}, ["Alpha.txt", "beta.txt"]),
    ({"tag": "red"}, ["Alpha.txt", "beta.txt"]),
    ({"tags": {"$and": ["red", "big"]}}, ["Alpha.txt"]),
    ({"tags": {"$and": ["red", "none"]}}, []),
    ({"tags": "Reads"}, []),
    ({"type": "Reads"}, ["beta.txt", "gamma*.bam"]),
    ({"type": {"$and": ["Reads", "Sorted"]}}, ["gamma*.bam"]),
    ({"properties": {"sample": "s1"}}, ["Alpha.txt"]),
    ({"properties": {"sample": True}}, ["Alpha.txt", "beta.txt"]),
    ({"properties": {"sample": "s2", "run": ""}}, ["beta.txt"]),
    ({"properties": {"sample": "s1", "run": True}}, []),
    ({"link": NOBODY}, []),
    ({"archivalState": "live", "state": "open"}, ["open.txt"]),
    ({"archivalState": "archived"}, []),
    ({"region": "nowhere:else"}, []),
    ({"region": ["nowhere:else"]}, []),
    ({"level": "VIEW", "state": "open"}, ["open.txt"]),
    ({"level": "ADMINISTER", "state": "open"}, ["open.txt"]),
    ({"state": "closed", "tags": "red", "name": {"glob": "b*"}}, ["beta.txt"]),
]
IN_FOLDER: list[tuple[dict[str, Any], list[str]]] = [
    ({"folder": "/"}, ["Alpha.txt", "beta.txt", "gamma*.bam", "delta.txt", "open.txt"]),
    ({"folder": "/", "recurse": False}, ["Alpha.txt", "open.txt"]),
    ({"folder": "/data"}, ["beta.txt", "gamma*.bam"]),
    ({"folder": "/data/", "recurse": True}, ["beta.txt", "gamma*.bam"]),
    ({"folder": "/data", "recurse": False}, ["beta.txt"]),
    ({"folder": "/data/raw"}, ["gamma*.bam"]),
    ({"folder": "/dat"}, []),
    ({"folder": "/data_"}, []),
]


def test_files_are_found_by_each_filter(desk: Desk, shelf: dict[str, str]) -> None:
    for asked, names in BY_FILTER:
        assert found(desk, **asked) == names, asked
        assert found(desk, scope={"project": desk.project.public_id}, **asked) == names, asked


def test_files_are_found_in_a_folder_and_below_it(desk: Desk, shelf: dict[str, str]) -> None:
    for scope, names in IN_FOLDER:
        assert found(desk, scope={"project": desk.project.public_id, **scope}) == names, scope


def test_files_are_found_by_id(desk: Desk, shelf: dict[str, str]) -> None:
    assert found(desk, id=shelf["beta.txt"]) == ["beta.txt"]
    assert found(desk, id=[shelf["delta.txt"], shelf["Alpha.txt"], NOBODY, "job-x"]) == ["Alpha.txt", "delta.txt"]
    assert found(desk, id=[]) == []


def test_files_are_found_by_when_they_were_made_and_changed(desk: Desk, shelf: dict[str, str], clock: Any) -> None:
    made = milliseconds(place_of(shelf["gamma*.bam"], desk.project).created)
    assert found(desk, created={"after": made}) == ["gamma*.bam", "delta.txt", "open.txt"]
    assert found(desk, created={"before": made}) == ["Alpha.txt", "beta.txt", "gamma*.bam"]
    assert found(desk, created={"after": made, "before": made}) == ["gamma*.bam"]
    now = milliseconds(timezone.now())
    assert found(desk, modified={"after": now}) == []
    assert desk.call(f"{shelf['Alpha.txt']}/addTags", tags=["new"]).status_code == 200
    assert found(desk, modified={"after": now}) == ["Alpha.txt"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"visibility": "all"}, {"visibility": 1}, {"state": 1}, {"name": 1}, {"name": {"regexp": ".*"}}, {"name": {"glob": 1}}, {"tags": 1},
        {"tags": {"$or": ["a"]}}, {"tags": {"$and": [1]}}, {"tags": {"$and": ["t"] * 21}}, {"type": []}, {"properties": {"k": 1}},
        {"properties": {"k": False}}, {"properties": "k"}, {"properties": {f"k{number}": True for number in range(21)}}, {"scope": "x"},
        {"scope": {"folder": "data"}}, {"scope": {"project": 1}}, {"created": {"after": "yesterday"}}, {"created": 5},
        {"modified": {"before": 2**53}}, {"id": 1}, {"id": [1]}, {"limit": 0}, {"limit": 1001}, {"limit": "9"}, {"level": "OWNER"},
        {"describe": "all"}, {"describe": {"fields": []}}, {"starting": 5}, {"starting": ""}, {"starting": {}},
    ],
    ids=lambda wrong: ascii(wrong)[:40],
)  # fmt: skip
def test_a_filter_of_another_shape_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    assert refusal(desk.call("system/findDataObjects", **wrong)) == INVALID


def test_pages_follow_each_other_and_lose_nothing_meanwhile(desk: Desk, shelf: dict[str, str]) -> None:
    names: list[str] = []
    body: dict[str, Any] = {"limit": 2, "visibility": "either", "describe": {"fields": {"name": True}}}
    answer = desk.call("system/findDataObjects", **body).json()
    names += [row["describe"]["name"] for row in answer["results"]]
    desk.call("project/removeObjects", objects=[shelf["Alpha.txt"]])
    while answer["next"] is not None:
        answer = desk.call("system/findDataObjects", **body, starting=answer["next"]).json()
        assert len(answer["results"]) <= 2
        names += [row["describe"]["name"] for row in answer["results"]]
    assert names == ["Alpha.txt", "beta.txt", "gamma*.bam", "delta.txt", "open.txt"]
    assert desk.call("system/findDataObjects", limit=4).json()["next"] is None


def test_a_page_starts_nowhere_else_than_where_the_one_before_ended(desk: Desk, shelf: dict[str, str], ben: User) -> None:
    following = desk.call("system/findDataObjects", limit=1).json()["next"]
    place = place_of(shelf["beta.txt"], desk.project)
    forged = [
        str(place.pk), following[:-1], "x" + following, Signer(salt="other").sign_object(place.pk),
        Signer(salt="tokens.work.starting").sign_object("1 OR 1=1"), Signer(salt="tokens.work.starting").sign_object([1]),
    ]  # fmt: skip
    for starting in forged:
        assert refusal(desk.call("system/findDataObjects", starting=starting)) == INVALID
    # Somebody else's is of no use: the filters are asked again.
    assert desk_of(ben, project_of(ben)).call("system/findDataObjects", starting=following).json() == {"results": [], "next": None}


def test_strangers_find_nothing_and_members_and_tokens_what_they_reach(desk: Desk, shelf: dict[str, str], ben: User) -> None:
    other = project_of(desk.user)
    uploaded(desk.text, other, "elsewhere")
    stranger = desk_of(ben, project_of(ben))
    assert found(stranger) == []
    assert found(stranger, id=list(shelf.values())) == []
    assert refusal(stranger.call("system/findDataObjects", scope={"project": desk.project.public_id})) == MISSING
    narrow = desk_of(desk.user, other, everywhere=None)
    narrow.token.projects.create(project=other, level=Level.VIEW)
    assert found(narrow) == ["elsewhere"]
    assert found(narrow, level="UPLOAD") == []
    assert refusal(narrow.call("system/findDataObjects", scope={"project": desk.project.public_id})) == MISSING
    desk.project.members.create(user=ben, level=Level.VIEW)
    assert len(found(stranger)) == 5
    assert found(stranger, level="CONTRIBUTE") == []


def test_a_page_of_descriptions_costs_the_same_however_long_it_is(desk: Desk) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as caught:
            everything = {"properties": True, "details": True, "parts": True}
            assert desk.call("system/findDataObjects", describe=everything).json()["results"]
        return len(caught)

    uploaded(desk.text, desk.project, "a", tags=["t"], properties={"k": "v"})
    queries()
    few = queries()
    for number in range(5):
        uploaded(desk.text, desk.project, f"b{number}", tags=["t"], properties={"k": "v"})
    assert queries() == few


# Listed, resolved, described


def test_a_folder_lists_its_files_by_name_and_hidden_ones_when_asked(desk: Desk, shelf: dict[str, str]) -> None:
    assert listed(desk) == ["Alpha.txt", "open.txt"]
    assert listed(desk, "/data") == ["beta.txt"]
    assert listed(desk, "/data2") == []
    assert listed(desk, "/data2", includeHidden=True) == ["delta.txt"]
    answer = desk.call("project/listFolder", folder="/data").json()
    assert answer == {"folders": ["/data/raw"], "objects": [{"id": shelf["beta.txt"]}]}
    assert desk.call("project/listFolder", folder="/data", only="folders").json() == {"folders": ["/data/raw"]}
    assert set(desk.call("project/listFolder", folder="/data", only="objects").json()) == {"objects"}
    fields = dict.fromkeys("id class folder length modified name project size state".split(), True)
    (row,) = desk.call("project/listFolder", folder="/data", describe={"fields": fields}).json()["objects"]
    assert {"state": "closed", "size": 8, "folder": "/data", "class": "file"}.items() <= row["describe"].items()
    assert refusal(desk.call("project/listFolder", folder="/nope")) == MISSING
    assert refusal(desk.call("project/listFolder", folder="/", describe=5)) == INVALID


def test_a_file_is_described_by_the_fields_asked_for(desk: Desk, clock: Any) -> None:
    made = timezone.now()
    file_id = begin(desk.text, desk.project, "f", details={"d": 1}, properties={"k": "v"}, media="text/plain")
    put_part(desk.text, file_id, b"abc")
    clock.shift(60)
    close(desk.text, file_id)
    assert described(desk, file_id, fields={"name": True, "size": True}) == {"id": file_id, "name": "f", "size": 3}
    plain = described(desk, file_id)
    assert plain == {
        "id": file_id, "class": "file", "project": desk.project.public_id, "folder": "/", "name": "f", "state": "closed", "hidden": False,
        "types": [], "tags": [], "links": [], "created": milliseconds(made), "modified": milliseconds(made + timedelta(seconds=60)),
        "createdBy": {"user": "user-amy"}, "media": "text/plain", "size": 3, "sponsored": False, "archivalState": "live",
    }  # fmt: skip
    parts = {"parts": {"1": {"md5": md5_of(b"abc"), "size": 3, "state": "complete"}}}
    assert described(desk, file_id, fields={"parts": True}, defaultFields=True) == plain | parts
    older = described(desk, file_id, properties=True, details=True, parts=True)
    assert older == plain | parts | {"properties": {"k": "v"}, "details": {"d": 1}}
    assert "size" not in described(desk, file_id, fields={"size": False}, defaultFields=True)
    assert described(desk, file_id, fields={"nonsense": True}) == {"id": file_id}
    assert refusal(dx(f"/{file_id}/describe", {"fields": ["name"]}, desk.text)) == INVALID


def test_the_project_of_a_description_is_a_hint(desk: Desk, ben: User) -> None:
    file_id, second = uploaded(desk.text, desk.project), project_of(desk.user)
    assert desk.call("project/clone", objects=[file_id], project=second.public_id).status_code == 200
    assert described(desk, file_id, project=second.public_id)["project"] == second.public_id
    for hint in (desk.project.public_id, project_of(ben).public_id, "project-x", None):
        assert described(desk, file_id, project=hint)["project"] == desk.project.public_id


def test_names_are_resolved_in_the_order_asked(desk: Desk, shelf: dict[str, str], ben: User) -> None:
    project = desk.project.public_id
    asked = [
        {"name": "beta.txt", "folder": "/data", "project": project},
        {"name": "beta.txt", "folder": "/", "project": project},
        {"name": "delta.txt", "folder": "/data2", "project": project},
        {"name": "Alpha.txt"},
    ]
    answer = desk.call("system/resolveDataObjects", objects=asked, project=project).json()["results"]
    rows = [[{"project": project, "id": shelf[name]}] if name else [] for name in ("beta.txt", "", "delta.txt", "Alpha.txt")]
    assert answer == rows
    assert refusal(desk.call("system/resolveDataObjects", objects=[{"folder": "/"}])) == INVALID
    assert refusal(desk.call("system/resolveDataObjects", objects=[{"name": "x"}] * 101)) == INVALID
    assert refusal(desk_of(ben, project_of(ben)).call("system/resolveDataObjects", objects=asked)) == MISSING


def test_many_are_described_at_once_and_what_is_none_is_told_so(desk: Desk, shelf: dict[str, str], ben: User) -> None:
    objects = [shelf["beta.txt"], NOBODY, {"id": shelf["Alpha.txt"], "project": desk.project.public_id}, "project-x", {}]
    options = {"file": {"fields": {"name": True}}}
    results = desk.call("system/describeDataObjects", objects=objects, classDescribeOptions=options).json()["results"]
    assert [row.get("describe", {}).get("name") for row in results] == ["beta.txt", None, "Alpha.txt", None, None]
    assert [row["error"]["type"] for row in results if "error" in row] == ["ResourceNotFound"] * 3
    stranger = desk_of(ben, project_of(ben)).call("system/describeDataObjects", objects=objects).json()["results"]
    assert all("error" in row for row in stranger)
    assert refusal(desk.call("system/describeDataObjects", objects="x")) == INVALID
    assert refusal(desk.call("system/describeDataObjects", objects=[1])) == INVALID
    assert refusal(desk.call("system/describeDataObjects", objects=[NOBODY] * 1001)) == INVALID


def test_a_project_tells_what_it_holds_and_what_an_upload_may_be(desk: Desk) -> None:
    uploaded(desk.text, desk.project, "a", [b"x" * 1000])
    put_part(desk.text, begin(desk.text, desk.project), b"not whole")
    told = desk.call("project/describe", fields={"dataUsage": True, "fileUploadParameters": True}).json()
    assert told["dataUsage"] == pytest.approx(1000 / 1024**3)
    assert told["fileUploadParameters"] == {
        "minimumPartSize": 5 * 1024**2, "maximumPartSize": 5 * 1024**3, "maximumNumParts": 10_000, "maximumFileSize": 5 * 1024**4,
        "emptyLastPartAllowed": False,
    }  # fmt: skip
    assert "fileUploadParameters" not in desk.call("project/describe").json()


# Changed


def test_a_file_is_renamed_hidden_and_shown(desk: Desk, clock: Any) -> None:
    file_id = uploaded(desk.text, desk.project, "old")
    clock.shift(60)
    assert desk.call(f"{file_id}/rename", name=" new\u0301 ", project=desk.project.public_id).json() == {"id": file_id}
    told = described(desk, file_id)
    assert (told["name"], told["modified"]) == ("ne\u1e83", milliseconds(timezone.now()))
    assert desk.call(f"{file_id}/rename", name="no hint").status_code == 200
    assert desk.call(f"{file_id}/setVisibility", hidden=True).json() == {"id": file_id}
    assert (described(desk, file_id)["hidden"], listed(desk)) == (True, [])
    assert desk.call(f"{file_id}/setVisibility", hidden=False).status_code == 200
    assert listed(desk) == ["no hint"]
    for wrong in ({}, {"name": ""}, {"name": "a" * 256}, {"name": "a\tb"}, {"name": 5}):
        assert refusal(desk.call(f"{file_id}/rename", **wrong)) == INVALID
    assert described(desk, file_id)["name"] == "no hint"


def test_tags_are_added_and_removed(desk: Desk) -> None:
    file_id = uploaded(desk.text, desk.project, tags=["a"], types=["b"])
    assert desk.call(f"{file_id}/addTags", tags=["b", "a", " c "]).json() == {"id": file_id}
    assert described(desk, file_id)["tags"] == ["a", "b", "c"]
    assert desk.call(f"{file_id}/removeTags", tags=["b", "none"]).json() == {"id": file_id}
    told = described(desk, file_id)
    assert (told["tags"], told["types"]) == (["a", "c"], ["b"])
    assert refusal(desk.call(f"{file_id}/addTags", tags=[f"t{number}" for number in range(99)])) == INVALID
    assert refusal(desk.call(f"{file_id}/addTags", tags=["a" * 129])) == INVALID
    assert refusal(desk.call(f"{file_id}/addTags", tags="a")) == INVALID
    assert described(desk, file_id)["tags"] == ["a", "c"]
    assert desk.call(f"{file_id}/addTags", tags=[f"t{number}" for number in range(98)]).status_code == 200


def test_properties_are_set_and_null_removes_one(desk: Desk) -> None:
    file_id = uploaded(desk.text, desk.project, properties={"a": "1", "b": "2"})
    assert desk.call(f"{file_id}/setProperties", properties={"a": None, "b": "3", "c": ""}).json() == {"id": file_id}
    assert described(desk, file_id, properties=True)["properties"] == {"b": "3", "c": ""}
    for wrong in ({"a": 1}, {"": "x"}, {"k" * 129: "x"}, {f"k{number}": "" for number in range(99)}):
        assert refusal(desk.call(f"{file_id}/setProperties", properties=wrong)) == INVALID
    assert described(desk, file_id, properties=True)["properties"] == {"b": "3", "c": ""}


def test_details_are_written_while_a_file_is_open_and_read_always(desk: Desk) -> None:
    file_id = begin(desk.text, desk.project)
    assert desk.call(f"{file_id}/setDetails", a=[1, {"b": None}]).json() == {"id": file_id}
    assert desk.call(f"{file_id}/getDetails").json() == {"a": [1, {"b": None}]}
    assert refusal(desk.call(f"{file_id}/setDetails", a="x" * 65_536)) == INVALID
    close(desk.text, file_id)
    assert refusal(desk.call(f"{file_id}/setDetails", a=2)) == STATE
    assert desk.call(f"{file_id}/getDetails").json() == {"a": [1, {"b": None}]}


def test_files_and_folders_are_moved_all_or_none(desk: Desk, shelf: dict[str, str]) -> None:
    move = {"objects": [shelf["Alpha.txt"], shelf["open.txt"]], "folders": ["/data/raw"], "destination": "/data2"}
    assert desk.call("project/move", **move, targetFileRelocation=False).json() == {"id": desk.project.public_id}
    assert listed(desk, "/data2", includeHidden=True) == ["Alpha.txt", "delta.txt", "open.txt"]
    assert described(desk, shelf["gamma*.bam"])["folder"] == "/data2/raw"
    for wrong in ({"objects": [shelf["beta.txt"], NOBODY], "destination": "/"}, {"objects": [shelf["beta.txt"]], "destination": "/nope"}):
        assert refusal(desk.call("project/move", **wrong)) == MISSING
    assert described(desk, shelf["beta.txt"])["folder"] == "/data"
    assert desk.call("project/move", objects=[shelf["beta.txt"]], destination="/").status_code == 200
    assert described(desk, shelf["beta.txt"])["folder"] == "/"
    assert desk.call("project/renameFolder", folder="/data2", newpath="/data3").status_code == 200
    assert described(desk, shelf["delta.txt"])["folder"] == "/data3"


def test_files_are_removed_all_or_none_and_with_force_what_is_gone_is_fine(desk: Desk, shelf: dict[str, str], files_dir: Path) -> None:
    objects = [shelf["Alpha.txt"], NOBODY]
    assert refusal(desk.call("project/removeObjects", objects=objects)) == MISSING
    assert described(desk, shelf["Alpha.txt"])["state"] == "closed"
    assert desk.call("project/removeObjects", objects=[*objects, "job-x"], force=True).json() == {"id": desk.project.public_id}
    assert refusal(dx(f"/{shelf['Alpha.txt']}/describe", {}, desk.text)) == MISSING
    assert desk.call("project/removeObjects", objects=[], force=True).status_code == 200
    assert desk.call("project/removeObjects", objects=[]).status_code == 200
    assert refusal(desk.call("project/removeObjects", objects=[shelf["Alpha.txt"]])) == MISSING
    sweeping.sweep()
    assert b"Alpha.txt" not in stored_in(files_dir).values()
    assert len(stored_in(files_dir)) == 3
    assert File.objects.count() == 4


def test_removing_a_file_ends_its_upload(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"abcd")
    ticket = announce(desk.text, file_id, b"efgh", 2).json()
    assert desk.call("project/removeObjects", objects=[file_id]).status_code == 200
    row = upload_of(file_id)
    assert (row.state, row.failure_reason, row.end_why, row.ended_by) == (TransferState.FAILED, "Terminated", "ended-by-hand", desk.user)
    assert file_row(file_id).state == FileState.DROPPED
    answer = send(ticket, b"efgh")
    assert refusal(answer) == DEAD
    assert "was ended by user-amy" in message_of(answer)
    assert refusal(close(desk.text, file_id)) == DEAD
    sweeping.sweep()
    assert (stored_in(files_dir), list(files_dir.iterdir())) == ({}, [])


def test_removing_a_file_ends_its_downloads_there_and_not_elsewhere(desk: Desk) -> None:
    file_id, second = uploaded(desk.text, desk.project), project_of(desk.user)
    desk.call("project/clone", objects=[file_id], project=second.public_id)
    here, there = ticket_for(desk.text, file_id, project=desk.project.public_id), ticket_for(desk.text, file_id, project=second.public_id)
    assert here["url"] != there["url"]
    desk.call("project/removeObjects", objects=[file_id])
    assert refusal(fetch(here)) == DEAD
    sweeping.sweep()
    assert content_of(fetch(there)) == b"0123456789"


def test_a_folder_with_a_file_in_it_is_removed_only_with_all_that_is_in_it(desk: Desk, shelf: dict[str, str], files_dir: Path) -> None:
    for folder in ("/data/raw", "/data", "/data2"):
        assert refusal(desk.call("project/removeFolder", folder=folder, partial=True)) == STATE
    assert Folder.objects.filter(project=desk.project).count() == 3
    answer = desk.call("project/removeFolder", folder="/data", recurse=True, force=True, partial=True)
    assert answer.json() == {"id": desk.project.public_id, "completed": True}
    assert found(desk) == ["Alpha.txt", "delta.txt", "open.txt"]
    assert refusal(dx(f"/{shelf['beta.txt']}/describe", {}, desk.text)) == MISSING
    sweeping.sweep()
    assert sorted(stored_in(files_dir).values()) == [b"Alpha.txt", b"delta.txt"]


def test_a_folder_whose_upload_was_cut_is_empty(desk: Desk) -> None:
    folders_of(desk.project, "/data")
    other = desk_of(desk.user, desk.project)
    begin(other.text, desk.project, folder="/data")
    dx("/system/destroyAuthToken", {"tokenSignature": other.token.digest}, other.text)
    assert FileInProject.objects.count() == 1
    assert desk.call("project/removeFolder", folder="/data").status_code == 200


# Cloned


def test_a_clone_is_the_same_file_with_what_was_written_to_it(desk: Desk, files_dir: Path) -> None:
    target = project_of(desk.user)
    folders_of(target, "/in")
    first = uploaded(desk.text, desk.project, "one", tags=["t"], types=["T"], properties={"k": "v"}, details={"d": 1}, hidden=True)
    second = uploaded(desk.text, desk.project, "two")
    answer = desk.call("project/clone", objects=[first], folders=[], project=target.public_id, destination="/in")
    assert answer.json() == {"id": desk.project.public_id, "project": target.public_id, "exists": []}
    told = described(desk, first, project=target.public_id, properties=True, details=True)
    shown = {"name": "one", "folder": "/in", "tags": ["t"], "types": ["T"], "properties": {"k": "v"}, "details": {"d": 1}, "hidden": True}
    assert shown.items() <= told.items()
    assert desk.call("project/clone", objects=[second, first], project=target.public_id).json()["exists"] == [first]
    assert described(desk, first, project=target.public_id)["folder"] == "/in"
    assert described(desk, second, project=target.public_id)["folder"] == "/"
    assert len(stored_in(files_dir)) == 2
    assert desk.call(f"{first}/listProjects").json() == {desk.project.public_id: "ADMINISTER", target.public_id: "ADMINISTER"}
    # What is written to one of them stays there; and the bytes stay until the last one goes.
    desk.call(f"{first}/addTags", tags=["x"], project=target.public_id)
    assert described(desk, first, project=desk.project.public_id)["tags"] == ["t"]
    desk.call("project/removeObjects", objects=[first])
    sweeping.sweep()
    assert content_of(download(desk.text, first)) == b"0123456789"
    assert desk.call(f"{first}/listProjects").json() == {target.public_id: "ADMINISTER"}


def test_what_is_not_whole_or_not_there_is_not_cloned_and_nothing_with_it(desk: Desk) -> None:
    target = project_of(desk.user)
    whole, opened = uploaded(desk.text, desk.project), begin(desk.text, desk.project)
    clone: dict[str, Any] = {"project": target.public_id}
    assert refusal(desk.call("project/clone", objects=[whole, opened], **clone)) == STATE
    assert refusal(desk.call("project/clone", objects=[whole, NOBODY], **clone)) == MISSING
    assert refusal(desk.call("project/clone", objects=[whole], **clone, destination="/nope")) == MISSING
    assert refusal(desk.call("project/clone", objects=[whole], project="project-x")) == MISSING
    assert refusal(desk.call("project/clone", objects=[whole], folders=["/data"], **clone)) == INVALID
    assert not target.files.exists()


# Levels

CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("{file}/rename", {"name": "n"}),
    ("{file}/addTags", {"tags": ["n"]}),
    ("{file}/removeTags", {"tags": ["t"]}),
    ("{file}/setProperties", {"properties": {"k": "n"}}),
    ("{file}/setVisibility", {"hidden": True}),
    ("{open}/setDetails", {"d": 2}),
    ("project/move", {"objects": ["{file}"], "destination": "/data"}),
    ("project/removeObjects", {"objects": ["{file}"]}),
    ("project/removeFolder", {"folder": "/data", "recurse": True}),
]


def called(desk: Desk, change: tuple[str, dict[str, Any]], ids: dict[str, str]) -> Any:
    path, body = change
    body = {name: [one.format(**ids) for one in value] if isinstance(value, list) else value for name, value in body.items()}
    return desk.call(path.format(**ids), **body)


@pytest.fixture
def ids(desk: Desk) -> dict[str, str]:
    folders_of(desk.project, "/data")
    uploaded(desk.text, desk.project, "inside", folder="/data")
    whole = uploaded(desk.text, desk.project, "whole", tags=["t"], properties={"k": "v"})
    return {"file": whole, "open": begin(desk.text, desk.project, "open", details={"d": 1})}


def as_it_is(project: Project) -> list[Any]:
    """Return all that a change could change."""
    rows = FileInProject.objects.filter(project=project).order_by("pk").select_related("file", "folder")
    return [
        (
            row.name, row.path, row.hidden, row.file.details, row.file.state, sorted(row.marks.values_list("word", flat=True)),
            sorted(row.properties.values_list("key", "value")),
        )
        for row in rows
    ]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
def test_a_change_needs_contribute_of_the_member_and_of_the_token(
    desk: Desk, ben: User, ids: dict[str, str], change: tuple[str, dict[str, Any]]
) -> None:
    before = as_it_is(desk.project)
    member = desk.project.members.create(user=ben, level=Level.VIEW)
    for level in (Level.VIEW, Level.UPLOAD):
        desk.project.members.filter(pk=member.pk).update(level=level)
        assert refusal(called(desk_of(ben, desk.project), change, ids)) == DENIED
        assert refusal(called(desk_of(desk.user, desk.project, everywhere=level), change, ids)) == DENIED
    assert as_it_is(desk.project) == before
    desk.project.members.filter(pk=member.pk).update(level=Level.CONTRIBUTE)
    assert called(desk_of(ben, desk.project), change, ids).status_code == 200
    assert as_it_is(desk.project) != before


READS: list[tuple[str, dict[str, Any]]] = [
    ("{file}/getDetails", {}),
    ("{file}/listProjects", {}),
    ("{file}/describe", {}),
    ("{file}/download", {}),
    ("project/listFolder", {}),
    ("project/describe", {}),
]


@pytest.mark.parametrize("read", READS, ids=lambda read: read[0])
def test_view_is_enough_to_look(desk: Desk, ben: User, ids: dict[str, str], read: tuple[str, dict[str, Any]]) -> None:
    desk.project.members.create(user=ben, level=Level.VIEW)
    assert called(desk_of(ben, desk.project), read, ids).status_code == 200
    assert called(desk_of(desk.user, desk.project, everywhere=Level.VIEW), read, ids).status_code == 200


@pytest.mark.parametrize(
    "call", [*CHANGES, *READS, ("project/clone", {"objects": ["{file}"], "project": "{mine}"})], ids=lambda call: call[0]
)
def test_to_strangers_there_is_nothing(desk: Desk, ben: User, ids: dict[str, str], call: tuple[str, dict[str, Any]]) -> None:
    before, own = as_it_is(desk.project), project_of(ben)
    stranger = desk_of(ben, desk.project)
    path, body = call
    body = {**body, "project": own.public_id} if path == "project/clone" else body
    assert refusal(called(stranger, (path, body), ids)) == MISSING
    # Nor is there by way of a project of their own.
    if path.startswith("{"):
        assert refusal(called(stranger, (path, {**body, "project": own.public_id}), ids)) == MISSING
    elif path in ("project/move", "project/removeObjects", "project/clone"):
        folders_of(own, "/data")
        assert refusal(called(desk_of(ben, own), (path, body), ids)) == MISSING
    assert as_it_is(desk.project) == before
    assert not own.files.exists()


def test_a_clone_needs_view_where_it_comes_from_and_contribute_where_it_goes(desk: Desk, ben: User, ids: dict[str, str]) -> None:
    desk.project.members.create(user=ben, level=Level.VIEW)
    bens, target = desk_of(ben, desk.project), project_of(ben)
    assert bens.call("project/clone", objects=[ids["file"]], project=target.public_id).status_code == 200
    for level in (Level.VIEW, Level.UPLOAD):
        lower = project_of(ben, level)
        assert refusal(bens.call("project/clone", objects=[ids["file"]], project=lower.public_id)) == DENIED
        assert not lower.files.exists()
    foreign = project_of(desk.user)
    assert refusal(bens.call("project/clone", objects=[ids["file"]], project=foreign.public_id)) == MISSING


def test_a_project_shows_no_level_where_the_caller_has_none(desk: Desk, ben: User) -> None:
    file_id, second = uploaded(desk.text, desk.project), project_of(desk.user, members={ben: Level.VIEW})
    desk.call("project/clone", objects=[file_id], project=second.public_id)
    assert dx(f"/{file_id}/listProjects", {}, desk_of(ben, second).text).json() == {second.public_id: "VIEW"}


def test_deleting_a_project_ends_what_runs_and_its_bytes_are_swept(desk: Desk, files_dir: Path) -> None:
    uploaded(desk.text, desk.project)
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"abcd")
    assert refusal(desk.call("project/destroy")) == STATE
    assert desk.call("project/destroy", terminateJobs=True).status_code == 200
    assert refusal(close(desk.text, file_id)) == DEAD
    sweeping.sweep()
    assert (stored_in(files_dir), File.objects.count()) == ({}, 0)


def test_a_folder_lists_the_latest_thousand_files_by_name(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "OBJECTS_MOST", 2)
    for name in ("c", "b", "a"):
        uploaded(desk.text, desk.project, name)
    assert listed(desk) == ["a", "b"]
