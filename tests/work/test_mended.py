"""Faults of files and their transfers that were there once, and must not come back. Those of jobs, REST and pages: test_mended_pages."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.models import SecurityEvent, User
from orgs.projects.models import Folder, Level, Project, ProjectMember
from tests.conftest import Race
from tests.factories import UserFactory, actor
from tests.projects.factories import folders_of, person, project_of
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
    message_of,
    pieces_of,
    put_part,
    refusal,
    send,
    stored_in,
    ticket_for,
    upload_of,
    uploaded,
)
from tokens.work import flows, limits, sweeping, uploads
from tokens.work.errors import AccessEnded, FileNotFound
from tokens.work.flows import arranging
from tokens.work.models import File, FileInProject, FileState, Transfer, TransferKind, TransferState

pytestmark = pytest.mark.django_db
DENIED, DEAD, MISSING = (401, "PermissionDenied"), (401, "InvalidAuthentication"), (404, "ResourceNotFound")
TEN = b"0123456789"
PATIENCE = 0.3  # for how long something is watched not to happen
by_hand = (TransferState.FAILED, "Terminated", "ended-by-hand")
by_loss = (TransferState.FAILED, "PermissionDenied", "access-lost")


def end_of(row: Transfer) -> tuple[str, str, str]:
    row.refresh_from_db()
    return row.state, row.failure_reason, row.end_why


def reading(ticket: dict[str, Any]) -> Transfer:
    """Return the download whose address this is."""
    return next(row for row in Transfer.objects.filter(kind=TransferKind.DOWNLOAD) if row.public_id in ticket["url"])


def told_to(user: User) -> list[SecurityEvent]:
    return list(SecurityEvent.objects.filter(event="work.ended", subject=user).order_by("pk"))


def joined(project: Project, user: User, level: Level = Level.CONTRIBUTE) -> Desk:
    ProjectMember.objects.create(project=project, user=user, level=level)
    return desk_of(user, project)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes go two at a time, and before each it is asked whether they may."""
    monkeypatch.setattr(limits, "CHUNK_BYTES", 2)
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0)


# A folder that goes takes along what runs in it


def test_a_folder_that_goes_ends_the_transfers_in_it_and_below_and_no_others(desk: Desk, ben: User) -> None:
    folders_of(desk.project, "/a", "/a/deep", "/ab")
    bens = joined(desk.project, ben)
    going, staying = ("/a", "/a/deep"), ("/", "/ab")
    opened = {folder: begin(bens.text, desk.project, "up.bin", folder=folder) for folder in (*going, *staying)}
    parts = {folder: announce(bens.text, file_id, b"abc").json() for folder, file_id in opened.items()}
    whole = {folder: uploaded(desk.text, desk.project, "down.bin", folder=folder) for folder in (*going, *staying)}
    reads = {folder: ticket_for(desk.text, file_id) for folder, file_id in whole.items()}
    assert desk.call("project/removeFolder", folder="/a", recurse=True).status_code == 200
    for folder in going:
        for row in (upload_of(opened[folder]), reading(reads[folder])):
            assert (end_of(row), row.ended_by, row.ended_ip) == (by_hand, desk.user, "127.0.0.1")
            assert row.failure_message == f"The {row.kind} was ended by user-amy"
        assert file_row(opened[folder]).state == FileState.DROPPED
        for refused in (send(parts[folder], b"abc"), close(bens.text, opened[folder]), fetch(reads[folder])):
            assert refusal(refused) == DEAD
            assert "was ended by user-amy" in message_of(refused)
    for folder in staying:
        assert content_of(fetch(reads[folder])) == TEN
        assert send(parts[folder], b"abc").status_code == 200
        assert close(bens.text, opened[folder]).status_code == 200


def test_each_person_reads_in_their_own_log_what_of_theirs_ended_with_a_folder(desk: Desk, ben: User) -> None:
    folders_of(desk.project, "/a", "/a/deep")
    bens, cat = joined(desk.project, ben), UserFactory()
    begin(joined(desk.project, cat).text, desk.project, "cats.bin")
    for name, folder in (("one.bin", "/a"), ("two.bin", "/a/deep")):
        begin(bens.text, desk.project, name, folder=folder)
    ticket_for(desk.text, uploaded(desk.text, desk.project, "amys.bin", folder="/a"))
    desk.call("project/removeFolder", folder="/a", recurse=True)
    (mine,), (his,) = told_to(desk.user), told_to(ben)
    assert (mine.data["counts"], mine.data["names"]) == ({"download": 1}, ["amys.bin"])
    assert (his.data["counts"], his.data["names"]) == ({"upload": 2}, ["one.bin", "two.bin"])
    assert (his.actor, his.ip, his.door, his.data["why"]) == (desk.user, "127.0.0.1", "dx", "ended-by-hand")
    assert told_to(cat) == []


