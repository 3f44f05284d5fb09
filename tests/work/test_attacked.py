"""What an intruder tried, and must not achieve again (JOB-05, JOB-06, JOB-07, TOK-07, S5.7)."""

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import SecurityEvent, User
from orgs.projects.models import Level, Project
from tests.factories import UserFactory, actor
from tests.projects.factories import project_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import token_and_text
from tests.work.factories import Desk, announce, begin, content_of, desk_of, fetch, message_of, refusal, send, ticket_for, uploaded
from tests.work.work_factories import JOBS, job_of, transfer_of
from tokens import flows as token_flows
from tokens.models import Token, TokenProject
from tokens.work import limits, storage
from tokens.work.models import Job, JobState, Transfer, TransferState

pytestmark = pytest.mark.django_db
TRANSFERS = "/api/v1/transfers/"
REACHING_ALL = {"*": "ADMINISTER"}


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def limited(user: User, level: Level, project: Project | None = None) -> str:
    """Return the text of a token that is held to `level`, in one project or in all."""
    token, text = token_and_text(user=user, everywhere=None if project else level)
    if project:
        TokenProject.objects.create(token=token, project=project, level=level)
    return text


def test_job_05_a_jobs_token_ends_nothing_but_its_own(amy: User) -> None:
    project, (token, text) = project_of(amy), token_and_text(user=amy)
    other, _ = job_of(amy, project, text, name="other")
    upload = transfer_of(token, project)
    mine, own = job_of(amy, project, text, projects=REACHING_ALL)
    assert code_of(rest("DELETE", f"{JOBS}{other}/", own)) == (404, "job_not_found")
    assert code_of(rest("DELETE", f"{TRANSFERS}{upload}/", own)) == (404, "transfer_not_found")
    assert dx(f"/{other}/terminate", {}, own).status_code == 404
    assert Job.objects.running().count() == 2
    upload.refresh_from_db()
    assert upload.is_running
    ended: Any = rest("DELETE", f"{JOBS}{mine}/", own)
    assert ended.status_code == 200


@pytest.mark.parametrize("path", ["tokens/", "security-log/", "sessions/"])
def test_job_05_a_jobs_token_never_reaches_the_account(amy: User, path: str) -> None:
    own = job_of(amy, project_of(amy), projects=REACHING_ALL)[1]
    assert code_of(rest("GET", f"/api/v1/{path}", own)) == (403, "account_out_of_reach")
    assert dx("/project/new", {"name": "mine"}, own).status_code == 401


@pytest.mark.parametrize("where", ["everywhere", "there"])
@pytest.mark.parametrize("level", [Level.VIEW, Level.UPLOAD])
def test_a_token_that_may_only_look_ends_nothing(amy: User, where: str, level: Level) -> None:
    project, (token, text) = project_of(amy), token_and_text(user=amy)
    job, upload = job_of(amy, project, text)[0], transfer_of(token, project)
    looking = limited(amy, level, project if where == "there" else None)
    assert code_of(rest("DELETE", f"{JOBS}{job}/", looking)) == (403, "level_too_low")
    assert code_of(rest("DELETE", f"{TRANSFERS}{upload}/", looking)) == (403, "level_too_low")
    assert Job.objects.running().count() == 1


def test_what_an_executor_says_leads_no_terminal(amy: User) -> None:
    job, own = job_of(amy, project_of(amy))
    said = {"exit_code": 3, "message": "first\x1b[2J line\x1b]0;owned\x07\n\u202esecond"}
    assert rest("POST", f"{JOBS}{job}/finish/", own, said).status_code == 200
    job.refresh_from_db()
    assert job.failure_message == "first[2J line]0;owned\nsecond"


def test_protected_files_stand_only_where_that_is_marked(amy: User) -> None:
    source, plain, marked = project_of(amy, phi=True), project_of(amy), project_of(amy, phi=True)
    desk = desk_of(amy, source)
    file_id = uploaded(desk.text, source)
    asked = {"objects": [file_id], "destination": "/"}
    answer = desk.call("project/clone", **asked, project=plain.public_id)
    assert refusal(answer) == (422, "InvalidState")
    assert "PHI" in message_of(answer)
    assert desk.call("project/clone", **asked, project=marked.public_id).status_code == 200


