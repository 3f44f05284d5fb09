"""Downloads through the dx door: ranges, headers, addresses and their ends, and the cut in mid-stream (S5.1, S5.3, JOB-03, 06, 08)."""

from collections.abc import Callable, Generator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.moments import milliseconds
from orgs.projects.models import Level
from tests.factories import actor
from tests.projects.factories import person, project_of
from tests.tokens.doors import dx
from tests.work.factories import (
    Desk,
    announce,
    begin,
    content_of,
    desk_of,
    download,
    fetch,
    md5_of,
    message_of,
    pieces_of,
    put_part,
    refusal,
    send,
    ticket_for,
    uploaded,
)
from tokens import flows as token_flows
from tokens.work import downloads, flows, limits
from tokens.work.grants import HEADER
from tokens.work.models import Part, Transfer, TransferKind, TransferState
from tokens.work.pulse import reopen

pytestmark = pytest.mark.django_db
STATE, MISSING = (422, "InvalidState"), (404, "ResourceNotFound")
DENIED, DEAD = (401, "PermissionDenied"), (401, "InvalidAuthentication")
IDLE, QUIET = timedelta(seconds=limits.GRANT_SECONDS), timedelta(seconds=limits.DOWNLOAD_QUIET_SECONDS)
PARTS = [b"abcde", b"fghij", b"kl"]
WHOLE = b"".join(PARTS)


def revoke(desk: Desk) -> None:
    token_flows.revoke(tokens=[desk.token], actor=actor(desk.user), why="revoked-by-its-owner")


def running_download() -> Transfer:
    return Transfer.objects.get(kind="download")