def test_an_upload_whose_folder_went_is_told_so_after_the_sweep_too(desk: Desk, files_dir: Path) -> None:
    folders_of(desk.project, "/a")
    file_id = begin(desk.text, desk.project, folder="/a")
    put_part(desk.text, file_id, b"abcd")
    ticket = announce(desk.text, file_id, b"efgh", 2).json()
    desk.call("project/removeFolder", folder="/a", recurse=True)
    sweeping.sweep()
    assert (stored_in(files_dir), File.objects.count()) == ({}, 0)
    assert refusal(send(ticket, b"efgh")) == DEAD


def test_a_file_of_a_folder_that_went_is_read_on_in_the_project_it_was_cloned_to(desk: Desk) -> None:
    folders_of(desk.project, "/a")
    file_id, second = uploaded(desk.text, desk.project, folder="/a"), project_of(desk.user)
    desk.call("project/clone", objects=[file_id], project=second.public_id)
    here, there = (ticket_for(desk.text, file_id, project=project.public_id) for project in (desk.project, second))
    desk.call("project/removeFolder", folder="/a", recurse=True)
    sweeping.sweep()
    assert refusal(fetch(here)) == DEAD
    assert content_of(fetch(there)) == TEN


def test_a_folder_that_is_not_removed_ends_nothing(desk: Desk) -> None:
    folders_of(desk.project, "/a")
    file_id = begin(desk.text, desk.project, folder="/a")
    assert refusal(desk.call("project/removeFolder", folder="/a")) == (422, "InvalidState")
    assert upload_of(file_id).is_running
    assert Folder.objects.exists()


# What was removed is read no more


@pytest.mark.parametrize("by_link", [False, True])
@pytest.mark.parametrize("cloned", [False, True])
def test_the_address_of_a_done_download_opens_nothing_once_the_file_was_removed(desk: Desk, ben: User, by_link: bool, cloned: bool) -> None:
    file_id, elsewhere = uploaded(desk.text, desk.project), project_of(desk.user)
    bens = joined(desk.project, ben, Level.VIEW)
    ticket = ticket_for(bens.text, file_id, preauthenticated=by_link)
    assert content_of(fetch(ticket)) == TEN
    if cloned:
        desk.call("project/clone", objects=[file_id], project=elsewhere.public_id)
    assert content_of(fetch(ticket)) == TEN
    desk.call("project/removeObjects", objects=[file_id])
    assert refusal(fetch(ticket)) == DENIED
    sweeping.sweep()
    assert refusal(fetch(ticket)) == DENIED
    row = reading(ticket)
    assert (row.state, row.failure_reason, row.moved) == (TransferState.DONE, "", 20)
    if cloned:
        assert content_of(download(desk.text, file_id)) == TEN


# Access that is lost is the end of a transfer, and recorded


def _removed(project: Project, user: User) -> None:
    ProjectMember.objects.filter(project=project, user=user).delete()


def _lowered(project: Project, user: User) -> None:
    ProjectMember.objects.filter(project=project, user=user).update(level=Level.VIEW)


Loss = Callable[[Project, User], None]


def require_recorded(row: Transfer, noun: str) -> None:
    """Fail unless a transfer has the record of lost access, once, and its person's log too."""
    sentence = f"The {noun} can no longer continue: access to its project was taken away"
    assert (end_of(row), row.failure_message) == (by_loss, sentence)
    assert row.ended_at is not None
    assert (row.ended_by, row.ended_ip) == (None, None)
    (event,) = told_to(row.user)
    assert (event.about, event.actor, event.data["counts"], event.data["why"]) == (row.public_id, None, {noun: 1}, "access-lost")
    assert event.data["message"] == sentence


def test_a_download_that_is_cut_because_its_member_was_removed_is_recorded(desk: Desk, ben: User, slow: None) -> None:
    bens = joined(desk.project, ben, Level.VIEW)
    ticket = ticket_for(bens.text, uploaded(desk.text, desk.project))
    pieces = pieces_of(fetch(ticket))
    assert next(pieces) == b"01"
    _removed(desk.project, ben)
    assert b"".join(pieces) == b""
    require_recorded(reading(ticket), "download")
    again = fetch(ticket)
    assert refusal(again) == DENIED
    assert "access to its project was taken away" in message_of(again)
    joined(desk.project, ben, Level.VIEW)
    assert refusal(fetch(ticket)) == DENIED  # the first end stays
    require_recorded(reading(ticket), "download")