def test_others_are_not_told_from_where_on_what_and_by_which_act(amy: User, ben: User) -> None:
    project = project_of(amy)
    project.members.create(user=ben, level=Level.VIEW)
    token, text = token_and_text(user=amy)
    job = job_of(amy, project, text)[0]
    token_flows.revoke(tokens=[token], actor=actor(amy), why="password-changed")
    mine, theirs = token_and_text(user=amy)[1], token_and_text(user=ben)[1]
    secret = ("started_from", "ended_from", "token_id", "launched_with", "end_act")
    for path in (f"{JOBS}{job}/", f"{JOBS}?project={project}"):
        told: Any = rest("GET", path, theirs).json()  # type: ignore[attr-defined]
        row = told["results"][0] if "results" in told else told
        assert {row[name] for name in secret} == {None}
        assert row["failure_reason"] == "AuthError"
        assert "password" not in row["failure_message"]
    own: Any = rest("GET", f"{JOBS}{job}/", mine).json()  # type: ignore[attr-defined]
    assert own["end_act"] == "password-changed"
    assert "password" in own["failure_message"]
    seen = {who: dx(f"/{job}/describe", {}, who).json()["failureMessage"] for who in (mine, theirs)}
    assert ("password" in seen[mine], "password" in seen[theirs]) == (True, False)
    found = dx("/system/findExecutions", {"project": project.public_id, "describe": True}, theirs).json()["results"]
    assert "password" not in str(found)


def test_a_job_that_loses_its_project_is_told_in_its_owners_log_and_blames_nobody(amy: User, ben: User) -> None:
    project = project_of(amy)
    member = project.members.create(user=ben, level=Level.CONTRIBUTE)
    job, own = job_of(ben, project)
    member.delete()
    Job.objects.update(heard_at=job.started - timedelta(hours=1))
    assert code_of(rest("POST", f"{JOBS}{job}/heartbeat/", own, {})) == (403, "access_ended")
    job.refresh_from_db()
    assert (job.state, job.end_why, job.ended_by, job.ended_ip) == (JobState.FAILED, "access-lost", None, None)
    assert SecurityEvent.objects.get(event="work.ended").subject == ben
    assert not Token.objects.of(ben).live().filter(kind="job").exists()


def test_a_job_begun_in_the_overlap_of_a_rotation_outlives_it_and_dies_with_the_new_text(amy: User, clock: Any) -> None:
    project, (old, text) = project_of(amy), token_and_text(user=amy)
    new = token_flows.rotate(user=amy, token=old, overlap_seconds=60, expires=None, actor=actor(amy)).token
    job, own = job_of(amy, project, text)
    clock.shift(120)
    token_flows.retire_due()
    assert rest("POST", f"{JOBS}{job}/heartbeat/", own, {"progress": 1}).status_code == 200
    ended = token_flows.revoke(tokens=[new], actor=actor(amy), why="revoked-by-its-owner")
    assert [(one.noun, one.count) for one in ended.work] == [("job", 1)]


def test_a_job_whose_token_could_not_work_in_its_project_is_not_registered(amy: User) -> None:
    project, other, text = project_of(amy), project_of(amy), token_and_text(user=amy)[1]
    for reach in ({other.public_id: "CONTRIBUTE"}, {project.public_id: "VIEW"}, {"*": "UPLOAD"}):
        answer = rest("POST", JOBS, text, {"name": "x", "project": project.public_id, "projects": reach})
        assert code_of(answer) == (422, "scope_refused")


