"""Jobs: registered with a token, kept alive by heartbeats, ended once; and how the dx client sees them (S5.4, JOB-04, JOB-05, JOB-09)."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import SecurityEvent, User
from orgs.projects.models import Level, Project, ProjectMember
from tests.factories import UserFactory, actor
from tests.projects.factories import project_of
from tests.tokens.doors import dx, rest
from tests.tokens.factories import token_and_text
from tests.work.work_factories import JOBS, job_of, transfer_of
from tokens import flows as token_flows
from tokens.models import EndReason, Token, TokenProject
from tokens.work import flows, limits
from tokens.work.models import Job, JobState, Transfer, TransferKind

pytestmark = pytest.mark.django_db
WRONG_ID = "job-" + "B" * 24


def register(text: str | None, project: Project, /, *, key: str | None = None, **said: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": key}
    return rest("POST", JOBS, text, {"name": "align reads", "project": project.public_id, **said}, **headers)


def beat(job: Job | str, text: str | None, **said: Any) -> Any:
    return rest("POST", f"{JOBS}{job}/heartbeat/", text, said)


def finish(job: Job | str, text: str | None, **said: Any) -> Any:
    return rest("POST", f"{JOBS}{job}/finish/", text, said)


def shown(job: Job, text: str) -> Any:
    answer: Any = rest("GET", f"{JOBS}{job}/", text)
    assert answer.status_code == 200, answer.content
    return answer.json()


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def dx_type(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["type"]


def of_project(token: Token, project: Project, level: Level) -> None:
    """Narrow `token` to one project."""
    Token.objects.filter(pk=token.pk).update(everywhere=None)
    TokenProject.objects.create(token=token, project=project, level=level)


# Registering


def test_a_job_begins_with_a_token_of_its_own_that_reaches_its_project_alone(amy: User) -> None:
    project, elsewhere = project_of(amy), project_of(amy)
    launcher, text = token_and_text(user=amy)
    answer = register(text, project, name="align reads")
    told = answer.json()
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert (told["name"], told["state"], told["project"]) == ("align reads", "running", project.public_id)
    assert (told["launched_by"], told["launched_with"]) == ("user-amy", launcher.public_id)
    assert (told["started_from"], told["ended"], told["progress"], told["exit_code"]) == ("127.0.0.1", None, None, None)
    token = Job.objects.get(public_id=told["id"]).token
    assert (token.kind, token.parent, token.user, token.public_id) == ("job", launcher, amy, told["token_id"])
    assert token.label == f"align reads {told['id']}"
    assert token.everywhere is None
    assert [(entry.project, entry.level) for entry in token.projects.all()] == [(project, Level.ADMINISTER)]
    own = told["token"]
    assert rest("GET", f"/api/v1/projects/{project.public_id}/", own).status_code == 200
    assert rest("GET", f"/api/v1/projects/{elsewhere.public_id}/", own).status_code == 404
    assert rest("GET", "/api/v1/tokens/", own).status_code == 403


def test_the_text_of_a_jobs_token_is_told_once(amy: User) -> None:
    text = token_and_text(user=amy)[1]
    job, own = job_of(amy, project_of(amy), text)
    for path in (f"{JOBS}{job}/", JOBS, f"/api/v1/tokens/{job.token.public_id}/"):
        assert own not in rest("GET", path, text).content.decode()


def test_that_a_job_began_is_in_the_log_of_its_person(amy: User) -> None:
    launcher, text = token_and_text(user=amy)
    job, _ = job_of(amy, project_of(amy), text)
    event = SecurityEvent.objects.get(event="job.started")
    assert (event.subject, event.actor, event.door, event.ip, event.about) == (amy, amy, "rest", "127.0.0.1", job.public_id)
    assert (event.data["token_id"], event.data["launched_with"]) == (job.token.public_id, launcher.public_id)


@pytest.mark.parametrize(
    ("level", "expected"),
    [(Level.ADMINISTER, 201), (Level.CONTRIBUTE, 201), (Level.UPLOAD, 403), (Level.VIEW, 403)],
)
def test_registering_needs_contribute(amy: User, level: Level, expected: int) -> None:
    project = project_of(amy, level)
    answer = register(token_and_text(user=amy)[1], project)
    assert answer.status_code == expected
    assert Job.objects.count() == (expected == 201)
    if expected == 403:
        assert answer.json()["code"] == "level_too_low"


@pytest.mark.parametrize(("level", "expected"), [(Level.CONTRIBUTE, 201), (Level.UPLOAD, 403)])
def test_the_level_of_the_token_counts_as_that_of_the_member(amy: User, level: Level, expected: int) -> None:
    project = project_of(amy)
    launcher, text = token_and_text(user=amy)
    of_project(launcher, project, level)
    assert register(text, project).status_code == expected
    if expected == 201:
        assert [entry.level for entry in Job.objects.get().token.projects.all()] == [Level.CONTRIBUTE]


def test_a_strangers_project_and_one_that_is_none_are_alike(amy: User, ben: User) -> None:
    text = token_and_text(user=amy)[1]
    theirs: Any = rest("POST", JOBS, text, {"name": "x", "project": project_of(ben).public_id})
    none: Any = rest("POST", JOBS, text, {"name": "x", "project": "project-" + "B" * 24})
    assert [code_of(theirs), code_of(none)] == [(404, "project_not_found")] * 2
    assert theirs.json()["detail"] == none.json()["detail"]
    assert not Job.objects.exists()


@pytest.mark.parametrize("wish", ["*", "another project", "a higher level"])
def test_a_jobs_token_is_never_wider_than_the_one_that_asks(amy: User, wish: str) -> None:
    project, another = project_of(amy), project_of(amy)
    launcher, text = token_and_text(user=amy)
    of_project(launcher, project, Level.CONTRIBUTE)
    asked = {
        "*": {"*": "CONTRIBUTE"},
        "another project": {project.public_id: "CONTRIBUTE", another.public_id: "VIEW"},
        "a higher level": {project.public_id: "ADMINISTER"},
    }[wish]
    assert code_of(register(text, project, projects=asked)) == (403, "wider_than_token")
    assert not Job.objects.exists()
    assert not Token.objects.filter(kind="job").exists()


def test_a_wider_reach_than_its_project_is_given_where_it_is_asked_for(amy: User) -> None:
    project, another = project_of(amy), project_of(amy)
    _, own = job_of(amy, project, projects={project.public_id: "CONTRIBUTE", another.public_id: "VIEW"})
    assert rest("GET", f"/api/v1/projects/{another.public_id}/", own).status_code == 200


def test_a_jobs_token_ends_at_the_end_of_its_parent_at_the_latest(amy: User) -> None:
    end = timezone.now() + timedelta(hours=1)
    text = token_and_text(user=amy, expires=end)[1]
    project = project_of(amy)
    job, _ = job_of(amy, project, text)
    assert job.token.expires == end
    later = (end + timedelta(seconds=1)).isoformat()
    assert code_of(register(text, project, expires=later)) == (403, "wider_than_token")
    sooner = end - timedelta(minutes=30)
    assert job_of(amy, project, text, expires=sooner.isoformat())[0].token.expires == sooner


def test_job_05_a_jobs_token_dies_with_its_parent_and_the_job_fails(amy: User) -> None:
    launcher, text = token_and_text(user=amy)
    job, own = job_of(amy, project_of(amy), text)
    token_flows.revoke(tokens=[launcher], actor=actor(amy), why=EndReason.REVOKED.value)
    job.refresh_from_db()
    job.token.refresh_from_db()
    assert (job.token.state, job.token.end_why) == ("revoked", "parent-ended")
    assert (job.state, job.failure_reason, job.end_why) == ("failed", "AuthError", "revoked-by-its-owner")
    answer = beat(job, own)
    assert code_of(answer) == (401, "auth_error")
    assert answer.json()["detail"] == f"AuthError: {job.failure_message}"


def test_the_label_has_the_jobs_id_and_is_no_longer_than_a_label_can_be(amy: User) -> None:
    project = project_of(amy)
    name = "n" * limits.JOB_NAME_MAX_CHARS
    one, other = job_of(amy, project, name=name)[0], job_of(amy, project, name=name)[0]
    assert one.name == other.name == name
    assert one.token.label.endswith(f" {one.public_id}")
    assert len(one.token.label) == 64
    assert one.token.label != other.token.label


@pytest.mark.parametrize("name", ["", " ", "n" * (limits.JOB_NAME_MAX_CHARS + 1), "two\nlines", "null\x00", "\u202egnp.exe"])
def test_a_name_that_is_none_is_refused_and_nothing_begins(amy: User, name: str) -> None:
    answer = register(token_and_text(user=amy)[1], project_of(amy), name=name)
    assert answer.status_code in (400, 422)
    assert not Job.objects.exists()
    assert not Token.objects.filter(kind="job").exists()


@pytest.mark.parametrize("seconds", [0, limits.LEASE_LEAST_SECONDS - 1, limits.LEASE_MOST_SECONDS + 1, "60", 7.5, True])
def test_a_lease_out_of_bounds_or_of_another_type_is_refused(amy: User, seconds: Any) -> None:
    assert register(token_and_text(user=amy)[1], project_of(amy), lease_seconds=seconds).status_code in (400, 422)
    assert not Job.objects.exists()


def test_the_same_request_again_registers_no_second_job(amy: User) -> None:
    project = project_of(amy)
    text = token_and_text(user=amy)[1]
    first = register(text, project, key="k1")
    assert first.status_code == 201
    again = register(text, project, key="k1")
    assert code_of(again) == (409, "already_made")
    assert first.json()["token_id"] in again.content.decode()
    assert code_of(register(text, project, key="k1", name="another"))[1] == "idempotency_key_reused"
    assert Job.objects.count() == Token.objects.filter(kind="job").count() == 1
    assert register(text, project, key="k2").status_code == 201


def test_a_job_registers_no_job(amy: User) -> None:
    project = project_of(amy)
    _, own = job_of(amy, project)
    assert code_of(register(own, project)) == (403, "job_token_makes_none")
    assert Job.objects.count() == 1


def test_without_a_token_no_job_is_registered(amy: User) -> None:
    assert register(None, project_of(amy)).status_code == 401
    assert not Job.objects.exists()


def test_a_job_that_cannot_be_stored_leaves_no_token_behind(amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    project, text = project_of(amy), token_and_text(user=amy)[1]

    def fail(self: Job, **kwargs: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(Job, "save", fail)
    with pytest.raises(RuntimeError):
        register(text, project, key="k1")
    monkeypatch.undo()
    assert not Token.objects.filter(kind="job").exists()
    assert not SecurityEvent.objects.filter(event__in=["job.started", "token.created"]).exists()
    assert register(text, project, key="k1").status_code == 201


def test_more_jobs_than_the_most_are_refused_until_one_ends(amy: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "JOBS_PER_PERSON", 2)
    project, text = project_of(amy), token_and_text(user=amy)[1]
    job, own = job_of(amy, project, text)
    job_of(amy, project, text)
    assert code_of(register(text, project)) == (409, "too_many_jobs")
    finish(job, own)
    assert register(text, project).status_code == 201


# Heartbeats


def test_a_heartbeat_keeps_progress_and_note_and_renews_the_lease(amy: User, clock: Any) -> None:
    job, own = job_of(amy, project_of(amy), lease_seconds=30)
    clock.shift(20)
    answer = beat(job, own, progress=40, note="chromosome 14")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["id"], told["state"], told["next_seconds"]) == (job.public_id, "running", limits.BEAT_SECONDS)
    assert datetime.fromisoformat(told["leased_until"]) == timezone.now() + timedelta(seconds=30)
    job.refresh_from_db()
    assert (job.progress, job.note, job.heard_at) == (40, "chromosome 14", timezone.now())
    assert job.leased_until == timezone.now() + timedelta(seconds=30)
    clock.shift(20)
    assert beat(job, own).status_code == 200
    job.refresh_from_db()
    assert (job.progress, job.note, job.heard_at) == (40, "chromosome 14", timezone.now())
    assert beat(job, own, note="").status_code == 200
    job.refresh_from_db()
    assert (job.progress, job.note) == (40, "")


@pytest.mark.parametrize("said", [{"progress": -1}, {"progress": 101}, {"progress": "40"}, {"note": "n" * 201}, {"progres": 4}])
def test_a_heartbeat_that_says_what_cannot_be_is_refused(amy: User, said: dict[str, Any]) -> None:
    job, own = job_of(amy, project_of(amy))
    assert beat(job, own, **said).status_code in (400, 422)
    job.refresh_from_db()
    assert (job.progress, job.note) == (None, "")


def test_job_05_only_the_jobs_own_token_keeps_it_alive_or_ends_it(amy: User) -> None:
    project = project_of(amy)
    text = token_and_text(user=amy)[1]
    job, own = job_of(amy, project, text)
    other, others_own = job_of(amy, project, text)
    before = Job.objects.order_by("pk").values()[::1]
    for target, presented in ((WRONG_ID, own), (other, own), (job, others_own), (job, text), ("job-%00", own), (job.token, own)):
        assert code_of(beat(str(target), presented, progress=1)) == (404, "job_not_found")
        assert code_of(finish(str(target), presented)) == (404, "job_not_found")
    assert beat(job, None).status_code == 401
    assert Job.objects.order_by("pk").values()[::1] == before


def test_a_heartbeat_with_nothing_new_costs_no_write_within_five_seconds(amy: User, clock: Any) -> None:
    job, own = job_of(amy, project_of(amy))
    beat(job, own, progress=10, note="x")
    clock.shift(2)
    with CaptureQueriesContext(connection) as quiet:
        assert beat(job, own, progress=10, note="x").status_code == 200
    assert len(quiet) == 2
    assert all(query["sql"].startswith("SELECT") for query in quiet.captured_queries)
    with CaptureQueriesContext(connection) as news:
        assert beat(job, own, progress=11).status_code == 200
    assert [query["sql"].split()[0] for query in news.captured_queries].count("UPDATE") == 1
    clock.shift(6)
    with CaptureQueriesContext(connection) as due:
        assert beat(job, own, progress=11).status_code == 200
    assert [query["sql"].split()[0] for query in due.captured_queries].count("UPDATE") == 1


def test_access_lost_ends_the_job_at_its_next_heartbeat(amy: User, clock: Any) -> None:
    project = project_of(amy, Level.CONTRIBUTE)
    job, own = job_of(amy, project)
    ProjectMember.objects.filter(project=project, user=amy).update(level=Level.UPLOAD)
    clock.shift(6)
    answer = beat(job, own)
    assert code_of(answer) == (403, "access_ended")
    job.refresh_from_db()
    job.token.refresh_from_db()
    assert (job.state, job.failure_reason, job.end_why) == ("failed", "PermissionDenied", "access-lost")
    assert job.failure_message == answer.json()["detail"]
    assert job.token.state == "revoked"
    again = beat(job, own)
    assert again.status_code == 401
    assert job.failure_message in again.json()["detail"]


# The end


def test_job_05_a_job_that_finishes_is_done_and_its_token_is_over(amy: User, clock: Any) -> None:
    text = token_and_text(user=amy)[1]
    job, own = job_of(amy, project_of(amy), text)
    clock.shift(90)
    answer = finish(job, own, exit_code=0)
    told = answer.json()
    assert answer.status_code == 200
    assert (told["state"], told["exit_code"], told["failure_reason"], told["failure_message"]) == ("done", 0, None, None)
    assert (told["end_act"], told["ended_from"], told["seconds"]) == ("job-ended", "127.0.0.1", 90)
    assert told == shown(job, text)
    job.token.refresh_from_db()
    assert (job.token.state, job.token.end_why) == ("revoked", "job-ended")
    assert rest("GET", "/api/v1/me/", own).status_code == 401
    assert not SecurityEvent.objects.filter(event__in=["token.revoked", "work.ended"]).exists()


def test_a_command_that_failed_fails_its_job_with_its_status_and_words(amy: User) -> None:
    project = project_of(amy)
    job, own = job_of(amy, project)
    told = finish(job, own, exit_code=137, message="killed: out of memory").json()
    assert (told["state"], told["exit_code"], told["failure_reason"]) == ("failed", 137, "AppError")
    assert told["failure_message"] == "killed: out of memory"
    job, own = job_of(amy, project)
    assert finish(job, own, exit_code=-9).json()["failure_message"] == "The command ended with status -9"


def test_job_09_a_second_end_changes_nothing_and_says_so(amy: User) -> None:
    text = token_and_text(user=amy)[1]
    job, own = job_of(amy, project_of(amy), text)
    finish(job, own, exit_code=0)
    before = shown(job, text)
    assert code_of(finish(job, own, exit_code=1)) == (409, "work_over")
    assert code_of(beat(job, own, progress=5)) == (409, "work_over")
    assert code_of(rest("DELETE", f"{JOBS}{job}/", text)) == (409, "work_over")
    assert dx_type(dx(f"/{job}/terminate", {}, text)) == (422, "InvalidState")
    assert shown(job, text) == before


def test_job_09_after_a_failure_the_executor_is_told_it_was_and_the_record_stays(amy: User) -> None:
    text = token_and_text(user=amy)[1]
    job, own = job_of(amy, project_of(amy), text)
    finish(job, own, exit_code=3, message="no such file")
    before = shown(job, text)
    answer = finish(job, own, exit_code=0)
    assert code_of(answer) == (401, "auth_error")
    assert answer.json()["detail"] == "AppError: no such file"
    assert code_of(beat(job, own)) == (401, "auth_error")
    assert shown(job, text) == before


def test_what_else_ran_on_a_jobs_token_ends_with_the_job(amy: User) -> None:
    project = project_of(amy)
    job, own = job_of(amy, project)
    mine = [transfer_of(job.token, project), transfer_of(job.token, project, TransferKind.DOWNLOAD)]
    parents = transfer_of(job.token.parent, project) if job.token.parent else None
    finish(job, own)
    ended = Transfer.objects.filter(pk__in=[one.pk for one in mine])
    assert {(one.state, one.failure_reason, one.end_why) for one in ended} == {("failed", "AuthError", "job-ended")}
    assert parents is not None
    parents.refresh_from_db()
    assert parents.is_running


def test_its_owner_terminates_a_job(amy: User) -> None:
    text = token_and_text(user=amy)[1]
    job, own = job_of(amy, project_of(amy), text)
    answer: Any = rest("DELETE", f"{JOBS}{job}/", text)
    told = answer.json()
    assert answer.status_code == 200
    assert (told["state"], told["end_act"]) == ("terminated", "ended-by-hand")
    assert (told["ended_by"], told["ended_from"]) == ("user-amy", "127.0.0.1")
    assert (told["failure_reason"], told["failure_message"]) == ("Terminated", "The job was ended by user-amy")
    assert code_of(beat(job, own)) == (401, "auth_error")
    event = SecurityEvent.objects.get(event="work.ended")
    assert (event.subject, event.actor, event.about) == (amy, amy, job.public_id)
    assert (event.data["counts"], event.data["names"], event.data["why"]) == ({"job": 1}, ["align reads"], "ended-by-hand")


def test_who_administers_the_project_terminates_a_members_job_and_the_member_reads_by_whom(amy: User, ben: User) -> None:
    project = project_of(amy)
    ProjectMember.objects.create(project=project, user=ben, level=Level.CONTRIBUTE)
    job, own = job_of(ben, project)
    assert dx(f"/{job}/terminate", {}, token_and_text(user=amy)[1]).json() == {"id": job.public_id}
    job.refresh_from_db()
    assert (job.state, job.ended_by, job.failure_message) == ("terminated", amy, "The job was ended by user-amy")
    event = SecurityEvent.objects.get(event="work.ended")
    assert (event.subject, event.actor) == (ben, amy)
    assert beat(job, own).status_code == 401


@pytest.mark.parametrize("level", [Level.CONTRIBUTE, Level.VIEW])
def test_another_member_does_not_terminate_it(amy: User, ben: User, level: Level) -> None:
    project = project_of(amy)
    ProjectMember.objects.create(project=project, user=ben, level=level)
    job, _ = job_of(amy, project)
    text = token_and_text(user=ben)[1]
    assert code_of(rest("DELETE", f"{JOBS}{job}/", text)) == (403, "level_too_low")
    assert dx_type(dx(f"/{job}/terminate", {}, text)) == (401, "PermissionDenied")
    job.refresh_from_db()
    assert job.is_running


def test_a_token_held_to_view_terminates_not_even_ones_own(amy: User) -> None:
    project = project_of(amy)
    job, _ = job_of(amy, project)
    viewer, text = token_and_text(user=amy)
    of_project(viewer, project, Level.VIEW)
    assert code_of(rest("DELETE", f"{JOBS}{job}/", text)) == (403, "level_too_low")
    job.refresh_from_db()
    assert job.is_running


@pytest.mark.parametrize("who", ["stranger", "token of another project"])
def test_to_who_does_not_reach_its_project_a_job_is_as_none(amy: User, who: str) -> None:
    project = project_of(amy)
    job, _ = job_of(amy, project)
    asks, text = token_and_text(user=UserFactory() if who == "stranger" else amy)
    if who != "stranger":
        of_project(asks, project_of(amy), Level.ADMINISTER)
    for target in (str(job), WRONG_ID):
        answers: list[Any] = [rest(method, f"{JOBS}{target}/", text) for method in ("GET", "DELETE")]
        assert [code_of(answer) for answer in answers] == [(404, "job_not_found")] * 2
        for call in ("describe", "terminate"):
            answer = dx(f"/{target}/{call}", {}, text)
            assert dx_type(answer) == (404, "ResourceNotFound")
            assert project.public_id not in answer.content.decode()
    assert rest("GET", JOBS, text).json()["results"] == []  # type: ignore[attr-defined]
    assert code_of(rest("GET", f"{JOBS}?project={project.public_id}", text)) == (404, "project_not_found")
    assert dx("/system/findExecutions", {"describe": True}, text).json() == {"results": [], "next": None}
    job.refresh_from_db()
    assert job.is_running


def test_a_list_of_jobs_is_ones_own_or_that_of_a_project(amy: User, ben: User) -> None:
    shared, own = project_of(amy), project_of(amy)
    ProjectMember.objects.create(project=shared, user=ben, level=Level.CONTRIBUTE)
    text = token_and_text(user=amy)[1]
    mine = [job_of(amy, shared, text)[0].public_id, job_of(amy, own, text)[0].public_id]
    bens = job_of(ben, shared)[0].public_id

    def listed(query: str) -> list[str]:
        answer: Any = rest("GET", f"{JOBS}{query}", text)
        return [row["id"] for row in answer.json()["results"]]

    assert listed("") == mine[::-1]
    assert listed(f"?project={shared.public_id}") == [bens, mine[0]]
    assert listed("?state=done") == []
    assert rest("GET", f"{JOBS}?state=idle", text).status_code in (400, 422)


# A retired token (JOB-04)


def test_job_04_a_job_whose_login_was_retired_goes_on_to_its_end_and_begins_nothing(amy: User) -> None:
    project = project_of(amy)
    login, text = token_and_text(user=amy, cli=True)
    job, own = job_of(amy, project, text)
    token_flows.retire_logins(user=amy, actor=actor(amy), why="password-changed")
    job.token.refresh_from_db()
    assert job.token.state == "retired"
    assert beat(job, own, progress=50).json()["state"] == "running"
    for method, path, body in (
        ("GET", "/api/v1/me/", None), ("GET", f"{JOBS}{job}/", None), ("DELETE", f"{JOBS}{job}/", None),
        ("POST", "/api/v1/tokens/", {"label": "x"}), ("POST", JOBS, {"name": "x", "project": project.public_id}),
    ):  # fmt: skip
        assert code_of(rest(method, path, own, body)) == (401, "token_retired")
        assert code_of(rest(method, path, text, body)) == (401, "token_retired")
    for path, said in (("/system/whoami", {}), ("/file/new", {"project": project.public_id, "name": "x"}), (f"/{job}/describe", {})):
        assert dx_type(dx(path, said, own)) == (401, "InvalidAuthentication")
    assert finish(job, own).json()["state"] == "done"
    assert code_of(beat(job, own)) == (409, "work_over")
    assert (Job.objects.count(), Token.objects.filter(kind="job").count()) == (1, 1)


def test_a_retired_login_that_is_then_revoked_takes_its_job_along(amy: User) -> None:
    login, text = token_and_text(user=amy, cli=True)
    job, own = job_of(amy, project_of(amy), text)
    token_flows.retire_logins(user=amy, actor=actor(amy), why="password-changed")
    token_flows.revoke(tokens=[login], actor=actor(amy), why=EndReason.REVOKED.value)
    job.refresh_from_db()
    assert (job.state, job.failure_reason) == ("failed", "AuthError")
    assert code_of(beat(job, own)) == (401, "auth_error")


def test_a_token_past_its_end_is_told_so_before_the_worker_marks_it(amy: User, clock: Any) -> None:
    project = project_of(amy)
    job, own = job_of(amy, project, expires=(timezone.now() + timedelta(minutes=1)).isoformat())
    clock.shift(61)
    answer = beat(job, own)
    assert code_of(answer) == (401, "auth_error")
    assert answer.json()["detail"].startswith("AuthError: The job can no longer be run because")
    assert code_of(finish(job, own)) == (401, "auth_error")


# Vanished executors


def test_a_job_whose_executor_is_silent_for_its_lease_fails_for_a_reason_of_its_own(amy: User, clock: Any) -> None:
    project = project_of(amy)
    text = token_and_text(user=amy)[1]
    silent, own = job_of(amy, project, text, name="silent", lease_seconds=30)
    heard, heards_own = job_of(amy, project, text, name="heard", lease_seconds=30)
    upload = transfer_of(silent.token, project)
    clock.shift(29)
    assert flows.fail_vanished_due() == 0
    beat(heard, heards_own)
    clock.shift(2)
    assert flows.fail_vanished_due() == 1
    assert flows.fail_vanished_due() == 0
    told = shown(silent, text)
    assert (told["state"], told["failure_reason"]) == ("failed", "UnresponsiveWorker")
    assert (told["end_act"], told["ended_by"]) == ("lease-over", None)
    assert "not heard of" in told["failure_message"]
    silent.token.refresh_from_db()
    upload.refresh_from_db()
    assert silent.token.state == "revoked"
    assert (upload.state, upload.end_why) == ("failed", "lease-over")
    assert shown(heard, text)["state"] == "running"
    answer = beat(silent, own)
    assert code_of(answer) == (401, "auth_error")
    assert answer.json()["detail"].startswith("UnresponsiveWorker: ")
    about = SecurityEvent.objects.get(event="work.ended", about=silent.public_id)
    assert (about.subject, about.actor, about.data["counts"], about.data["names"]) == (amy, None, {"job": 1}, ["silent"])


def test_vanished_jobs_of_several_people_are_told_to_each(amy: User, ben: User, clock: Any) -> None:
    for user in (amy, ben):
        job_of(user, project_of(user))
    clock.shift(limits.LEASE_SECONDS + 1)
    assert flows.fail_vanished_due() == 2
    assert sorted(event.subject.username for event in SecurityEvent.objects.filter(event="work.ended") if event.subject) == ["amy", "ben"]


def test_a_fault_while_vanished_jobs_fail_leaves_all_as_it_was_for_the_next_time(amy: User, clock: Any, settings: Any) -> None:
    job, _ = job_of(amy, project_of(amy))
    clock.shift(limits.LEASE_SECONDS + 1)
    settings.FAILPOINTS = {"work.vanished": "raise"}
    with pytest.raises(RuntimeError):
        flows.fail_vanished_due()
    job.refresh_from_db()
    assert job.is_running
    assert not SecurityEvent.objects.filter(event="work.ended").exists()
    settings.FAILPOINTS = {}
    assert flows.fail_vanished_due() == 1


# The dx client's view

REQUIRED = {
    "id", "class", "project", "state", "parentJob", "originalInput", "input", "output", "launchedBy", "created", "modified", "name",
    "executable", "executableName", "function", "originJob", "rootExecution",
}  # fmt: skip
NEVER_NULL = {"projectCache", "resources", "startedRunning", "stoppedRunning", "failureReason", "failureMessage", "failureFrom", "project"}


def described(job: Job, text: str, body: Any = None) -> Any:
    answer = dx(f"/{job}/describe", body or {}, text)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_the_description_of_a_running_job_has_what_the_client_needs_and_no_null_that_breaks_it(amy: User) -> None:
    project, text = project_of(amy), token_and_text(user=amy)[1]
    job, own = job_of(amy, project, text)
    asked = {"properties": True, "details": True, "defaultFields": True, "fields": {"spotCostSavings": True}, "project": project.public_id}
    told = described(job, text, asked)
    assert set(told) >= REQUIRED
    assert (told["id"], told["class"], told["state"], told["name"]) == (job.public_id, "job", "running", "align reads")
    assert (told["project"], told["launchedBy"], told["parentJob"]) == (project.public_id, "user-amy", None)
    assert (told["originJob"], told["rootExecution"], told["function"]) == (job.public_id, job.public_id, "main")
    assert (told["originalInput"], told["input"], told["output"]) == ({}, {}, None)
    assert told["created"] == told["startedRunning"] == int(job.started.timestamp() * 1000)
    assert set(told) & {"stoppedRunning", "failureReason", "failureMessage", "failureFrom", "projectCache", "resources"} == set()
    assert set(told) & {"totalPrice", "spotCostSavings", "currency"} == set()
    assert not [name for name in NEVER_NULL & set(told) if told[name] is None]


@pytest.mark.parametrize("end", ["done", "failed", "terminated", "revoked"])
def test_the_description_of_an_ended_job_says_when_and_why(amy: User, clock: Any, end: str) -> None:
    text = token_and_text(user=amy)[1]
    launcher, launchers = token_and_text(user=amy)
    job, own = job_of(amy, project_of(amy), launchers)
    clock.shift(10)
    match end:
        case "done":
            finish(job, own)
        case "failed":
            finish(job, own, exit_code=1, message="it broke")
        case "terminated":
            dx(f"/{job}/terminate", {}, text)
        case _:
            token_flows.revoke(tokens=[launcher], actor=actor(amy), why=EndReason.REVOKED.value)
    told = described(job, text)
    assert set(told) >= REQUIRED
    assert told["stoppedRunning"] - told["startedRunning"] == 10_000
    assert told["state"] == ("failed" if end == "revoked" else end)
    assert [one["newState"] for one in told["stateTransitions"]] == ["running", told["state"]]
    if end == "done":
        assert set(told) & {"failureReason", "failureMessage", "failureFrom"} == set()
        return
    reason = {"failed": "AppError", "terminated": "Terminated", "revoked": "AuthError"}[end]
    assert told["failureReason"] == told["failureFrom"]["failureReason"] == reason
    assert told["failureMessage"] == told["failureFrom"]["failureMessage"] != ""
    assert told["failureFrom"]["id"] == job.public_id
    if end == "revoked":
        convention = "The job can no longer be run because a launching authentication token has been revoked or expired"
        assert told["failureMessage"].startswith(convention)


def test_a_description_has_the_fields_that_are_asked_for(amy: User) -> None:
    text = token_and_text(user=amy)[1]
    job, _ = job_of(amy, project_of(amy), text)
    assert described(job, text, {"fields": {"state": True}}) == {"id": job.public_id, "state": "running"}
    without = described(job, text, {"io": False})
    assert set(without) & {"originalInput", "input", "runInput", "output"} == set()
    assert "rootExecution" in without


def found(text: str, **asked: Any) -> list[str]:
    answer = dx("/system/findExecutions", asked, text)
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()["results"]]


def test_find_executions_finds_by_every_filter(amy: User, ben: User, clock: Any) -> None:
    project, elsewhere = project_of(amy), project_of(amy)
    ProjectMember.objects.create(project=project, user=ben, level=Level.CONTRIBUTE)
    text = token_and_text(user=amy)[1]
    align, own = job_of(amy, project, text, name="align-1")
    clock.shift(60)
    call, _ = job_of(amy, elsewhere, text, name="call-1")
    clock.shift(60)
    bens, _ = job_of(ben, project, name="align-2")
    finish(align, own)
    one, two, three = align.public_id, call.public_id, bens.public_id
    assert found(text) == found(text, **{"class": "job"}) == [three, two, one]
    assert found(text, **{"class": "analysis"}) == []
    assert found(text, project=project.public_id) == [three, one]
    assert found(text, state="done") == [one]
    assert found(text, state=["running", "failed"]) == [three, two]
    assert found(text, state="runnable") == []
    assert found(text, launchedBy="user-ben") == [three]
    assert found(text, launchedBy=["user-amy"]) == [two, one]
    assert found(text, name={"glob": "align*"}) == [three, one]
    assert found(text, name="call-1") == [two]
    assert found(text, id=[one, "job-nonsense", three]) == [three, one]
    assert found(text, parentJob=None) == [three, two, one]
    assert found(text, parentJob=one) == []
    assert found(text, originJob=[one, two]) == found(text, rootExecution=[one, two]) == [two, one]
    assert found(text, created={"after": int(call.started.timestamp() * 1000)}) == [three, two]
    assert found(text, created={"before": int(align.started.timestamp() * 1000)}) == [one]
    assert found(text, tags=["x"]) == found(text, executable="applet-" + "B" * 24) == []
    theirs = token_and_text(user=ben)[1]
    assert found(theirs) == [three, one]
    assert dx_type(dx("/system/findExecutions", {"project": elsewhere.public_id}, theirs)) == (404, "ResourceNotFound")


def test_as_the_client_asks_for_jobs_both_calls_give_the_rows_it_shows(amy: User) -> None:
    project, text = project_of(amy), token_and_text(user=amy)[1]
    jobs = [job_of(amy, project, text, name=f"job {number}")[0].public_id for number in range(3)]
    fields = {"runInput": False, "originalInput": False, "input": False, "output": False, "internetUsageIPs": False}
    describe = {"defaultFields": True, "fields": fields}
    first = {"class": "job", "project": project.public_id, "describe": describe, "includeRestarted": False, "limit": 100}
    answer = dx("/system/findExecutions", first, text).json()
    assert ([row["id"] for row in answer["results"]], answer["next"]) == (jobs[::-1], None)
    needed = {"id", "state", "name", "executable", "executableName", "function", "created", "launchedBy", "parentJob", "originJob"}
    for row in answer["results"]:
        assert set(row["describe"]) >= needed
        assert set(row["describe"]) & {"runInput", "originalInput", "input", "output"} == set()
    second = dx("/system/findExecutions", {**first, "originJob": jobs}, text).json()
    assert second["results"] == answer["results"]


def test_pages_of_executions_follow_one_another_without_gap_or_repeat(amy: User) -> None:
    project, text = project_of(amy), token_and_text(user=amy)[1]
    jobs = [job_of(amy, project, text)[0].public_id for _ in range(5)][::-1]
    pages: list[list[str]] = []
    starting: Any = None
    while len(pages) < 4:
        answer = dx("/system/findExecutions", {"limit": 2, "starting": starting}, text).json()
        pages.append([row["id"] for row in answer["results"]])
        starting = answer["next"]
        if starting is None:
            break
        job_of(amy, project, text)  # a newer one comes in between, and moves nothing
    assert pages == [jobs[:2], jobs[2:4], jobs[4:]]


@pytest.mark.parametrize(
    "asked", [{"limit": 0}, {"limit": 1001}, {"limit": "2"}, {"starting": "job-1"}, {"starting": 5}, {"describe": "yes"}, {"name": 5}]
)
def test_what_find_executions_cannot_mean_is_refused(amy: User, asked: dict[str, Any]) -> None:
    assert dx_type(dx("/system/findExecutions", asked, token_and_text(user=amy)[1]))[1] == "InvalidInput"


def test_the_number_of_queries_of_find_executions_does_not_grow_with_the_jobs(amy: User) -> None:
    project, text = project_of(amy), token_and_text(user=amy)[1]
    job_of(amy, project, text)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert dx("/system/findExecutions", {"describe": True}, text).status_code == 200
        return len(captured)

    one = queries()
    for _ in range(9):
        job_of(amy, project, text)
    assert len(found(text)) == 10
    assert queries() == one


def test_describe_executions_describes_each_or_says_that_there_is_none(amy: User, ben: User) -> None:
    text = token_and_text(user=amy)[1]
    job, _ = job_of(amy, project_of(amy), text)
    theirs, _ = job_of(ben, project_of(ben))
    answer = dx("/system/describeExecutions", {"executions": [str(theirs), str(job), WRONG_ID]}, text).json()["results"]
    assert [one.get("error", {}).get("type") for one in answer] == ["ResourceNotFound", None, "ResourceNotFound"]
    assert answer[1]["describe"]["id"] == job.public_id
    assert dx_type(dx("/system/describeExecutions", {"executions": "job"}, text))[1] == "InvalidInput"


@pytest.mark.parametrize(
    "path",
    ["/applet/new", "/applet-" + "B" * 24 + "/run", "/app-demo/describe", "/globalworkflow-demo/describe", "/workflow/new", "/job/new"],
)
def test_what_has_no_executables_answers_that_there_are_none(amy: User, path: str) -> None:
    assert dx_type(dx(path, {}, token_and_text(user=amy)[1])) == (404, "ResourceNotFound")


def test_every_state_of_a_job_is_one_that_the_client_knows() -> None:
    assert set(JobState.values) <= {"runnable", "running", "terminating", "done", "failed", "terminated"}