def test_a_download_that_is_asked_for_again_after_its_member_was_removed_is_recorded(desk: Desk, ben: User) -> None:
    bens = joined(desk.project, ben, Level.VIEW)
    ticket = ticket_for(bens.text, uploaded(desk.text, desk.project))
    _removed(desk.project, ben)
    assert refusal(fetch(ticket)) == DENIED
    require_recorded(reading(ticket), "download")


class Sender:
    """Bytes that come two at a time; before the last ones, something happens."""

    def __init__(self, pieces: list[bytes], before_last: Callable[[], None]) -> None:
        self.pieces, self.before_last = pieces, before_last

    def read(self, size: int) -> bytes:
        if len(self.pieces) == 1:
            self.before_last()
        return self.pieces.pop(0) if self.pieces else b""


@pytest.mark.parametrize("lose", [_removed, _lowered])
def test_an_upload_that_is_cut_because_its_member_lost_the_level_is_recorded(
    desk: Desk, ben: User, files_dir: Path, slow: None, lose: Loss
) -> None:
    bens = joined(desk.project, ben, Level.UPLOAD)
    file_id = begin(bens.text, desk.project)
    ticket = announce(bens.text, file_id, b"0123").json()
    sender = Sender([b"01", b"23"], lambda: lose(desk.project, ben))
    public_id, grant = upload_of(file_id).public_id, next(iter(ticket["headers"].values()))
    with pytest.raises(AccessEnded):
        uploads.receive(sender, transfer_id=public_id, grant=grant, length=4, actor=actor(ben))
    require_recorded(upload_of(file_id), "upload")
    assert (file_row(file_id).state, stored_in(files_dir)) == (FileState.DROPPED, {})
    for refused in (send(ticket, b"0123"), close(bens.text, file_id)):
        assert refusal(refused) == DENIED
        assert "access to its project was taken away" in message_of(refused)


@pytest.mark.parametrize("lose", [_removed, _lowered])
@pytest.mark.parametrize("announced", ["before", "after"])
def test_a_part_that_is_sent_after_its_member_lost_the_level_ends_the_upload_and_says_why(
    desk: Desk, ben: User, lose: Loss, announced: str
) -> None:
    bens = joined(desk.project, ben, Level.UPLOAD)
    file_id = begin(bens.text, desk.project)
    ticket = announce(bens.text, file_id, b"0123").json()
    lose(desk.project, ben)
    if announced == "after":
        ticket = announce(bens.text, file_id, b"0123").json()
        assert ticket["url"].endswith("/dead-end")
    answer = send(ticket, b"0123")
    assert refusal(answer) == DENIED
    assert "access to its project was taken away" in message_of(answer)
    require_recorded(upload_of(file_id), "upload")


# Cloned, or swept


def test_what_the_sweeper_has_given_up_is_not_cloned_and_its_bytes_go_after_that(desk: Desk, files_dir: Path) -> None:
    file_id, target = uploaded(desk.text, desk.project), project_of(desk.user)
    file, place = file_row(file_id), FileInProject.objects.get(file__public_id=file_id)
    place.delete()
    assert sweeping._give_up(file)
    assert (file_row(file_id).state, list(stored_in(files_dir).values())) == (FileState.DROPPED, [TEN])
    # The place as a clone under way had still seen it.
    FileInProject.objects.create(file=file, project=desk.project, name=place.name)
    assert refusal(desk.call("project/clone", objects=[file_id], project=target.public_id)) == MISSING
    assert not target.files.exists()
    sweeping.sweep()
    assert (stored_in(files_dir), File.objects.count(), FileInProject.objects.count()) == ({}, 0, 0)


def test_a_clone_that_came_first_keeps_the_bytes_from_a_sweeper_that_had_seen_none(desk: Desk, files_dir: Path) -> None:
    file_id, target = uploaded(desk.text, desk.project), project_of(desk.user)
    stale = file_row(file_id)
    assert desk.call("project/clone", objects=[file_id], project=target.public_id).status_code == 200
    FileInProject.objects.filter(file=stale, project=desk.project).delete()
    assert sweeping._drop_file(stale) == 0
    assert (file_row(file_id).state, list(stored_in(files_dir).values())) == (FileState.CLOSED, [TEN])
    assert content_of(download(desk.text, file_id)) == TEN