def test_a_grant_for_a_header_opens_nothing_in_an_address_and_the_other_way_round(desk: Desk) -> None:
    file_id = uploaded(desk.text, desk.project)
    held, linked = ticket_for(desk.text, file_id), ticket_for(desk.text, file_id, preauthenticated=True)
    grant = held["headers"]["X-Gatehouse-Grant"]
    assert refusal(fetch({"url": f"{held['url']}/{grant}"})) == (401, "PermissionDenied")
    head, _, in_address = linked["url"].rpartition("/")
    assert refusal(fetch({"url": head, "headers": {"X-Gatehouse-Grant": in_address}})) == (401, "PermissionDenied")
    assert content_of(fetch(held)) == content_of(fetch(linked)) == b"0123456789"


def test_an_address_that_is_read_again_and_again_dies_after_a_day(desk: Desk, clock: Any) -> None:
    ticket = ticket_for(desk.text, uploaded(desk.text, desk.project))
    for _ in range(24 * 6):
        clock.shift(600)
        assert content_of(fetch(ticket, "bytes=0-0")) == b"0"
    clock.shift(1)
    assert refusal(fetch(ticket, "bytes=0-0")) == (401, "PermissionDenied")


def test_a_small_question_has_no_huge_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LARGE_ROWS", 3)
    ids = [uploaded(desk.text, desk.project, f"{number}.bin") for number in range(5)]
    page = desk.call("system/findDataObjects", describe={"parts": True}, limit=1000).json()
    assert (len(page["results"]), page["next"] is None) == (3, False)
    assert len(desk.call("system/findDataObjects", describe=True).json()["results"]) == 5
    many = {"objects": [ids[0]] * 4, "describe": {"fields": {"details": True}}}
    assert refusal(desk.call("system/describeDataObjects", **many)) == (422, "InvalidInput")


def test_parts_that_never_come_are_few(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ANNOUNCED_MOST", 3)
    file_id = begin(desk.text, desk.project)
    answers = [announce(desk.text, file_id, b"x", index) for index in range(1, 5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 422]
    assert send(answers[0].json(), b"x").status_code == 200
    assert announce(desk.text, file_id, b"x", 4).status_code == 200


def test_job_07_who_pays_has_a_quota_and_what_is_announced_counts(desk: Desk, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STORAGE_QUOTA_GIB = 1
    monkeypatch.setattr(storage, "GIB", 15)
    uploaded(desk.text, desk.project)
    other = begin(desk.text, project_of(desk.user))
    assert announce(desk.text, other, b"12345").status_code == 200
    answer = announce(desk.text, other, b"1", 2)
    assert refusal(answer) == (403, "SpendingLimitExceeded")
    assert "1 GiB" in message_of(answer)
    stranger = UserFactory()
    elsewhere = desk_of(stranger, project_of(stranger))
    assert announce(elsewhere.text, begin(elsewhere.text, elsewhere.project), b"1").status_code == 200


def test_some_of_the_disk_stays_free(desk: Desk, monkeypatch: pytest.MonkeyPatch, files_dir: Any) -> None:
    file_id = begin(desk.text, desk.project)
    files_dir.mkdir(exist_ok=True)
    monkeypatch.setattr(limits, "FREE_LEAST_BYTES", 2**62)
    assert refusal(announce(desk.text, file_id, b"12345")) == (507, "InternalError")
    monkeypatch.undo()


def test_moving_folders_and_files_is_one_act(desk: Desk) -> None:
    for folder in ("/a", "/b"):
        desk.call("project/newFolder", folder=folder)
    answer = desk.call("project/move", folders=["/a"], objects=["file-" + "B" * 24], destination="/b")
    assert refusal(answer) == (404, "ResourceNotFound")
    assert desk.call("project/listFolder", folder="/").json()["folders"] == ["/a", "/b"]


def test_an_upload_that_is_refused_for_want_of_access_is_over(amy: User, ben: User) -> None:
    project = project_of(amy)
    member = project.members.create(user=ben, level=Level.UPLOAD)
    desk = desk_of(ben, project)
    file_id = begin(desk.text, project)
    member.delete()
    assert announce(desk.text, file_id, b"12345").status_code == 200  # a dead end
    upload = Transfer.objects.get(file__public_id=file_id)
    assert (upload.state, upload.end_why) == (TransferState.FAILED, "access-lost")
