"""Faults of jobs, of REST and of pages that were there once, and must not come back. Those of files: test_mended."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import SecurityEvent, User
from orgs.projects.models import Level, Project, ProjectMember
from tests.factories import actor
from tests.projects.factories import person, project_of
from tests.tokens.doors import dx, rest, signed_in
from tests.tokens.factories import TokenFactory, token_and_text
from tests.work.factories import Desk, content_of, fetch, message_of, refusal, ticket_for, uploaded
from tests.work.work_factories import JOBS, job_of, transfer_of
from tokens import flows as token_flows
from tokens.models import Token, TokenProject, TokenState
from tokens.work import flows, limits
from tokens.work.models import FileState, Job, JobState, Transfer, TransferKind, TransferState

pytestmark = pytest.mark.django_db
TRANSFERS, NONE = "/api/v1/transfers/", "transfer-" + "B" * 24
REVOKE, LIST = "/profile/tokens/revoke/", "/profile/tokens/"


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def beat(job: Job, text: str) -> Any:
    return rest("POST", f"{JOBS}{job}/heartbeat/", text, {})


def told_to(user: User) -> list[SecurityEvent]:
    return list(SecurityEvent.objects.filter(event="work.ended", subject=user).order_by("pk"))


def narrow(user: User, *projects: Project) -> str:
    """Return the text of a token for which these projects were chosen."""
    token, text = token_and_text(user=user, everywhere=None)
    TokenProject.objects.bulk_create(TokenProject(token=token, project=project, level=Level.ADMINISTER) for project in projects)
    return text


# A project that is deleted


@dataclass(frozen=True)
class Deleted:
    """Amy's project after she deleted it: ben's job ran there."""

    job: Job
    own: str
    text: str
    elsewhere: Project
    narrow: str


@pytest.fixture
def deleted(amy: User, ben: User) -> Deleted:
    project, elsewhere = project_of(amy), project_of(ben)
    ProjectMember.objects.create(project=project, user=ben, level=Level.CONTRIBUTE)
    text, chosen = token_and_text(user=ben)[1], narrow(ben, project, elsewhere)
    job, own = job_of(ben, project, text, name="bens job")
    assert rest("GET", f"{JOBS}{job}/", chosen).status_code == 200
    answer = dx(f"/{project.public_id}/destroy", {"terminateJobs": True}, token_and_text(user=amy)[1])
    assert answer.status_code == 200
    job.refresh_from_db()
    return Deleted(job, own, text, elsewhere, chosen)


def test_the_token_of_a_job_whose_project_was_deleted_is_revoked_and_its_executor_told_why(deleted: Deleted, amy: User) -> None:
    token = deleted.job.token
    token.refresh_from_db()
    assert (token.state, token.end_why, token.ended_by) == (TokenState.REVOKED, "project-deleted", amy)
    assert (deleted.job.state, deleted.job.failure_reason, deleted.job.end_why) == ("failed", "Terminated", "project-deleted")
    answer = beat(deleted.job, deleted.own)
    assert code_of(answer) == (401, "auth_error")
    assert "its project was deleted" in answer.json()["detail"]
    assert rest("GET", f"/api/v1/projects/{deleted.elsewhere.public_id}/", deleted.own).status_code == 401
    launcher = token.parent
    assert launcher is not None
    assert launcher.state == TokenState.ACTIVE


def test_that_a_job_ended_with_its_project_is_in_the_log_of_its_person_who_did_not_delete_it(
    deleted: Deleted, amy: User, ben: User
) -> None:
    (event,) = told_to(ben)
    assert (event.actor, event.door, event.ip) == (amy, "dx", "127.0.0.1")
    assert (event.data["counts"], event.data["names"], event.data["why"]) == ({"job": 1}, ["bens job"], "project-deleted")
    assert told_to(amy) == []


def test_ones_own_job_is_read_after_its_project_is_gone(deleted: Deleted) -> None:
    answer: Any = rest("GET", f"{JOBS}{deleted.job}/", deleted.text)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["project"], told["state"], told["end_act"], told["ended_by"]) == (None, "failed", "project-deleted", "user-amy")
    described = dx(f"/{deleted.job}/describe", {}, deleted.text)
    assert described.status_code == 200
    assert (described.json()["failureReason"], "project" in described.json()) == ("Terminated", False)
    assert [row["id"] for row in rest("GET", JOBS, deleted.text).json()["results"]] == [deleted.job.public_id]  # type: ignore[attr-defined]


def test_neither_chosen_projects_nor_others_see_a_job_whose_project_is_gone(deleted: Deleted, amy: User) -> None:
    for text in (deleted.narrow, token_and_text(user=amy)[1]):
        assert code_of(rest("GET", f"{JOBS}{deleted.job}/", text)) == (404, "job_not_found")
        assert dx(f"/{deleted.job}/describe", {}, text).status_code == 404
        assert rest("GET", JOBS, text).json()["results"] == []  # type: ignore[attr-defined]


# A project that is lost


@pytest.mark.parametrize("door", ["rest", "dx"])
def test_ones_own_job_is_terminated_after_its_project_was_lost(amy: User, ben: User, door: str) -> None:
    project = project_of(amy)
    ProjectMember.objects.create(project=project, user=ben, level=Level.CONTRIBUTE)
    text, chosen = token_and_text(user=ben)[1], narrow(ben, project)
    job, own = job_of(ben, project, text)
    ProjectMember.objects.filter(project=project, user=ben).delete()
    assert code_of(rest("DELETE", f"{JOBS}{job}/", chosen)) == (404, "job_not_found")
    answer: Any = rest("DELETE", f"{JOBS}{job}/", text) if door == "rest" else dx(f"/{job}/terminate", {}, text)
    assert answer.status_code == 200
    job.refresh_from_db()
    job.token.refresh_from_db()
    assert (job.state, job.failure_reason, job.ended_by) == (JobState.TERMINATED, "Terminated", ben)
    assert job.token.state == TokenState.REVOKED
    assert code_of(beat(job, own)) == (401, "auth_error")


def test_somebody_elses_job_is_not_terminated_after_the_project_was_lost(amy: User, ben: User) -> None:
    project = project_of(amy)
    ProjectMember.objects.create(project=project, user=ben, level=Level.ADMINISTER)
    job, _ = job_of(amy, project)
    ProjectMember.objects.filter(project=project, user=ben).delete()
    assert code_of(rest("DELETE", f"{JOBS}{job}/", token_and_text(user=ben)[1])) == (404, "job_not_found")
    job.refresh_from_db()
    assert job.is_running


# Executors that are silent, and some that are only quiet


def _vanished(user: User, clock: Any) -> list[Job]:
    project, text = project_of(user), token_and_text(user=user)[1]
    jobs = [job_of(user, project, text, name=name)[0] for name in ("one", "two")]
    clock.shift(limits.LEASE_SECONDS + 1)
    return jobs


def require_told_once(user: User, jobs: list[Job]) -> None:
    """Fail unless each job has failed for want of its executor, with one event."""
    assert sorted(event.about for event in told_to(user)) == sorted(job.public_id for job in jobs)
    assert set(Job.objects.values_list("state", "failure_reason")) == {("failed", "UnresponsiveWorker")}
    assert not Token.objects.live().filter(kind="job").exists()


def test_jobs_that_vanished_are_failed_and_told_once(amy: User, clock: Any) -> None:
    jobs = _vanished(amy, clock)
    assert [flows.fail_vanished_due() for _ in range(2)] == [2, 0]
    require_told_once(amy, jobs)


def test_a_worker_that_another_one_overtakes_fails_and_tells_nothing_again(amy: User, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = _vanished(amy, clock)
    overtaken: list[str] = []
    lock = User.objects.lock

    def late(pk: int) -> User:
        if not overtaken:
            overtaken.append("begun")
            overtaken.append(str(flows.fail_vanished_due()))
        return lock(pk)

    monkeypatch.setattr(User.objects, "lock", late)
    assert flows.fail_vanished_due() == 0
    assert overtaken == ["begun", "2"]
    require_told_once(amy, jobs)


@pytest.mark.parametrize("lease", [limits.LEASE_LEAST_SECONDS, 20])
def test_a_quiet_executor_that_beats_in_time_never_vanishes(amy: User, clock: Any, lease: int) -> None:
    job, own = job_of(amy, project_of(amy), lease_seconds=lease)
    silent = job_of(amy, project_of(amy), lease_seconds=lease)[0]
    gone = 0
    for _ in range(24):  # 31 s
        clock.shift(limits.BEAT_SECONDS)
        gone += flows.fail_vanished_due()
        assert beat(job, own).status_code == 200
    job.refresh_from_db()
    silent.refresh_from_db()
    assert (job.state, job.failure_reason) == (JobState.RUNNING, "")
    assert (gone, silent.failure_reason) == (1, "UnresponsiveWorker")


# Revoking what is dead


def _revoked(user: User, *tokens: Token) -> str:
    browser, chosen = signed_in(user), [token.public_id for token in tokens]
    said = browser.get(REVOKE, {"token": chosen}).context["said"]
    answer: Any = browser.post(REVOKE, {"token": chosen, "said": said})
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    page = browser.get(LIST).content.decode()
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_revoking_a_dead_token_speaks_of_no_end(amy: User) -> None:
    page = _revoked(amy, TokenFactory(user=amy, revoked=True))
    assert "Ended:" not in page
    assert "0 tokens" not in page
    assert "The page had said" not in page
    assert "Ended: 1 token." in _revoked(amy, TokenFactory(user=amy, revoked=True), TokenFactory(user=amy))


def test_a_token_that_died_while_the_page_asked_is_no_token_ended(amy: User) -> None:
    token, browser = TokenFactory(user=amy), signed_in(amy)
    said = browser.get(REVOKE, {"token": [token.public_id]}).context["said"]
    assert said == "1 token"
    token_flows.revoke(tokens=[token], actor=actor(amy), why="revoked-by-its-owner")
    browser.post(REVOKE, {"token": [token.public_id], "said": said})
    assert "0 tokens" not in browser.get(LIST).content.decode()


# Transfers in REST


@dataclass(frozen=True)
class Moving:
    """An upload of amy's in one project, a download and a failed upload in another; and one of ben's beside the first."""

    text: str
    here: Project
    there: Project
    upload: Transfer
    download: Transfer
    failed: Transfer
    bens: Transfer


@pytest.fixture
def moving(amy: User, ben: User) -> Moving:
    here, there = project_of(amy), project_of(amy)
    ProjectMember.objects.create(project=here, user=ben, level=Level.CONTRIBUTE)
    token, text = token_and_text(user=amy)
    bens = transfer_of(TokenFactory(user=ben), here, name="bens.bam")
    upload = transfer_of(token, here, name="up.bam", moved=700)
    download = transfer_of(token, there, TransferKind.DOWNLOAD, name="down.bam")
    failed = transfer_of(token, there, name="failed.bam")
    flows.end_by_hand(caller=person(amy), public_id=failed.public_id, actor=actor(amy))
    return Moving(text, here, there, upload, download, failed, bens)


def names(text: str, query: str = "") -> list[str]:
    answer: Any = rest("GET", f"{TRANSFERS}{query}", text)
    assert answer.status_code == 200, answer.content
    return [row["name"] for row in answer.json()["results"]]


def test_transfers_are_ones_own_the_newest_first(moving: Moving, ben: User) -> None:
    assert names(moving.text) == ["failed.bam", "down.bam", "up.bam"]
    assert names(token_and_text(user=ben)[1]) == ["bens.bam"]


@pytest.mark.parametrize(
    ("state", "where", "expected"),
    [
        ("running", "", ["down.bam", "up.bam"]),
        ("failed", "", ["failed.bam"]),
        ("done", "", []),
        ("", "here", ["up.bam"]),
        ("", "there", ["failed.bam", "down.bam"]),
        ("running", "there", ["down.bam"]),
        ("failed", "here", []),
    ],
)
def test_transfers_are_found_by_state_and_project(moving: Moving, state: str, where: str, expected: list[str]) -> None:
    project = {"here": moving.here, "there": moving.there}.get(where)
    asked = {"state": state, "project": project.public_id if project else ""}
    query = "&".join(f"{name}={value}" for name, value in asked.items() if value)
    assert names(moving.text, f"?{query}") == expected


def test_a_state_that_is_none_and_a_project_out_of_reach_are_refused(moving: Moving, ben: User) -> None:
    for state in ("terminated", "RUNNING", "", "x"):
        answer: Any = rest("GET", f"{TRANSFERS}?state={state}", moving.text)
        assert code_of(answer) == (422, "invalid_input")
        assert "running, done, failed" in answer.json()["detail"]
    for project in (project_of(ben).public_id, "project-" + "B" * 24, "x", ""):
        assert code_of(rest("GET", f"{TRANSFERS}?project={project}", moving.text)) == (404, "project_not_found")


def test_one_transfer_is_told_with_what_moved(moving: Moving) -> None:
    answer: Any = rest("GET", f"{TRANSFERS}{moving.upload}/", moving.text)
    told = answer.json()
    assert (told["id"], told["kind"], told["state"], told["moved"]) == (moving.upload.public_id, "upload", "running", 700)
    assert moving.upload.file is not None
    assert (told["project"], told["file"]) == (moving.here.public_id, moving.upload.file.public_id)
    assert (told["ended"], told["ended_by"], told["failure_reason"]) == (None, None, None)


def test_to_others_a_transfer_is_as_none(moving: Moving, ben: User) -> None:
    bens = token_and_text(user=ben)[1]
    for method in ("GET", "DELETE"):
        for text, target in ((bens, str(moving.upload)), (bens, NONE), (bens, "x"), (moving.text, str(moving.bens))):
            assert code_of(rest(method, f"{TRANSFERS}{target}/", text)) == (404, "transfer_not_found")
        assert rest(method, f"{TRANSFERS}{moving.upload}/").status_code == 401
    assert Transfer.objects.running().count() == 3


@pytest.mark.parametrize("kind", ["upload", "download"])
def test_a_transfer_is_ended_once(moving: Moving, amy: User, kind: str) -> None:
    row = {"upload": moving.upload, "download": moving.download}[kind]
    events, path = len(told_to(amy)), f"{TRANSFERS}{row}/"
    answer: Any = rest("DELETE", path, moving.text)
    assert answer.status_code == 200
    told = answer.json()
    assert (told["id"], told["state"], told["failure_reason"]) == (row.public_id, "failed", "Terminated")
    assert (told["ended_by"], told["ended_from"], told["end_act"]) == ("user-amy", "127.0.0.1", "ended-by-hand")
    row.refresh_from_db()
    assert row.file is not None
    assert (row.state, row.file.state) == (TransferState.FAILED, FileState.DROPPED if kind == "upload" else FileState.CLOSED)
    again: Any = rest("DELETE", path, moving.text)
    assert code_of(again) == (409, "work_over")
    assert "was ended by user-amy" in again.json()["detail"]
    assert rest("GET", path, moving.text).json() == told  # type: ignore[attr-defined]
    (event,) = told_to(amy)[events:]
    assert (event.about, event.door, event.data["counts"]) == (row.public_id, "rest", {kind: 1})
    assert Transfer.objects.running().count() == 2


def test_a_token_of_chosen_projects_sees_and_ends_only_transfers_in_them(moving: Moving, amy: User) -> None:
    text = narrow(amy, moving.there)
    assert names(text) == ["failed.bam", "down.bam"]
    assert code_of(rest("GET", f"{TRANSFERS}?project={moving.here.public_id}", text)) == (404, "project_not_found")
    for method in ("GET", "DELETE"):
        assert code_of(rest(method, f"{TRANSFERS}{moving.upload}/", text)) == (404, "transfer_not_found")
    assert rest("DELETE", f"{TRANSFERS}{moving.download}/", text).status_code == 200
    assert [row.public_id for row in Transfer.objects.running().of(amy)] == [moving.upload.public_id]


# A download is done with its last byte


def test_a_download_whose_beginning_was_read_again_and_again_is_not_done(desk: Desk, clock: Any) -> None:
    ticket = ticket_for(desk.text, uploaded(desk.text, desk.project))
    row = Transfer.objects.get(kind=TransferKind.DOWNLOAD)
    for _ in range(5):
        assert content_of(fetch(ticket, "bytes=0-1")) == b"01"
    row.refresh_from_db()
    assert (row.state, row.moved, row.ended_at) == (TransferState.RUNNING, 10, None)
    assert content_of(fetch(ticket, "bytes=9-")) == b"9"
    row.refresh_from_db()
    assert (row.state, row.moved, row.ended_at) == (TransferState.DONE, 11, timezone.now())


def test_a_download_of_which_only_the_end_was_read_is_not_done(desk: Desk) -> None:
    ticket = ticket_for(desk.text, uploaded(desk.text, desk.project))
    assert content_of(fetch(ticket, "bytes=-2")) == b"89"
    assert Transfer.objects.get(kind=TransferKind.DOWNLOAD).state == TransferState.RUNNING
    assert content_of(fetch(ticket, "bytes=0-6")) == b"0123456"
    assert Transfer.objects.get(kind=TransferKind.DOWNLOAD).state == TransferState.RUNNING
    assert content_of(fetch(ticket, "bytes=7-7")) == b"7"
    assert Transfer.objects.get(kind=TransferKind.DOWNLOAD).state == TransferState.DONE


# A verb that an address of bytes does not take


@pytest.mark.parametrize(
    ("tail", "allowed"), [("part", "PUT"), ("dead-end", "PUT"), ("content", "GET"), ("content/some-grant", "GET")], ids=str
)
def test_a_verb_that_bytes_do_not_take_is_refused_as_the_client_reads_it(amy: User, tail: str, allowed: str) -> None:
    path = f"/transfers/{transfer_of(TokenFactory(user=amy), project_of(amy))}/{tail}"
    for method in {"GET", "PUT", "POST", "DELETE", "PATCH"} - {allowed}:
        answer: Any = Client().generic(method, path, b"x")
        assert refusal(answer) == (405, "InvalidInput")
        assert (answer["Allow"], answer["Content-Type"]) == (allowed, "application/json")
        assert message_of(answer)
