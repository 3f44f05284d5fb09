"""Uploads through the dx door: parts as they come, what is refused, what is kept of what was cut (S5.1, S5.3, JOB-01 to JOB-07)."""

import errno
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from django.test import Client

from accounts.models import User
from orgs.projects.models import Level, Project
from tests.conftest import Race
from tests.factories import UserFactory, actor
from tests.projects.factories import folders_of, project_of
from tests.tokens.doors import dx
from tests.work.factories import (
    Desk,
    announce,
    attempts_at,
    begin,
    close,
    content_of,
    desk_of,
    download,
    file_row,
    md5_of,
    message_of,
    place_of,
    put_part,
    refusal,
    send,
    stored_in,
    upload_of,
    uploaded,
)
from tokens import flows as token_flows
from tokens.work import flows, limits, pulse, storage, sweeping, uploads
from tokens.work.errors import AccessEnded, AuthorityEnded, GrantRefused, NotYourUpload, PartRefused
from tokens.work.grants import HEADER
from tokens.work.models import File, FileState, Part, Transfer, TransferState

pytestmark = pytest.mark.django_db
INVALID, STATE, MISSING = (422, "InvalidInput"), (422, "InvalidState"), (404, "ResourceNotFound")
DENIED, DEAD = (401, "PermissionDenied"), (401, "InvalidAuthentication")
LEFTOVER = timedelta(seconds=limits.GRANT_SECONDS + limits.LEFTOVER_SECONDS)


def revoke(desk: Desk) -> None:
    token_flows.revoke(tokens=[desk.token], actor=actor(desk.user), why="revoked-by-its-owner")


class Sender:
    """A client whose bytes come in pieces; `before` is called before each piece is given."""

    def __init__(self, pieces: list[bytes], before: Callable[[int], None] = lambda number: None) -> None:
        self.pieces, self.before, self.given = pieces, before, 0

    def read(self, size: int) -> bytes:
        self.before(self.given)
        if self.given == len(self.pieces):
            return b""
        self.given += 1
        return self.pieces[self.given - 1]


def receive(desk: Desk, ticket: Any, sender: Sender, length: int) -> None:
    """Let a part come in from `sender`, as the door of bytes does."""
    transfer_id = ticket["url"].split("/")[-2]
    uploads.receive(sender, transfer_id=transfer_id, grant=ticket["headers"][HEADER], length=length, actor=actor(desk.user))


# Whole files


@pytest.mark.usefixtures("small_parts")
def test_parts_come_in_any_order_and_make_one_file(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project, "genome.bam")
    for index, data in ((3, b"ee"), (1, b"aaaaa"), (2, b"cccc")):
        assert put_part(desk.text, file_id, data, index).status_code == 200
    shown = dx(f"/{file_id}/describe", {"fields": {"parts": True, "state": True, "size": True}}, desk.text).json()
    assert shown == {
        "id": file_id,
        "state": "open",
        "parts": {
            str(index): {"md5": md5_of(data), "size": len(data), "state": "complete"}
            for index, data in ((1, b"aaaaa"), (2, b"cccc"), (3, b"ee"))
        },
    }
    assert close(desk.text, file_id).json() == {"id": file_id}
    shown = dx(f"/{file_id}/describe", {"project": desk.project.public_id}, desk.text).json()
    assert (shown["state"], shown["size"], shown["name"], shown["class"]) == ("closed", 11, "genome.bam", "file")
    assert not {"drive", "md5", "parts", "properties", "details"} & set(shown)
    assert content_of(download(desk.text, file_id)) == b"aaaaaccccee"
    assert len(stored_in(files_dir)) == 3