def _cloning(user: User, file_id: str, source: Project, target: Project) -> list[str]:
    return flows.clone(
        caller=person(user), project_id=source.public_id, file_ids=[file_id], target_id=target.public_id, destination="/", actor=actor(user)
    )


def _removing(user: User, file_id: str, source: Project) -> None:
    flows.remove(caller=person(user), project_id=source.public_id, file_ids=[file_id], force=False, actor=actor(user))
    sweeping.sweep()


def require_whole_or_refused(text: str, file_id: str, cloned: Any, files_dir: Path) -> None:
    """Fail unless a clone has all bytes, or was refused and nothing is left."""
    sweeping.sweep()
    if isinstance(cloned, Exception):
        assert isinstance(cloned, FileNotFound), repr(cloned)
        assert stored_in(files_dir) == {}
    else:
        assert file_row(file_id).state == FileState.CLOSED
        assert content_of(download(text, file_id)) == TEN
        File.objects.all().delete()
        for stored in stored_in(files_dir):
            (files_dir / stored).unlink()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_cloned_while_it_is_removed_and_swept_is_whole_or_refused(race: Race, amy: User, files_dir: Path) -> None:
    source, target = project_of(amy), project_of(amy)
    desk = desk_of(amy, source)
    for number in range(20 if connection.vendor == "postgresql" else 5):
        file_id = uploaded(desk.text, source)

        def act(runner: int, file_id: str = file_id, number: int = number) -> Any:
            # Either has a head start by turns, some queries long, so that both orders come.
            for _ in range(number % 8 if (number + runner) % 2 else 0):
                File.objects.count()
            return _cloning(amy, file_id, source, target) if runner == 0 else _removing(amy, file_id, source)

        cloned, removed = race(2, act)
        assert removed is None, repr(removed)
        require_whole_or_refused(desk.text, file_id, cloned, files_dir)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_sweeper_passes_by_what_is_being_cloned(race: Race, amy: User, files_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = project_of(amy), project_of(amy)
    desk = desk_of(amy, source)
    file_id, inside, over = uploaded(desk.text, source), threading.Event(), threading.Event()
    look = arranging._all_of

    def held(*args: Any, **kwargs: Any) -> Any:
        seen = look(*args, **kwargs)
        if not inside.is_set():
            inside.set()
            over.wait(PATIENCE)  # SQLite lets nobody else write until then
        return seen

    monkeypatch.setattr(arranging, "_all_of", held)

    def act(runner: int) -> Any:
        if runner == 0:
            return _cloning(amy, file_id, source, target)
        assert inside.wait(30)
        try:
            return _removing(amy, file_id, source)
        finally:
            over.set()

    cloned, removed = race(2, act)
    assert (cloned, removed) == ([], None)
    assert [place.project for place in FileInProject.objects.all()] == [target]
    require_whole_or_refused(desk.text, file_id, cloned, files_dir)


# A nonce names a file for a day, and no longer than the file is there


@pytest.mark.parametrize("cloned", [False, True])
def test_a_nonce_whose_file_was_removed_makes_a_new_file_at_once(desk: Desk, ben: User, cloned: bool) -> None:
    first = uploaded(desk.text, desk.project, nonce="n1")
    assert begin(desk.text, desk.project, nonce="n1") == first
    if cloned:  # to where its maker does not see it
        bens, away = joined(desk.project, ben), project_of(ben)
        dx(f"/{desk.project.public_id}/clone", {"objects": [first], "project": away.public_id}, bens.text)
    desk.call("project/removeObjects", objects=[first])
    second = begin(desk.text, desk.project, nonce="n1")
    assert second != first
    assert begin(desk.text, desk.project, nonce="n1") == second
    put_part(desk.text, second, b"abc")
    assert close(desk.text, second).status_code == 200


def test_a_nonce_is_forgotten_after_a_day_and_not_before(desk: Desk, clock: Any) -> None:
    first = uploaded(desk.text, desk.project, nonce="n1")
    clock.shift(timedelta(hours=24))
    sweeping.sweep()
    assert begin(desk.text, desk.project, nonce="n1") == first
    clock.shift(1)
    sweeping.sweep()
    second = begin(desk.text, desk.project, nonce="n1")
    assert second != first
    assert begin(desk.text, desk.project, nonce="n1") == second
    assert file_row(first).is_closed
