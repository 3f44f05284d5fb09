"""Tokens that are over: a retired one finishes what it began, others are told how their own upload ended, and nothing else (JOB-04)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from config import dx as dx_door
from tests.conftest import Race
from tests.factories import actor
from tests.projects.factories import project_of
from tests.tokens.doors import dx, rest
from tests.work.factories import (
    Desk,
    announce,
    attempts_at,
    begin,
    close,
    content_of,
    desk_of,
    download,
    fetch,
    file_row,
    md5_of,
    message_of,
    pieces_of,
    put_part,
    refusal,
    send,
    ticket_for,
    upload_of,
    uploaded,
)
from tokens import flows as token_flows
from tokens.models import Token, TokenState
from tokens.work import limits
from tokens.work.models import File, FileState, Transfer, TransferState

pytestmark = pytest.mark.django_db
DENIED, DEAD, MISSING = (401, "PermissionDenied"), (401, "InvalidAuthentication"), (404, "ResourceNotFound")
AUTH_ERROR = "The upload can no longer continue (AuthError)"
LATELY = timedelta(seconds=limits.OWN_UPLOAD_SECONDS)


@dataclass(frozen=True)
class Login:
    """A command-line login with an upload and a download under way; another token of the person for comparison."""

    desk: Desk
    other: Desk
    open_id: str
    closed_id: str
    ticket: dict[str, Any]


@pytest.fixture
def login(amy: User, small_parts: None) -> Login:
    project = project_of(amy)
    desk, other = desk_of(amy, project, cli=True), desk_of(amy, project)
    closed_id = uploaded(other.text, project, "whole", [b"0123456789"])
    open_id = begin(desk.text, project, "mine")
    assert put_part(desk.text, open_id, b"first", 1).status_code == 200
    return Login(desk, other, open_id, closed_id, ticket_for(desk.text, closed_id))


def retired(login: Login) -> None:
    assert token_flows.retire_logins(user=login.desk.user, actor=actor(login.desk.user), why="password-changed") == 1
    assert Token.objects.get(pk=login.desk.token.pk).state == TokenState.RETIRED


def revoked(login: Login) -> None:
    token_flows.revoke(tokens=[login.desk.token], actor=actor(login.desk.user), why="revoked-by-its-owner")


def expired(login: Login) -> None:
    over(login)
    assert token_flows.expire_due() == 1


def over(login: Login) -> None:
    """Past its end, and the worker has not marked it yet."""
    now = timezone.now()
    Token.objects.filter(pk=login.desk.token.pk).update(created=now - timedelta(days=2), expires=now)


End = Callable[[Login], None]
all_ends = pytest.mark.parametrize("end", [retired, revoked, expired, over], ids=["retired", "revoked", "expired", "over"])
dead_ends = pytest.mark.parametrize("end", [revoked, expired, over], ids=["revoked", "expired", "over"])


# Retired: what it began


def test_job_04_a_retired_login_uploads_further_parts_looks_and_closes(login: Login) -> None:
    text, file_id = login.desk.text, login.open_id
    pending = announce(text, file_id, b"second", 2).json()
    retired(login)
    assert send(pending, b"second").status_code == 200
    assert put_part(text, file_id, b"third", 3).status_code == 200
    assert put_part(text, file_id, b"FIRST", 1).status_code == 200
    told = dx(f"/{file_id}/describe", {"fields": {"parts": True, "state": True}}, text).json()
    assert (told["state"], sorted(told["parts"])) == ("open", ["1", "2", "3"])
    assert close(text, file_id).json() == {"id": file_id}
    assert dx(f"/{file_id}/describe", {"fields": {"state": True}}, text).json()["state"] == "closed"
    assert content_of(download(login.other.text, file_id)) == b"FIRSTsecondthird"
    row = upload_of(file_id)
    assert (row.state, row.total, row.token) == (TransferState.DONE, 16, login.desk.token)


def test_a_retired_login_sees_what_it_uploaded_for_ten_minutes_more(login: Login, clock: Any) -> None:
    retired(login)
    assert close(login.desk.text, login.open_id).status_code == 200
    clock.shift(LATELY - timedelta(seconds=1))
    assert dx(f"/{login.open_id}/describe", {}, login.desk.text).status_code == 200
    clock.shift(2)
    assert refusal(dx(f"/{login.open_id}/describe", {}, login.desk.text)) == DEAD


def test_job_04_a_retired_login_goes_on_reading_what_it_reads(login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHUNK_BYTES", 2)
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0)
    pieces = pieces_of(fetch(login.ticket))
    assert next(pieces) == b"01"
    retired(login)
    assert b"".join(pieces) == b"23456789"
    assert Transfer.objects.get(kind="download").state == TransferState.DONE
    assert refusal(fetch(login.ticket, "bytes=0-3"))[0] == 401  # it is done, and to read it anew is to begin


def test_job_04_a_retired_login_begins_nothing(login: Login) -> None:
    text, project = login.desk.text, login.desk.project.public_id
    others = begin(login.other.text, login.desk.project)
    retired(login)
    before = (File.objects.count(), Transfer.objects.count(), Token.objects.count())
    for answer in (
        dx("/file/new", {"name": "f", "project": project}, text),
        dx(f"/{login.closed_id}/download", {}, text),
        dx(f"/{login.open_id}/download", {}, text),
        dx(f"/{login.closed_id}/describe", {}, text),
        announce(text, login.closed_id, b"x"),
        announce(text, others, b"x"),
        close(text, others),
        dx("/system/newAuthToken", {"label": "new"}, text),
    ):
        assert refusal(answer) == DEAD
        assert "credential of your account changed" in message_of(answer)
    assert (File.objects.count(), Transfer.objects.count(), Token.objects.count()) == before


def test_a_retired_login_that_is_revoked_after_all_cannot_finish(login: Login) -> None:
    retired(login)
    ticket = announce(login.desk.text, login.open_id, b"second", 2).json()
    assert token_flows.revoke(tokens=[login.desk.token], actor=actor(login.desk.user), why="revoked-by-its-owner").tokens
    answer = send(ticket, b"second")
    assert refusal(answer) == DEAD
    assert AUTH_ERROR in message_of(answer)
    assert refusal(close(login.desk.text, login.open_id)) == DEAD
    assert refusal(fetch(login.ticket)) == DEAD
    assert file_row(login.open_id).state == FileState.DROPPED


def test_a_retired_login_whose_time_is_over_cannot_finish(login: Login) -> None:
    retired(login)
    over(login)
    assert refusal(close(login.desk.text, login.open_id)) == DEAD
    assert refusal(fetch(login.ticket)) == DEAD
    assert token_flows.expire_due() == 1
    assert upload_of(login.open_id).failure_reason == "AuthError"


# The matrix: every route and every way to be over

OWN = ("file-{id}/upload", "file-{id}/close", "file-{id}/describe")


def path_of(route: str) -> str:
    kind = route.partition("-{id}")[0]
    return f"/{route.replace('{id}', 'amy' if kind in ('user', 'org') else '0' * 24)}"


@all_ends
def test_job_04_every_route_of_the_dx_door_refuses_a_token_that_is_over(login: Login, end: End) -> None:
    end(login)
    project, text = login.desk.project.public_id, login.desk.text
    body = {"project": project, "name": "f", "index": 1, "size": 1, "md5": md5_of(b"x"), "objects": [], "folder": "/", "destination": "/"}
    for route in sorted({**dx_door.ROUTES, **dx_door.OPEN_ROUTES}):
        for entity in (path_of(route), f"/{route.replace('{id}', project.removeprefix('project-'))}"):
            answer = dx(entity, body, text)
            assert refusal(answer) == DEAD, route
            assert "url" not in answer.json()
        if route not in OWN:
            own = dx(f"/{route.replace('file-{id}', login.open_id)}", body, text)
            assert refusal(own) == DEAD, route


@all_ends
def test_job_04_rest_refuses_a_token_that_is_over(login: Login, end: End) -> None:
    end(login)
    transfer = upload_of(login.open_id).public_id
    paths = [
        "/api/v1/me/", "/api/v1/tokens/", f"/api/v1/tokens/{login.desk.token.public_id}/", "/api/v1/projects/", "/api/v1/jobs/",
        "/api/v1/transfers/", f"/api/v1/transfers/{transfer}/", "/api/v1/security-log/",
    ]  # fmt: skip
    for path in paths:
        assert rest("GET", path, login.other.text).status_code != 401
        for method in ("GET", "POST", "PATCH", "DELETE"):
            assert rest(method, path, login.desk.text, {}).status_code == 401


# Over for good: how its own upload ended


@dead_ends
def test_the_next_part_of_a_dead_upload_goes_to_an_address_that_opens_nothing_and_says_why(login: Login, end: End) -> None:
    pending = announce(login.desk.text, login.open_id, b"second", 2).json()
    end(login)
    before = attempts_at(login.open_id)
    answer = announce(login.desk.text, login.open_id, b"third", 3)
    assert answer.status_code == 200
    ticket = answer.json()
    assert (ticket["headers"], ticket["url"].endswith("/dead-end")) == ({}, True)
    with_old_grant = {**ticket, "headers": pending["headers"]}
    for refused in (send(ticket, b"third"), send(ticket, b""), send(with_old_grant, b"second"), send(pending, b"second")):
        assert refusal(refused) == DEAD
        assert AUTH_ERROR in message_of(refused)
    assert attempts_at(login.open_id) == before
    assert not File.objects.filter(public_id=login.open_id, state=FileState.CLOSED).exists()


@dead_ends
def test_job_03_a_dead_upload_is_not_closed_nor_described(login: Login, end: End) -> None:
    end(login)
    for answer in (close(login.desk.text, login.open_id), dx(f"/{login.open_id}/describe", {}, login.desk.text)):
        assert refusal(answer) == DEAD
    assert file_row(login.open_id).state != FileState.CLOSED


@dead_ends
def test_a_dead_download_is_cut_and_says_why(login: Login, end: End, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "CHUNK_BYTES", 2)
    monkeypatch.setattr(limits, "CHECK_SECONDS", 0)
    pieces = pieces_of(fetch(login.ticket))
    assert next(pieces) == b"01"
    end(login)
    assert list(pieces) == []
    answer = fetch(login.ticket, "bytes=2-")
    assert refusal(answer) == DEAD
    assert "The download can no longer continue (AuthError)" in message_of(answer)


def test_the_address_that_opens_nothing_is_given_for_ten_minutes(login: Login, clock: Any) -> None:
    revoked(login)
    clock.shift(LATELY)
    assert announce(login.desk.text, login.open_id, b"x", 2).json()["url"].endswith("/dead-end")
    clock.shift(1)
    assert refusal(announce(login.desk.text, login.open_id, b"x", 2)) == DEAD


@all_ends
def test_a_dead_token_of_somebody_else_is_told_nothing_of_an_upload(login: Login, end: End, ben: User) -> None:
    shared = login.desk.project
    shared.members.create(user=ben, level=4)
    bens = desk_of(ben, shared, cli=True)
    end(Login(bens, login.other, login.open_id, login.closed_id, login.ticket))
    for file_id in (login.open_id, login.closed_id, "file-" + "0" * 24):
        for answer in (announce(bens.text, file_id, b"x"), close(bens.text, file_id), dx(f"/{file_id}/describe", {}, bens.text)):
            assert refusal(answer) == DEAD
            assert "AuthError" not in answer.content.decode()
    assert put_part(login.desk.text, login.open_id, b"second", 2).status_code == 200


def test_a_dead_end_that_nobody_was_given_authorises_nothing(login: Login) -> None:
    url = announce(login.desk.text, login.open_id, b"second", 2).json()["url"].replace("/part", "/dead-end")
    for address in (url, url.replace("transfer-", "transfer-0"), "http://testserver/transfers/x/dead-end"):
        answer = send({"url": address}, b"second")
        assert refusal(answer) == DEAD
        assert AUTH_ERROR in message_of(answer)
    # The upload itself, which lives, is as it was.
    assert upload_of(login.open_id).state == TransferState.RUNNING
    assert put_part(login.desk.text, login.open_id, b"second", 2).status_code == 200


def test_without_a_token_or_with_an_unknown_one_there_is_nothing(login: Login) -> None:
    for text in (None, "PUBLIC", "x" * 32):
        for call in ("upload", "close", "describe"):
            assert refusal(dx(f"/{login.open_id}/{call}", {"md5": md5_of(b"")}, text)) == DEAD


def test_a_person_who_is_switched_off_finishes_nothing(login: Login) -> None:
    pending = announce(login.desk.text, login.open_id, b"second", 2).json()
    login.desk.user.is_active = False
    login.desk.user.save()
    assert refusal(send(pending, b"second")) == DEAD
    for answer in (announce(login.desk.text, login.open_id, b"x", 2), close(login.desk.text, login.open_id), fetch(login.ticket)):
        assert refusal(answer) == DEAD
    assert file_row(login.open_id).state == FileState.OPEN


# Revoke and work at the same moment


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(5))
def test_job_03_of_a_revoke_and_a_close_at_the_same_moment_one_comes_first(race: Race, amy: User, round_: int) -> None:
    project = project_of(amy)
    desk = desk_of(amy, project)
    file_id = begin(desk.text, project)
    put_part(desk.text, file_id, b"abc")

    def act(number: int) -> Any:
        if number == round_ % 2:
            return token_flows.revoke(tokens=[desk.token], actor=actor(amy), why="revoked-by-its-owner")
        return close(desk.text, file_id).status_code

    closed = race(2, act)[1 - round_ % 2]
    states = (file_row(file_id).state, upload_of(file_id).state)
    assert (closed, *states) in ((200, FileState.CLOSED, TransferState.DONE), (401, FileState.DROPPED, TransferState.FAILED))


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(5))
def test_nothing_runs_on_a_token_after_its_revoke_whatever_began_at_the_same_moment(race: Race, amy: User, round_: int) -> None:
    project = project_of(amy)
    desk = desk_of(amy, project)
    file_id = uploaded(desk.text, project)

    def act(number: int) -> Any:
        if number == round_ % 3:
            return token_flows.revoke(tokens=[desk.token], actor=actor(amy), why="revoked-by-its-owner")
        if number % 2:
            return dx("/file/new", {"name": "f", "project": project.public_id}, desk.text).status_code
        return dx(f"/{file_id}/download", {}, desk.text).status_code

    answers = race(5, act)
    assert {answer for answer in answers if isinstance(answer, int)} <= {200, 401}
    assert not any(isinstance(answer, Exception) for answer in answers)
    assert not Transfer.objects.running().filter(token=desk.token).exists()
    assert not File.objects.filter(state=FileState.OPEN).exists()