@pytest.mark.usefixtures("small_parts")
def test_the_numbers_of_parts_may_have_gaps(desk: Desk) -> None:
    file_id = begin(desk.text, desk.project)
    for index, data in ((10_000, b"!"), (7, b"later"), (2, b"first")):
        assert put_part(desk.text, file_id, data, index).status_code == 200
    assert close(desk.text, file_id).status_code == 200
    assert content_of(download(desk.text, file_id)) == b"firstlater!"


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("small_parts")
def test_parts_in_parallel_are_all_there_and_of_each_one_attempt_counts(race: Race, amy: User, files_dir: Path) -> None:
    desk = desk_of(amy, project_of(amy))
    file_id = begin(desk.text, desk.project)
    data = [b"0000", b"1111", b"2222"]
    tickets = [announce(desk.text, file_id, data[index % 3], 1 + index % 3).json() for index in range(6)]
    answers = race(6, lambda number: send(tickets[number], data[number % 3]).status_code)
    assert answers == [200] * 6
    assert sorted(index for index, state in attempts_at(file_id) if state == "complete") == [1, 2, 3]
    assert close(desk.text, file_id).status_code == 200
    assert content_of(download(desk.text, file_id)) == b"000011112222"
    assert upload_of(file_id).moved == 24


def test_of_attempts_at_one_part_the_one_that_is_whole_last_counts_and_the_bytes_of_others_are_swept(
    desk: Desk, files_dir: Path, clock: Any
) -> None:
    file_id = begin(desk.text, desk.project)
    early = announce(desk.text, file_id, b"early").json()
    assert put_part(desk.text, file_id, b"second").status_code == 200
    assert send(early, b"early").status_code == 200
    assert attempts_at(file_id) == [(1, "complete"), (1, "replaced")]
    assert refusal(send(early, b"early")) == DENIED
    assert close(desk.text, file_id).status_code == 200
    clock.shift(LEFTOVER - timedelta(seconds=1))
    assert sweeping.sweep() == 0
    assert sorted(stored_in(files_dir).values()) == [b"early", b"second"]
    clock.shift(2)
    assert sweeping.sweep() == 1
    assert list(stored_in(files_dir).values()) == [b"early"]
    assert content_of(download(desk.text, file_id)) == b"early"


def test_an_attempt_that_never_comes_takes_nothing_away(desk: Desk) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"whole")
    announce(desk.text, file_id, b"never sent")
    shown = dx(f"/{file_id}/describe", {"parts": True}, desk.text).json()["parts"]
    assert shown == {"1": {"md5": md5_of(b"whole"), "size": 5, "state": "complete"}}
    assert close(desk.text, file_id).status_code == 200
    assert content_of(download(desk.text, file_id)) == b"whole"


def test_an_attempt_that_fails_leaves_the_part_before_it(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"whole")
    ticket = announce(desk.text, file_id, b"other").json()
    assert refusal(send(ticket, b"OTHER")) == INVALID
    assert list(stored_in(files_dir).values()) == [b"whole"]
    assert close(desk.text, file_id).status_code == 200
    assert content_of(download(desk.text, file_id)) == b"whole"


@pytest.mark.parametrize("parts", [[], [b""]], ids=["without parts", "with an empty part"])
def test_an_empty_file_can_be_closed_and_read(desk: Desk, parts: list[bytes]) -> None:
    file_id = uploaded(desk.text, desk.project, "empty", parts)
    shown = dx(f"/{file_id}/describe", {"fields": {"state": True, "size": True, "parts": True}}, desk.text).json()
    assert (shown["state"], shown["size"], len(shown["parts"])) == ("closed", 0, len(parts))
    answer = download(desk.text, file_id)
    assert (answer.status_code, answer["Content-Length"], content_of(answer)) == (200, "0", b"")


# What a part must be


def test_job_07_bytes_of_another_md5_are_refused_and_not_kept(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"right").json()
    answer = send(ticket, b"wrong")
    assert refusal(answer) == INVALID
    assert "MD5" in message_of(answer)
    assert stored_in(files_dir) == {}
    assert attempts_at(file_id) == [(1, "arriving")]
    assert refusal(close(desk.text, file_id)) == STATE
    assert refusal(send(ticket, b"right")) == (401, "PermissionDenied")  # a grant is good for one turn
    assert put_part(desk.text, file_id, b"right").status_code == 200
    assert list(stored_in(files_dir).values()) == [b"right"]


@pytest.mark.parametrize("sent", [b"", b"12345678", b"1234567890"], ids=len)
def test_job_07_another_number_of_bytes_than_announced_is_refused_before_any_is_read(desk: Desk, files_dir: Path, sent: bytes) -> None:
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"123456789").json()
    sender = Sender([sent])
    with pytest.raises(PartRefused):
        receive(desk, ticket, sender, len(sent))
    assert sender.given == 0
    answer = send(ticket, sent)
    assert refusal(answer) == INVALID
    assert "9 bytes were announced" in message_of(answer)
    assert (stored_in(files_dir), upload_of(file_id).moved) == ({}, 0)