@pytest.fixture
def file_id(desk: Desk, small_parts: None) -> str:
    """A file of twelve bytes in three parts."""
    return uploaded(desk.text, desk.project, "letters.txt", PARTS)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes go two at a time, and before each the token is looked at."""
    monkeypatch.setattr(limits, "CHUNK_BYTES", 2)
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0)


# Bytes


def test_a_file_is_read_whole(desk: Desk, file_id: str) -> None:
    answer = download(desk.text, file_id)
    assert (answer.status_code, answer["Content-Length"], content_of(answer)) == (200, "12", WHOLE)
    assert "Content-Range" not in answer


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-4", 0, 4),
        ("bytes=3-10", 3, 10),
        ("bytes=5-9", 5, 9),
        ("bytes=4-5", 4, 5),
        ("bytes=11-11", 11, 11),
        ("bytes=7-", 7, 11),
        ("bytes=0-", 0, 11),
        ("bytes=-1", 11, 11),
        ("bytes=-8", 4, 11),
        ("bytes=-12", 0, 11),
        ("bytes=-400", 0, 11),
        ("bytes=10-400", 10, 11),
        ("bytes=0-9999999999999999999", 0, 11),
        ("  bytes=1-2 ", 1, 2),
    ],
)
def test_one_range_is_read_wherever_it_begins_and_ends(
    desk: Desk, file_id: str, monkeypatch: pytest.MonkeyPatch, wanted: str, start: int, end: int
) -> None:
    for chunk in (1, 2, 5, 100):
        monkeypatch.setattr(limits, "CHUNK_BYTES", chunk)
        answer = download(desk.text, file_id, wanted)
        assert answer.status_code == 206
        assert answer["Content-Range"] == f"bytes {start}-{end}/12"
        assert answer["Content-Length"] == str(end - start + 1)
        assert content_of(answer) == WHOLE[start : end + 1]


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=0-,0-,0-", "bytes=0-1,3-4", "bytes=12-", "bytes=12-20", "bytes=9-3", "bytes=-0", "bytes=-", "bytes=", "bytes", "", "0-4",
        "items=0-4", "bytes=a-b", "bytes=0x1-2", "bytes=-1-2", "bytes= 0-4", "bytes=+1-4", "bytes=1.5-4", "bytes=\u0661-4",
        "bytes=0-99999999999999999999", "bytes=99999999999999999999-",
    ],
    ids=ascii,
)  # fmt: skip
def test_job_08_any_other_range_is_refused_with_the_size_of_the_file(desk: Desk, file_id: str, wanted: str) -> None:
    answer = download(desk.text, file_id, wanted)
    assert refusal(answer) == (416, "InvalidInput")
    assert answer["Content-Range"] == "bytes */12"
    assert "12 bytes" in message_of(answer)


def test_an_empty_file_has_no_range(desk: Desk) -> None:
    file_id = uploaded(desk.text, desk.project, "empty", [])
    for wanted in ("bytes=0-", "bytes=0-0", "bytes=-1"):
        answer = download(desk.text, file_id, wanted)
        assert (answer.status_code, answer["Content-Range"]) == (416, "bytes */0")


@pytest.mark.parametrize(
    "name",
    [
        "page.html",
        'a"; X: y.html',
        "a'b.html",
        "a;b=c,d.svg",
        "../../etc/passwd",
        "genome \U0001f9ec é.html",
        "100%.txt",
        "\\\\host\\x.exe",
    ],
)
def test_job_08_bytes_are_never_shown_run_or_kept_whatever_the_name(desk: Desk, name: str) -> None:
    answer = download(desk.text, uploaded(desk.text, desk.project, name, [b"<script>alert(1)</script>"], media="text/html"))
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox")
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Accept-Ranges"] == "bytes"
    assert "Set-Cookie" not in answer
    kind, _, told = answer["Content-Disposition"].partition("; filename*=UTF-8''")
    assert kind == "attachment"
    assert told.isascii()
    assert not set(told) & set("\"';, \\/\r\n")
    assert unquote(told) == name


def test_job_08_a_name_that_would_break_a_header_is_refused_before_there_is_a_file(desk: Desk) -> None:
    body = {"name": 'a";\r\nX: y.html', "project": desk.project.public_id}
    assert refusal(dx("/file/new", body, desk.text)) == (422, "InvalidInput")
    file_id = uploaded(desk.text, desk.project)
    assert refusal(dx(f"/{file_id}/rename", body, desk.text)) == (422, "InvalidInput")


def test_bytes_that_the_storage_has_lost_end_early_and_the_download_is_not_done(desk: Desk, file_id: str, files_dir: Path) -> None:
    lost = Part.objects.get(file__public_id=file_id, index=2)
    (files_dir / lost.stored_as).write_bytes(b"fg")
    answer = download(desk.text, file_id)
    assert (answer.status_code, answer["Content-Length"], content_of(answer)) == (200, "12", b"abcdefg")
    row = running_download()
    assert (row.state, row.moved) == (TransferState.RUNNING, 7)
    (files_dir / lost.stored_as).unlink()
    assert content_of(download(desk.text, file_id, "bytes=4-")) == b"e"


# Addresses


def test_the_same_token_asks_twice_and_gets_the_same_address_another_one_gets_its_own(desk: Desk, file_id: str, clock: Any) -> None:
    first, again = ticket_for(desk.text, file_id), ticket_for(desk.text, file_id, project=desk.project.public_id)
    other = ticket_for(desk_of(desk.user, desk.project).text, file_id)
    assert (first["url"], first["headers"]) == (again["url"], again["headers"])
    assert other["url"] != first["url"]
    assert other["headers"] != first["headers"]
    assert Transfer.objects.filter(kind="download").count() == 2
    assert first["expires"] == milliseconds(timezone.now() + timedelta(minutes=15))
    assert all(isinstance(value, str) and value.isascii() for value in first["headers"].values())


def test_job_06_an_address_names_neither_token_nor_file_nor_path(desk: Desk, file_id: str) -> None:
    for ticket in (ticket_for(desk.text, file_id), ticket_for(desk.text, file_id, preauthenticated=True)):
        told = unquote(f"{ticket['url']} {ticket['headers']}")
        for secret in (desk.text, desk.token.public_id, file_id, "letters.txt", *Part.objects.values_list("key", flat=True)):
            assert secret not in told


def test_one_address_serves_all_ranges_and_is_one_download(desk: Desk, file_id: str) -> None:
    ticket = ticket_for(desk.text, file_id)
    assert b"".join(content_of(fetch(ticket, f"bytes={at}-{at + 3}")) for at in (0, 4, 8)) == WHOLE
    row = running_download()
    assert (row.state, row.moved, row.total) == (TransferState.DONE, 12, 12)
    assert row.ended_at is not None
    assert content_of(fetch(ticket, "bytes=0-1")) == b"ab"
    row.refresh_from_db()
    assert (row.state, row.moved) == (TransferState.RUNNING, 14)


def test_a_download_is_done_when_all_bytes_went_and_not_before(desk: Desk, file_id: str, clock: Any) -> None:
    ticket = ticket_for(desk.text, file_id)
    clock.shift(5)
    assert content_of(fetch(ticket, "bytes=0-9")) == WHOLE[:10]
    row = running_download()
    assert (row.state, row.moved, row.ended_at) == (TransferState.RUNNING, 10, None)
    clock.shift(5)
    assert content_of(fetch(ticket, "bytes=10-")) == WHOLE[10:]
    row.refresh_from_db()
    assert (row.state, row.moved, row.seconds) == (TransferState.DONE, 12, 10)
    assert (row.user, row.token, row.project, row.name) == (desk.user, desk.token, desk.project, "letters.txt")
    assert (row.address, row.by_link) == ("127.0.0.1", False)


def test_job_06_a_preauthenticated_address_alone_opens_the_file_and_dies_after_fifteen_minutes(
    desk: Desk, file_id: str, clock: Any
) -> None:
    ticket = ticket_for(desk.text, file_id, preauthenticated=True, duration=86_400, filename="x")
    assert ticket["headers"] == {}
    assert ticket["expires"] == milliseconds(timezone.now() + timedelta(minutes=15))
    clock.shift(IDLE)
    # Reading it now does not make it live longer.
    assert content_of(fetch({"url": ticket["url"]}, "bytes=0-3")) == b"abcd"
    clock.shift(1)
    answer = fetch({"url": ticket["url"]})
    assert refusal(answer) == DENIED
    assert "15 minutes" in message_of(answer)
    again = ticket_for(desk.text, file_id, preauthenticated=True)
    assert again["url"] != ticket["url"]
    assert content_of(fetch(again)) == WHOLE


def test_a_link_ends_when_it_was_said_to_however_often_it_is_asked_for(desk: Desk, file_id: str, clock: Any) -> None:
    first = ticket_for(desk.text, file_id, preauthenticated=True)
    clock.shift(600)
    assert ticket_for(desk.text, file_id, preauthenticated=True) == first


def test_any_other_address_dies_fifteen_minutes_after_the_last_byte(desk: Desk, file_id: str, clock: Any) -> None:
    ticket = ticket_for(desk.text, file_id)
    for _ in range(3):
        clock.shift(IDLE)
        assert content_of(fetch(ticket, "bytes=0-1")) == b"ab"
    clock.shift(IDLE + timedelta(seconds=1))
    assert refusal(fetch(ticket, "bytes=0-1")) == DENIED
    fresh = ticket_for(desk.text, file_id)
    assert fresh["url"] != ticket["url"]
    assert content_of(fetch(fresh)) == WHOLE


def test_job_06_a_grant_opens_one_download_with_one_verb_and_as_it_was_given(desk: Desk, file_id: str, ben: User) -> None:
    other = uploaded(desk.text, desk.project, "other", [b"other"])
    mine, second, link = ticket_for(desk.text, file_id), ticket_for(desk.text, other), ticket_for(desk.text, file_id, preauthenticated=True)
    part = announce(desk.text, begin(desk.text, desk.project), b"abc").json()
    grant = mine["headers"][HEADER]
    tampered = ("A" if grant[0] != "A" else "B") + grant[1:]
    of_link = urlsplit(link["url"]).path.rpartition("/")[2]
    for wrong in (
        {**mine, "headers": {}},
        {**mine, "headers": {HEADER: tampered}},
        {**mine, "headers": {HEADER: grant + "A"}},
        {**mine, "headers": {HEADER: "\u00e9"}},
        {**mine, "headers": second["headers"]},
        {**mine, "headers": part["headers"]},
        {**mine, "headers": {HEADER: of_link}},
        {**mine, "headers": {"Authorization": f"Bearer {desk.text}"}},
        {**second, "headers": mine["headers"]},
        {"url": link["url"][:-1] + ("A" if link["url"][-1] != "A" else "B")},
        {"url": link["url"].replace(of_link, grant)},
        {"url": mine["url"].replace("transfer-", "transfer-0"), "headers": mine["headers"]},
        {"url": part["url"].replace("/part", "/content"), "headers": mine["headers"]},
        {"url": part["url"].replace("/part", "/content"), "headers": part["headers"]},
    ):
        assert refusal(fetch(wrong)) == DENIED
    assert content_of(fetch(mine)) == WHOLE


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "PATCH"])
def test_job_06_bytes_are_got_and_nothing_else(desk: Desk, file_id: str, method: str) -> None:
    for ticket in (ticket_for(desk.text, file_id), ticket_for(desk.text, file_id, preauthenticated=True)):
        answer: Any = Client().generic(method, ticket["url"], b"x", headers=ticket["headers"])
        assert answer.status_code == 405
        assert b"abcde" not in answer.content


def test_the_grant_of_a_download_sends_no_part(desk: Desk, file_id: str) -> None:
    part = announce(desk.text, begin(desk.text, desk.project), b"abc").json()
    ticket = ticket_for(desk.text, file_id)
    assert refusal(send({"url": part["url"], "headers": ticket["headers"]}, b"abc")) == DENIED
    assert refusal(send({"url": ticket["url"].replace("/content", "/part"), "headers": ticket["headers"]}, b"abc")) == DENIED


def test_a_file_that_is_not_closed_has_no_address(desk: Desk) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"abc")
    for link in (False, True):
        answer = dx(f"/{file_id}/download", {"preauthenticated": link}, desk.text)
        assert refusal(answer) == STATE
        assert "is not in the closed state" in message_of(answer)


@pytest.mark.parametrize("level", list(Level), ids=lambda level: level.name)
def test_whoever_may_view_downloads(desk: Desk, file_id: str, ben: User, level: Level) -> None:
    desk.project.members.create(user=ben, level=level)
    assert content_of(download(desk_of(ben, desk.project).text, file_id)) == WHOLE
    narrow = desk_of(desk.user, desk.project, everywhere=Level.VIEW)
    assert content_of(download(narrow.text, file_id)) == WHOLE


def test_strangers_and_tokens_of_other_projects_find_nothing(desk: Desk, file_id: str, ben: User) -> None:
    stranger, narrow = desk_of(ben, project_of(ben)), desk_of(desk.user, desk.project, everywhere=None)
    narrow.token.projects.create(project=project_of(desk.user), level=Level.ADMINISTER)
    for other in (stranger, narrow):
        for named in (file_id, "file-" + "0" * 24, "file-x"):
            assert refusal(dx(f"/{named}/download", {"project": desk.project.public_id}, other.text)) == MISSING
    assert not Transfer.objects.filter(kind="download").exists()


# Ends


def test_job_06_after_a_revoke_no_address_opens_and_it_says_why(desk: Desk, file_id: str) -> None:
    tickets = [ticket_for(desk.text, file_id), ticket_for(desk.text, file_id, preauthenticated=True)]
    untouched = ticket_for(desk_of(desk.user, desk.project).text, file_id)
    revoke(desk)
    for ticket in tickets:
        answer = fetch(ticket, "bytes=0-3")
        assert refusal(answer) == DEAD
        assert "AuthError" in message_of(answer)
    assert refusal(dx(f"/{file_id}/download", {}, desk.text)) == DEAD
    assert content_of(fetch(untouched)) == WHOLE
    rows = Transfer.objects.filter(kind="download", token=desk.token)
    assert {(row.state, row.failure_reason, row.end_why) for row in rows} == {(TransferState.FAILED, "AuthError", "revoked-by-its-owner")}


def test_a_download_that_is_done_is_dead_with_its_token_too(desk: Desk, file_id: str) -> None:
    ticket = ticket_for(desk.text, file_id)
    assert content_of(fetch(ticket)) == WHOLE
    revoke(desk)
    answer = fetch(ticket)
    assert refusal(answer) == DEAD
    assert "AuthError" in message_of(answer)
    assert running_download().state == TransferState.DONE


def test_a_token_that_expires_ends_its_downloads_marked_so_or_not(desk: Desk, file_id: str, clock: Any) -> None:
    short = desk_of(desk.user, desk.project, expires=timezone.now() + timedelta(minutes=10))
    ticket = ticket_for(short.text, file_id)
    clock.shift(600)
    assert refusal(fetch(ticket)) == DEAD
    assert running_download().state == TransferState.RUNNING
    token_flows.expire_due()
    answer = fetch(ticket)
    assert refusal(answer) == DEAD
    assert "AuthError" in message_of(answer)
    row = running_download()
    assert (row.state, row.failure_reason, row.end_why) == (TransferState.FAILED, "AuthError", "expired")


def test_a_person_who_is_switched_off_reads_no_more(desk: Desk, file_id: str) -> None:
    ticket = ticket_for(desk.text, file_id)
    desk.user.is_active = False
    desk.user.save()
    assert refusal(fetch(ticket)) == DEAD


@pytest.mark.usefixtures("slow")
def test_job_03_a_revoke_cuts_a_running_stream_at_once_and_the_row_has_what_went(desk: Desk, file_id: str) -> None:
    ticket = ticket_for(desk.text, file_id)
    pieces = pieces_of(fetch(ticket))
    assert [next(pieces), next(pieces)] == [b"ab", b"cd"]
    revoke(desk)
    assert list(pieces) == []
    row = running_download()
    assert (row.state, row.failure_reason, row.end_why) == (TransferState.FAILED, "AuthError", "revoked-by-its-owner")
    # The piece that was read when the end was seen is counted, though it did not go.
    assert 4 <= row.moved <= 4 + limits.CHUNK_BYTES
    assert row.ended_by == desk.user
    assert refusal(fetch(ticket, "bytes=4-")) == DEAD


@pytest.mark.usefixtures("slow")
def test_a_revoke_cuts_every_range_that_runs(desk: Desk, file_id: str) -> None:
    ticket = ticket_for(desk.text, file_id)
    streams = [pieces_of(fetch(ticket, wanted)) for wanted in ("bytes=0-5", "bytes=6-11")]
    assert [next(stream) for stream in streams] == [b"ab", b"gh"]
    revoke(desk)
    assert [list(stream) for stream in streams] == [[], []]


def removed(desk: Desk) -> None:
    desk.project.members.filter(user=desk.user).delete()


def switched_off(desk: Desk) -> None:
    desk.user.is_active = False
    desk.user.save()


def narrowed(desk: Desk) -> None:
    desk.token.everywhere = None
    desk.token.save()


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize(
    ("lose", "told"), [(removed, DENIED), (switched_off, DEAD), (narrowed, DENIED)], ids=["removed", "off", "narrowed"]
)
def test_whoever_loses_the_project_in_mid_stream_reads_no_more(
    desk: Desk, file_id: str, ben: User, lose: Callable[[Desk], None], told: tuple[int, str]
) -> None:
    desk.project.members.create(user=ben, level=Level.VIEW)
    reader = desk_of(ben, desk.project)
    ticket = ticket_for(reader.text, file_id)
    pieces = pieces_of(fetch(ticket))
    assert next(pieces) == b"ab"
    lose(reader)
    assert list(pieces) == []
    assert refusal(fetch(ticket)) == told
    assert Transfer.objects.get(token=reader.token).state != TransferState.DONE


@pytest.mark.usefixtures("slow")
def test_a_client_that_goes_away_leaves_the_count_of_what_went(desk: Desk, file_id: str) -> None:
    ticket = ticket_for(desk.text, file_id)
    opened = downloads.open_download(transfer_id=running_download().public_id, grant=ticket["headers"][HEADER], by_link=False, wanted=None)
    # As the server does it when the connection is gone.
    pieces = cast(Generator[bytes, None, None], downloads.stream(opened))
    assert [next(pieces), next(pieces)] == [b"ab", b"cd"]
    pieces.close()
    row = running_download()
    assert (row.state, row.moved) == (TransferState.RUNNING, 4)


@pytest.mark.usefixtures("slow")
def test_ending_a_download_from_its_page_cuts_it(desk: Desk, file_id: str) -> None:
    ticket = ticket_for(desk.text, file_id)
    pieces = pieces_of(fetch(ticket))
    next(pieces)
    flows.end_by_hand(caller=person(desk.user), public_id=running_download().public_id, actor=actor(desk.user))
    assert list(pieces) == []
    answer = fetch(ticket)
    assert refusal(answer) == DEAD
    assert "was ended by user-amy" in message_of(answer)
    fresh = ticket_for(desk.text, file_id)
    assert fresh["url"] != ticket["url"]
    assert content_of(fetch(fresh)) == WHOLE


def test_downloads_of_which_nothing_is_read_any_more_are_ended_as_done(desk: Desk, file_id: str, clock: Any) -> None:
    ticket = ticket_for(desk.text, file_id)
    clock.shift(100)
    content_of(fetch(ticket, "bytes=0-3"))
    last = timezone.now()
    clock.shift(QUIET)
    assert flows.end_downloads_due() == 0
    clock.shift(1)
    assert flows.end_downloads_due() == 1
    assert flows.end_downloads_due() == 0
    row = running_download()
    assert (row.state, row.ended_at, row.moved, row.failure_reason) == (TransferState.DONE, last, 4, "")


def test_a_download_that_goes_on_runs_again_and_its_end_is_recorded(desk: Desk, file_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = ticket_for(desk.text, file_id)
    assert content_of(fetch(ticket)) == WHOLE
    row = running_download()
    assert (row.state, row.moved, row.total) == (TransferState.DONE, len(WHOLE), len(WHOLE))
    monkeypatch.setattr(limits, "CHUNK_BYTES", 2)
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0)
    pieces = pieces_of(fetch(ticket_for(desk.text, file_id)))
    next(pieces)
    row.refresh_from_db()
    assert (row.state, row.ended_at, row.total) == (TransferState.RUNNING, None, 2 * len(WHOLE))
    ended = token_flows.revoke(tokens=[desk.token], actor=actor(desk.user), why="revoked-by-its-owner")
    assert [(one.noun, one.count) for one in ended.work] == [("download", 1)]
    assert len(b"".join(pieces)) < len(WHOLE)
    row.refresh_from_db()
    assert (row.state, row.failure_reason, row.ended_by) == (TransferState.FAILED, "AuthError", desk.user)


@pytest.mark.parametrize("ranges", [["bytes=0-5", "bytes=6-"], ["bytes=6-", "bytes=0-5"]], ids=["in order", "the end first"])
def test_a_download_in_ranges_is_done_in_whatever_order_they_end(desk: Desk, file_id: str, ranges: list[str]) -> None:
    ticket = ticket_for(desk.text, file_id)
    for number, wanted in enumerate(ranges):
        content_of(fetch(ticket, wanted))
        assert (running_download().state == TransferState.DONE) == (number == 1)


def test_a_file_that_is_closed_while_a_part_still_comes_stays_done(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    file_id = begin(desk.text, desk.project)
    put_part(desk.text, file_id, b"whole")
    late = announce(desk.text, file_id, b"late!").json()
    assert dx(f"/{file_id}/close", {}, desk.text).status_code == 200
    assert refusal(send(late, b"late!"))[0] in (401, 422)
    reopen(Transfer.objects.get(kind=TransferKind.UPLOAD), begins=True)
    assert Transfer.objects.get(kind=TransferKind.UPLOAD).state == TransferState.DONE


def test_uploads_are_no_idle_downloads(desk: Desk, clock: Any) -> None:
    begin(desk.text, desk.project)
    clock.shift(2 * IDLE)
    assert flows.end_downloads_due() == 0
    assert Transfer.objects.running().count() == 1


def test_what_is_described_is_what_is_read(desk: Desk, file_id: str) -> None:
    parts = dx(f"/{file_id}/describe", {"fields": {"parts": True}}, desk.text).json()["parts"]
    at = 0
    for index in map(str, range(1, 4)):
        data = content_of(download(desk.text, file_id, f"bytes={at}-{at + parts[index]['size'] - 1}"))
        assert md5_of(data) == parts[index]["md5"]
        at += len(data)
    assert at == 12