def test_job_07_no_more_is_read_than_was_announced(desk: Desk, files_dir: Path) -> None:
    asked: list[int] = []

    class Endless:
        def read(self, size: int) -> bytes:
            asked.append(size)
            return b"x" * size

    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"x" * 5000).json()
    uploads.receive(
        Endless(), transfer_id=upload_of(file_id).public_id, grant=ticket["headers"][HEADER], length=5000, actor=actor(desk.user)
    )
    assert sum(asked) == 5000
    assert list(stored_in(files_dir).values()) == [b"x" * 5000]


def test_a_connection_that_ends_half_way_leaves_nothing_but_the_count(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"0123456789").json()
    with pytest.raises(PartRefused, match="6 bytes before the end"):
        receive(desk, ticket, Sender([b"0123"]), 10)
    assert (stored_in(files_dir), upload_of(file_id).moved) == ({}, 4)
    assert attempts_at(file_id) == [(1, "arriving")]


def test_bytes_without_their_number_are_refused(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"abc").json()
    assert refusal(send(ticket, b"abc", **{"Transfer-Encoding": "chunked"})) == INVALID
    assert refusal(send(ticket, b"abc", **{"Content-Length": "many"}))[1] == "InvalidInput"
    assert stored_in(files_dir) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"index": 0}, {"index": -1}, {"index": 10_001}, {"index": "1"}, {"index": True}, {"index": 1.5}, {"index": None}, {"index": [1]},
        {"index": 2**53}, {"size": -1}, {"size": 5 * 1024**3 + 1}, {"size": "9"}, {"size": None}, {"size": 0.5}, {"size": 2**53},
        {"md5": None}, {"md5": ""}, {"md5": "x" * 32}, {"md5": "a" * 31}, {"md5": "a" * 33}, {"md5": ["a" * 32]}, {"md5": "a" * 32 + "\n"},
        {"md5": "\u0661" * 32},
    ],
    ids=ascii,
)  # fmt: skip
def test_a_part_of_another_shape_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    file_id = begin(desk.text, desk.project)
    assert refusal(announce(desk.text, file_id, b"abc", **wrong)) == INVALID
    assert attempts_at(file_id) == []


def test_the_md5_may_be_in_large_letters(desk: Desk) -> None:
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"abc", md5=md5_of(b"abc").upper()).json()
    assert send(ticket, b"abc").status_code == 200


def test_a_file_has_an_end_to_its_bytes_and_a_part_to_its_attempts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAXIMUM_FILE_BYTES", 10)
    monkeypatch.setattr(limits, "ATTEMPTS_PER_PART", 3)
    file_id = begin(desk.text, desk.project)
    assert put_part(desk.text, file_id, b"123456", 1).status_code == 200
    assert refusal(announce(desk.text, file_id, b"12345", 2)) == INVALID
    assert announce(desk.text, file_id, b"1234", 2).status_code == 200
    assert announce(desk.text, file_id, b"123456", 1).status_code == 200
    assert announce(desk.text, file_id, b"1", 1).status_code == 200
    answer = announce(desk.text, file_id, b"1", 1)
    assert refusal(answer) == INVALID
    assert "begun 3 times" in message_of(answer)


# Open and closed


def test_dx_close_does_not_empty_the_first_part(desk: Desk) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"precious")
    answer = announce(desk.text, file_id, b"")
    assert refusal(answer) == STATE
    assert "is not in the open state" in message_of(answer)
    assert close(desk.text, file_id).status_code == 200
    assert content_of(download(desk.text, file_id)) == b"precious"


def test_a_closed_file_takes_no_part_and_no_second_close(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"as it is")
    late = announce(desk.text, file_id, b"late").json()
    assert close(desk.text, file_id).status_code == 200
    for answer in (announce(desk.text, file_id, b"more"), send(late, b"late"), close(desk.text, file_id)):
        assert refusal(answer) == STATE
        assert "is not in the open state" in message_of(answer)
    assert list(stored_in(files_dir).values()) == [b"as it is"]
    assert content_of(download(desk.text, file_id)) == b"as it is"


def test_a_file_with_a_part_that_has_not_come_is_not_closed(desk: Desk) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"whole", 2)
    ticket = announce(desk.text, file_id, b"pending", 1).json()
    answer = close(desk.text, file_id)
    assert refusal(answer) == STATE
    assert "Part 1" in message_of(answer)
    assert file_row(file_id).state == FileState.OPEN
    assert send(ticket, b"pending").status_code == 200


def test_all_parts_but_the_last_have_a_least_size(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MINIMUM_PART_BYTES", 4)
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"abc", 1)
    put_part(desk.text, file_id, b"d", 2)
    answer = close(desk.text, file_id)
    assert refusal(answer) == STATE
    assert "Part 1" in message_of(answer)
    assert file_row(file_id).state == FileState.OPEN
    put_part(desk.text, file_id, b"abcd", 1)
    assert close(desk.text, file_id).status_code == 200


def test_nothing_of_an_upload_can_be_read_before_it_is_closed(desk: Desk) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"whole")
    answer = dx(f"/{file_id}/download", {}, desk.text)
    assert refusal(answer) == STATE
    assert "is not in the closed state" in message_of(answer)
    assert not Transfer.objects.filter(kind="download").exists()
    shown = dx(f"/{file_id}/describe", {}, desk.text).json()
    assert (shown["state"], "size" in shown) == ("open", False)
    assert desk.call("system/findDataObjects", state="closed").json()["results"] == []


# Making a file


def test_the_same_nonce_makes_one_file_and_another_body_with_it_is_refused(desk: Desk) -> None:
    first = begin(desk.text, desk.project, "a", nonce="n1", tags=["x"])
    assert begin(desk.text, desk.project, "a", tags=["x"], nonce="n1") == first
    assert refusal(dx("/file/new", {"name": "b", "project": desk.project.public_id, "nonce": "n1", "tags": ["x"]}, desk.text)) == INVALID
    assert begin(desk.text, desk.project, "a", nonce="n2", tags=["x"]) != first
    assert begin(desk.text, desk.project, "a", tags=["x"]) != begin(desk.text, desk.project, "a", tags=["x"])
    assert (File.objects.count(), Transfer.objects.count()) == (4, 4)


def test_a_nonce_is_a_person_s_own(desk: Desk, ben: User) -> None:
    other = desk_of(ben, project_of(ben))
    assert begin(desk.text, desk.project, nonce="n") != begin(other.text, other.project, nonce="n")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_same_request_at_the_same_moment_makes_one_file(race: Race, amy: User) -> None:
    desk = desk_of(amy, project_of(amy))
    made = race(4, lambda number: begin(desk.text, desk.project, nonce="once"))
    assert len(set(made)) == 1
    assert (File.objects.count(), Transfer.objects.count()) == (1, 1)


def test_a_file_goes_where_it_is_told_to(desk: Desk) -> None:
    folders_of(desk.project, "/data")
    assert place_of(begin(desk.text, desk.project, folder="/data"), desk.project).path == "/data"
    assert place_of(begin(desk.text, desk.project), desk.project).path == "/"
    body = {"name": "f", "project": desk.project.public_id, "folder": "/new/deep"}
    assert refusal(dx("/file/new", {**body, "parents": False}, desk.text)) == MISSING
    assert File.objects.count() == 2
    assert place_of(begin(desk.text, desk.project, folder="/new/deep", parents=True), desk.project).path == "/new/deep"
    assert sorted(desk.project.folders.values_list("path", flat=True)) == ["/data", "/new", "/new/deep"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"project": None}, {"project": 1}, {"name": 1}, {"name": " "}, {"name": "a" * 256}, {"name": "a\nb"},
        {"name": "a\u202eb"}, {"folder": "data"}, {"folder": "/../x"}, {"parents": "yes"}, {"hidden": 1}, {"tags": "t"}, {"tags": [1]},
        {"tags": [""]}, {"tags": [f"t{number}" for number in range(101)]}, {"types": {}}, {"properties": []}, {"properties": {"k": 1}},
        {"properties": {"k": "v" * 701}}, {"details": "text"}, {"details": None}, {"details": ["x" * 65_536]},
        {"media": "text/\u00e4"}, {"media": "a" * 256}, {"nonce": 1}, {"nonce": "n" * 129},
    ],
    ids=lambda wrong: ascii(wrong)[:40],
)  # fmt: skip
def test_a_file_that_breaks_a_rule_is_not_made(desk: Desk, wrong: dict[str, Any]) -> None:
    assert refusal(dx("/file/new", {"name": "f", "project": desk.project.public_id, **wrong}, desk.text)) == INVALID
    assert not File.objects.exists()
    assert not Transfer.objects.exists()


def test_what_is_said_of_a_new_file_is_described(desk: Desk) -> None:
    told: dict[str, Any] = {"tags": ["b", "a"], "types": ["T"], "properties": {"k": "v"}, "details": {"d": [1]}, "media": "text/plain"}
    file_id = begin(desk.text, desk.project, "f", hidden=True, **told)
    shown = dx(f"/{file_id}/describe", {"properties": True, "details": True}, desk.text).json()
    expected = {**told, "tags": ["a", "b"], "hidden": True, "links": [], "createdBy": {"user": "user-amy"}, "archivalState": "live"}
    assert {name: shown[name] for name in expected} == expected


@pytest.mark.parametrize("level", [Level.UPLOAD, Level.CONTRIBUTE])
def test_a_member_with_upload_uploads(amy: User, level: Level) -> None:
    desk = desk_of(amy, project_of(amy, level))
    assert content_of(download(desk.text, uploaded(desk.text, desk.project, parts=[b"mine"]))) == b"mine"


def test_a_token_narrowed_to_upload_is_enough(amy: User) -> None:
    desk = desk_of(amy, project_of(amy), everywhere=Level.UPLOAD)
    file_id = uploaded(desk.text, desk.project)
    assert dx(f"/{file_id}/describe", {}, desk.text).json()["state"] == "closed"


def test_view_is_not_enough_of_the_member_and_of_the_token(amy: User) -> None:
    for desk in (desk_of(amy, project_of(amy, Level.VIEW)), desk_of(amy, project_of(amy), everywhere=Level.VIEW)):
        assert refusal(dx("/file/new", {"name": "f", "project": desk.project.public_id}, desk.text)) == DENIED
    assert not File.objects.exists()


def test_strangers_find_nothing(desk: Desk, ben: User) -> None:
    stranger = desk_of(ben, project_of(ben))
    closed, opened = uploaded(desk.text, desk.project), begin(desk.text, desk.project)
    assert refusal(dx("/file/new", {"name": "f", "project": desk.project.public_id}, stranger.text)) == MISSING
    for file_id in (closed, opened, "file-" + "0" * 24, "file-none"):
        for answer in (
            announce(stranger.text, file_id, b"x"),
            close(stranger.text, file_id),
            dx(f"/{file_id}/describe", {}, stranger.text),
            dx(f"/{file_id}/download", {}, stranger.text),
        ):
            assert refusal(answer) == MISSING
    assert file_row(opened).state == FileState.OPEN
    assert attempts_at(opened) == []


def test_no_other_token_goes_on_with_an_upload(desk: Desk, ben: User) -> None:
    shared: Project = project_of(ben, members={desk.user: Level.ADMINISTER})
    mine, second, bens = desk_of(desk.user, shared), desk_of(desk.user, shared), desk_of(ben, shared)
    file_id = begin(mine.text, shared)
    put_part(mine.text, file_id, b"mine")
    row = file_row(file_id)
    for other in (second, bens):
        for answer in (announce(other.text, file_id, b"other"), close(other.text, file_id)):
            assert refusal(answer) == DENIED
            assert "another token" in message_of(answer)
        # The acts refuse by themselves, whatever a door has asked before.
        with pytest.raises(NotYourUpload):
            flows.begin_part(token=other.token, file=row, index=1, size=1, md5=md5_of(b"x"), actor=actor(other.user))
        with pytest.raises(NotYourUpload):
            flows.close(token=other.token, file=row, actor=actor(other.user))
    assert attempts_at(file_id) == [(1, "complete")]
    assert close(mine.text, file_id).status_code == 200


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "..", "a/b", "C:\\x", "%2e%2e", "x" * 255, "genome \U0001f9ec é.bam"])
def test_job_07_a_name_stays_a_name_and_never_is_a_path(desk: Desk, files_dir: Path, name: str) -> None:
    file_id = uploaded(desk.text, desk.project, name, [b"bytes"])
    assert dx(f"/{file_id}/describe", {}, desk.text).json()["name"] == name
    part = Part.objects.get(file__public_id=file_id)
    assert stored_in(files_dir.parent) == {f"files/{file_id}/{part.key}": b"bytes"}


# Addresses of parts


def test_job_06_a_grant_is_for_one_part_of_one_transfer_one_verb_and_fifteen_minutes(desk: Desk, files_dir: Path, clock: Any) -> None:
    one, two = begin(desk.text, desk.project), begin(desk.text, desk.project)
    first, second = announce(desk.text, one, b"abc").json(), announce(desk.text, two, b"abc").json()
    grant = first["headers"][HEADER]
    assert desk.text not in str(first)
    for answer in (
        send({**second, "headers": first["headers"]}, b"abc"),
        send({**first, "headers": {HEADER: grant[:-1] + ("A" if grant[-1] != "A" else "B")}}, b"abc"),
        send({**first, "headers": {}}, b"abc"),
        send({**first, "headers": {HEADER: ""}}, b"abc"),
        send({**first, "headers": {HEADER: "\u00e4:x"}}, b"abc"),
        send({**first, "url": first["url"].replace("transfer-", "transfer-0")}, b"abc"),
    ):
        assert refusal(answer) == DENIED
    assert stored_in(files_dir) == {}
    clock.shift(limits.GRANT_SECONDS)
    assert send(first, b"abc").status_code == 200
    clock.shift(1)
    assert refusal(send(second, b"abc")) == DENIED
    assert len(stored_in(files_dir)) == 1


def test_job_06_a_part_is_put_and_nothing_else(desk: Desk, files_dir: Path) -> None:
    ticket = announce(desk.text, begin(desk.text, desk.project), b"abc").json()
    for method in ("GET", "POST", "DELETE", "PATCH", "HEAD"):
        answer = Client().generic(method, ticket["url"], b"abc", content_type="application/octet-stream", headers=ticket["headers"])
        assert answer.status_code == 405
    assert stored_in(files_dir) == {}


# When the storage fails


@pytest.mark.parametrize(
    ("number", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EFBIG, 507), (errno.EIO, 500)], ids=errno.errorcode.get
)
def test_a_storage_that_fails_half_way_keeps_nothing_and_the_part_can_be_sent_again(
    desk: Desk, files_dir: Path, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    def half(self: FileSystemStorage, name: str, content: Any, max_length: int | None = None) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read(3))
        raise OSError(number, "as it happens")

    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"0123456789").json()
    with monkeypatch.context() as broken:
        broken.setattr(FileSystemStorage, "save", half)
        answer = send(ticket, b"0123456789")
    assert refusal(answer) == (status, "InternalError")
    assert stored_in(files_dir) == {}
    assert attempts_at(file_id) == [(1, "arriving")]
    assert refusal(close(desk.text, file_id)) == STATE
    assert put_part(desk.text, file_id, b"0123456789").status_code == 200
    assert close(desk.text, file_id).status_code == 200
    assert content_of(download(desk.text, file_id)) == b"0123456789"


# Ends


def test_job_03_a_revoke_while_bytes_come_stops_them_and_keeps_none(desk: Desk, files_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0)
    monkeypatch.setattr(limits, "READ_SECONDS", 0)
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"0123456789").json()
    sender = Sender([b"01", b"23", b"45", b"67", b"89"], before=lambda number: revoke(desk) if number == 2 else None)
    with pytest.raises(AuthorityEnded, match="AuthError"):
        receive(desk, ticket, sender, 10)
    assert (sender.given, stored_in(files_dir)) == (3, {})
    row = upload_of(file_id)
    assert (row.state, row.failure_reason, row.moved) == (TransferState.FAILED, "AuthError", 6)
    assert file_row(file_id).state == FileState.DROPPED


def test_job_03_a_revoke_after_the_last_byte_does_not_let_the_part_count(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"0123").json()
    sender = Sender([b"01", b"23"], before=lambda number: revoke(desk) if number == 1 else None)
    with pytest.raises(Exception, match="revoked"):
        receive(desk, ticket, sender, 4)
    assert (sender.given, stored_in(files_dir)) == (2, {})
    assert attempts_at(file_id) == [(1, "arriving")]


def test_a_member_who_is_lowered_while_bytes_come_sends_no_more(
    amy: User, ben: User, files_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0)
    project = project_of(ben, members={amy: Level.UPLOAD})
    desk = desk_of(amy, project)
    file_id = begin(desk.text, project)
    ticket = announce(desk.text, file_id, b"0123").json()

    def lower(number: int) -> None:
        if number == 1:
            project.members.filter(user=amy).update(level=Level.VIEW)

    sender = Sender([b"01", b"23"], before=lower)
    with pytest.raises(AccessEnded):
        receive(desk, ticket, sender, 4)
    assert stored_in(files_dir) == {}
    assert refusal(send(ticket, b"0123")) == DENIED
    assert refusal(close(desk.text, file_id)) == DENIED


def test_job_06_a_revoke_ends_uploads_and_the_address_says_so(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"whole", 1)
    ticket = announce(desk.text, file_id, b"more", 2).json()
    revoke(desk)
    answer = send(ticket, b"more")
    assert refusal(answer) == DEAD
    assert "AuthError" in message_of(answer)
    assert refusal(close(desk.text, file_id)) == DEAD
    assert list(stored_in(files_dir).values()) == [b"whole"]
    other = desk_of(desk.user, desk.project)
    assert refusal(dx(f"/{file_id}/describe", {}, other.text)) == MISSING
    assert other.call("project/listFolder", folder="/").json()["objects"] == []


def test_what_a_killed_process_leaves_half_written_is_swept_after_half_an_hour(desk: Desk, files_dir: Path, clock: Any) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"whole", 1)
    announce(desk.text, file_id, b"half written", 2)
    half = Part.objects.get(state="pending")
    (files_dir / half.stored_as).write_bytes(b"half")
    clock.shift(LEFTOVER)
    assert sweeping.sweep() == 0
    assert len(stored_in(files_dir)) == 2
    clock.shift(1)
    assert sweeping.sweep() == 1
    assert list(stored_in(files_dir).values()) == [b"whole"]
    assert attempts_at(file_id) == [(1, "complete")]
    assert sweeping.sweep() == 0
    assert close(desk.text, file_id).status_code == 200


def test_bytes_that_still_come_are_no_leftovers(desk: Desk, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "WRITE_SECONDS", 0)
    monkeypatch.setattr(limits, "READ_SECONDS", 0)
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"0123").json()

    def much_later(number: int) -> None:
        clock.shift(LEFTOVER - timedelta(seconds=1))
        assert sweeping.sweep() == 0

    receive(desk, ticket, Sender([b"01", b"23"], before=much_later), 4)
    assert attempts_at(file_id) == [(1, "complete")]


def test_files_of_uploads_that_were_cut_are_swept_and_nothing_is_left_on_the_disk(desk: Desk, files_dir: Path, clock: Any) -> None:
    file_id = begin(desk.text, desk.project, "lost.bin", tags=["t"], properties={"k": "v"})
    put_part(desk.text, file_id, b"abcd", 1)
    ticket = announce(desk.text, file_id, b"efgh", 2).json()
    kept = uploaded(desk_of(desk.user, desk.project).text, desk.project)
    revoke(desk)
    assert sweeping.sweep() > 0
    assert [path.name for path in files_dir.iterdir()] == [kept]
    assert list(File.objects.values_list("public_id", flat=True)) == [kept]
    assert sweeping.sweep() == 0
    lost = Transfer.objects.get(name="lost.bin")
    assert (lost.state, lost.failure_reason, lost.moved, lost.file) == (TransferState.FAILED, "AuthError", 4, None)
    answer = send(ticket, b"efgh")
    assert refusal(answer) == DEAD
    assert "AuthError" in message_of(answer)


def test_a_sweeper_keeps_rows_whose_bytes_it_could_not_delete(
    desk: Desk, files_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"abcd")
    revoke(desk)

    def refuse(self: FileSystemStorage, name: str) -> None:
        raise PermissionError(name)

    with monkeypatch.context() as broken:
        broken.setattr(FileSystemStorage, "delete", refuse)
        assert sweeping.sweep() == 0
    assert (len(stored_in(files_dir)), attempts_at(file_id)) == (1, [(1, "complete")])
    assert "bytes could not be deleted" in caplog.text
    assert sweeping.sweep() > 0
    assert (stored_in(files_dir), File.objects.count()) == ({}, 0)


def test_an_upload_of_which_nothing_came_for_a_day_is_given_up(desk: Desk, files_dir: Path, clock: Any) -> None:
    file_id = begin(desk.text, desk.project)
    clock.shift(timedelta(hours=20))
    put_part(desk.text, file_id, b"abcd")
    clock.shift(timedelta(hours=24))
    assert flows.give_up_uploads_due() == 0
    clock.shift(1)
    assert flows.give_up_uploads_due() == 1
    assert flows.give_up_uploads_due() == 0
    row = upload_of(file_id)
    assert (row.state, row.failure_reason, row.end_why, row.moved) == (TransferState.FAILED, "Abandoned", "idle", 4)
    assert refusal(dx(f"/{file_id}/describe", {}, desk.text)) == MISSING
    answer = close(desk.text, file_id)
    assert refusal(answer) == DEAD
    assert "given up" in message_of(answer)
    sweeping.sweep()
    assert (stored_in(files_dir), list(files_dir.iterdir())) == ({}, [])


def test_the_row_of_an_upload_says_who_moved_what_with_which_token_from_where(desk: Desk, clock: Any) -> None:
    answer = dx(
        "/file/new", {"name": "f.bin", "project": desk.project.public_id}, desk.text, **{"User-Agent": "dxpy/0.417.1 (Linux) dx-upload"}
    )
    file_id = answer.json()["id"]
    put_part(desk.text, file_id, b"abc")
    put_part(desk.text, file_id, b"abcd")
    row = upload_of(file_id)
    assert (row.user, row.token, row.project, row.name) == (desk.user, desk.token, desk.project, "f.bin")
    assert (row.address, row.agent, row.kind) == ("127.0.0.1", "dxpy/0.417.1 (Linux) dx-upload", "upload")
    assert (row.state, row.moved, row.total, row.ended_at) == (TransferState.RUNNING, 7, None, None)
    clock.shift(90)
    close(desk.text, file_id)
    row.refresh_from_db()
    assert (row.state, row.moved, row.total, row.seconds) == (TransferState.DONE, 7, 4, 90)


def test_the_storage_never_writes_over_what_it_has(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"abcd").json()
    part = Part.objects.get()
    path = files_dir / part.stored_as
    path.parent.mkdir()
    path.write_bytes(b"who knows whose")
    assert refusal(send(ticket, b"abcd")) == (500, "InternalError")
    assert stored_in(files_dir) == {part.stored_as: b"who knows whose"}
    assert storage.drop(part)
    assert put_part(desk.text, file_id, b"abcd").status_code == 200


def test_a_grant_is_good_for_one_turn(desk: Desk, files_dir: Path) -> None:
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"abcd").json()
    assert send(ticket, b"abcd").status_code == 200
    assert refusal(send(ticket, b"abcd")) == refusal(send(ticket, b"abce")) == (401, "PermissionDenied")
    assert list(stored_in(files_dir).values()) == [b"abcd"]
    assert close(desk.text, file_id).status_code == 200


def test_a_wrong_attempt_does_not_lengthen_the_quarter_of_an_hour(desk: Desk, clock: Any) -> None:
    file_id = begin(desk.text, desk.project)
    ticket = announce(desk.text, file_id, b"abcd").json()
    clock.shift(limits.GRANT_SECONDS + 1)
    assert refusal(send(ticket, b"abcd")) == (401, "PermissionDenied")


def test_a_person_has_only_so_many_open_files(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "OPEN_FILES_PER_PERSON", 2)
    first = begin(desk.text, desk.project)
    begin(desk.text, desk.project)
    assert refusal(dx("/file/new", {"name": "f", "project": desk.project.public_id}, desk.text)) == STATE
    assert close(desk.text, first).status_code == 200
    begin(desk.text, desk.project)


def test_an_unknown_part_opens_nothing() -> None:
    with pytest.raises(GrantRefused):
        uploads.receive(Sender([]), transfer_id="transfer-" + "0" * 24, grant="x:y", length=0, actor=actor(UserFactory()))
