"""What an act would end is told before it, exactly: tokens, jobs, transfers, by name and with counts (N1, S3.5)."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts import credentials
from accounts.models import SecurityEvent, User
from orgs.projects.models import Level, Project, ProjectMember
from tests.factories import PASSWORD, actor
from tests.projects.factories import project_of
from tests.tokens.doors import dx, rest, signed_in
from tests.tokens.factories import TokenFactory, token_and_text
from tests.twofactor.factories import turned_on
from tests.work.work_factories import JOBS, job_of, transfer_of
from tokens import flows
from tokens.models import Token
from tokens.work.models import File, FileState, Job, Transfer, TransferKind

pytestmark = pytest.mark.django_db
REVOKE, DIALOG, LIST = "/api/v1/tokens/revoke/", "/profile/tokens/revoke/", "/profile/tokens/"
NEW = "another staple entirely"


def texts(answer: Any) -> str:
    """Return a page as people read it: without tags, blanks folded."""
    assert answer.status_code == 200, answer.content
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def dialog(browser: Client, *tokens: Token) -> Any:
    return browser.get(DIALOG, {"token": [token.public_id for token in tokens]})


def asked(text: str, **body: Any) -> Any:
    answer: Any = rest("POST", REVOKE, text, body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def state() -> list[Any]:
    tables: tuple[Any, ...] = (Token, Job, Transfer, File, SecurityEvent)
    return [list(table.objects.order_by("pk").values()) for table in tables]


@pytest.fixture
def project(amy: User) -> Project:
    return project_of(amy, name="Genome Atlas")


@pytest.fixture
def nightly(amy: User, project: Project) -> Token:
    """A token with a job, two uploads and a download on it, and a token made with it that carries an upload."""
    token, text = token_and_text(user=amy, label="nightly")
    job_of(amy, project, text, name="align reads")
    for name in ("a.bam", "b.bam"):
        transfer_of(token, project, name=name)
    transfer_of(token, project, TransferKind.DOWNLOAD, name="ref.fa")
    made = TokenFactory(user=amy, label="made by nightly", parent=token)
    transfer_of(made, project, name="c.bam")
    return token


# REST


@pytest.mark.parametrize("choice", ["ids", "all"])
def test_the_preview_is_exactly_what_then_happens(amy: User, ben: User, nightly: Token, choice: str) -> None:
    other, text = token_and_text(user=amy, label="other")
    job_of(amy, project_of(amy), text, name="call variants")
    job_of(ben, project_of(ben))
    body: dict[str, Any] = {"ids": [nightly.public_id]} if choice == "ids" else {"all": True}
    before = state()
    said = asked(text, preview=True, **body)
    after = state()
    assert after[1:] == before[1:]
    assert said["preview"] is True
    done = asked(text, **body)
    assert done == {**said, "preview": False}
    jobs = ["align reads"] if choice == "ids" else ["align reads", "call variants"]
    assert done["work"] == [
        {"kind": "job", "count": len(jobs), "names": jobs},
        {"kind": "upload", "count": 3, "names": ["a.bam", "b.bam", "c.bam"]},
        {"kind": "download", "count": 1, "names": ["ref.fa"]},
    ]
    labels = {one["label"] for one in done["tokens"] if one["kind"] == "api"}
    assert labels == ({"nightly", "made by nightly"} if choice == "ids" else {"nightly", "made by nightly", "other"})
    assert Job.objects.running().count() == (2 if choice == "ids" else 1)
    assert not Transfer.objects.running().exists()
    assert set(Job.objects.exclude(state="running").values_list("name", flat=True)) == set(jobs)


def test_of_more_than_twenty_the_preview_names_the_first_and_counts_all(amy: User, project: Project) -> None:
    token, text = token_and_text(user=amy)
    for number in range(23):
        transfer_of(token, project, name=f"{number:02d}.bam")
    names = [f"{number:02d}.bam" for number in range(20)]
    assert asked(text, ids=[token.public_id], preview=True)["work"] == [{"kind": "upload", "count": 23, "names": names}]
    page = texts(dialog(signed_in(amy), token))
    assert "19.bam" in page
    assert "20.bam" not in page
    assert "and 3 more uploads" in page


def test_the_preview_of_what_is_over_already_is_empty(amy: User, nightly: Token) -> None:
    text = token_and_text(user=amy)[1]
    asked(text, ids=[nightly.public_id])
    assert asked(text, ids=[nightly.public_id], preview=True) == {"preview": True, "tokens": [], "work": []}


def test_what_has_ended_is_not_told(amy: User, nightly: Token) -> None:
    text = token_and_text(user=amy)[1]
    flows.revoke(tokens=[Job.objects.get().token], actor=actor(amy), why="revoked-by-its-owner")
    work = asked(text, ids=[nightly.public_id], preview=True)["work"]
    assert [one["kind"] for one in work] == ["upload", "download"]


# The dialog of the tab


def test_the_dialog_names_the_family_and_all_that_runs_on_it(amy: User, nightly: Token) -> None:
    TokenFactory(user=amy, label="bystander")
    before = state()
    answer = dialog(signed_in(amy), nightly)
    page = texts(answer)
    for words in ("nightly", "made by nightly", "align reads", "a.bam", "b.bam", "c.bam", "ref.fa", "fails now with AuthError"):
        assert words in page
    assert "Partial uploads are discarded. What was moved and how long jobs ran stays recorded." in page
    assert "bystander" not in page
    assert answer.context["said"] == "3 tokens, 1 job, 3 uploads, 1 download"
    assert state()[:4] == before[:4]


def test_the_dialog_of_an_idle_token_speaks_of_no_work(amy: User) -> None:
    page = texts(dialog(signed_in(amy), TokenFactory(user=amy)))
    assert "AuthError" not in page
    assert "Partial uploads" not in page


def confirm(browser: Client, token: Token, said: str) -> str:
    answer: Any = browser.post(DIALOG, {"token": [token.public_id], "said": said})
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    return texts(browser.get(LIST))


def test_after_the_click_the_page_says_what_ended(amy: User, nightly: Token) -> None:
    browser = signed_in(amy)
    page = confirm(browser, nightly, dialog(browser, nightly).context["said"])
    assert "Ended: 3 tokens, 1 job, 3 uploads, 1 download." in page
    assert "The page had said" not in page
    assert "Ended: 3 tokens" not in texts(browser.get(LIST))


def test_where_work_began_meanwhile_the_page_says_what_ended_and_what_had_been_said(amy: User, nightly: Token, project: Project) -> None:
    browser = signed_in(amy)
    said = dialog(browser, nightly).context["said"]
    transfer_of(nightly, project, name="late.bam")
    page = confirm(browser, nightly, said)
    assert "Ended: 3 tokens, 1 job, 4 uploads, 1 download. The page had said: 3 tokens, 1 job, 3 uploads, 1 download." in page
    assert not Transfer.objects.running().exists()


def test_where_work_ended_meanwhile_too(amy: User, nightly: Token) -> None:
    browser = signed_in(amy)
    said = dialog(browser, nightly).context["said"]
    flows.revoke(tokens=[Job.objects.get().token], actor=actor(amy), why="revoked-by-its-owner")
    page = confirm(browser, nightly, said)
    assert "Ended: 2 tokens, 3 uploads, 1 download. The page had said: 3 tokens, 1 job, 3 uploads, 1 download." in page


def test_what_a_forged_form_had_said_is_shown_as_text_or_not_at_all(amy: User) -> None:
    browser = signed_in(amy)
    browser.post(DIALOG, {"token": [TokenFactory(user=amy).public_id], "said": "<script>alert(1)</script>"})
    raw = browser.get(LIST).content.decode()
    assert "<script>alert" not in raw
    browser.post(DIALOG, {"token": [TokenFactory(user=amy).public_id], "said": "x" * 101})
    assert "The page had said" not in browser.get(LIST).content.decode()


# The forms of credential changes


def test_the_form_names_what_the_box_would_end_with_counts(amy: User, ben: User, nightly: Token) -> None:
    job_of(ben, project_of(ben), name="bens job")
    page = texts(signed_in(amy).get("/security/password/"))
    job = Job.objects.get(name="align reads")
    assert f"Stops 3 tokens: {job.token.label}, made by nightly, nightly." in page
    assert "Stops 1 job: align reads. Stops 3 uploads: a.bam, b.bam, c.bam. Stops 1 download: ref.fa." in page
    assert "bens job" not in page


def test_without_tokens_the_form_says_that_there_is_nothing_to_stop(amy: User) -> None:
    assert "there is nothing to stop" in texts(signed_in(amy).get("/security/password/"))


def test_the_form_names_retired_logins_and_what_runs_on_them(amy: User, project: Project) -> None:
    login, text = token_and_text(user=amy, label="laptop", cli=True)
    job_of(amy, project, text, name="align reads")
    flows.retire_logins(user=amy, actor=actor(amy), why="password-changed")
    page = texts(signed_in(amy).get("/security/password/"))
    assert "Stops 2 tokens" in page
    assert "laptop" in page
    assert "Stops 1 job: align reads" in page


def test_what_the_form_named_is_what_the_change_ends(amy: User, nightly: Token) -> None:
    told = {one.noun: (one.count, one.names) for one in credentials.casualties(amy)}
    fields = {"current_password": PASSWORD, "new_password1": NEW, "new_password2": NEW, "revoke_tokens": "on"}
    assert signed_in(amy).post("/security/password/", fields)["Location"] == "/login/?why=password-changed"
    (event,) = SecurityEvent.objects.filter(event="work.ended")
    assert event.data["counts"] == {noun: count for noun, (count, _) in told.items() if noun != "token"}
    assert event.data["names"] == [name for noun, (_, names) in told.items() if noun != "token" for name in names]
    changed = SecurityEvent.objects.get(event="password.changed")
    assert {noun: changed.data["ended"].get(noun) for noun in told} == {noun: count for noun, (count, _) in told.items()}
    assert credentials.casualties(amy) == []


def test_the_dialog_that_turns_2fa_off_names_it_too(amy: User, nightly: Token) -> None:
    browser = signed_in(amy)
    turned_on(amy)
    page = texts(browser.get("/security/2fa/disable/"))
    for words in ("3 tokens", "align reads", "c.bam", "ref.fa"):
        assert words in page


# Deleting a project


def test_the_page_that_deletes_a_project_names_what_runs_in_it_and_deleting_ends_that(amy: User, ben: User, project: Project) -> None:
    ProjectMember.objects.create(project=project, user=ben, level=Level.CONTRIBUTE)
    job, own = job_of(ben, project, name="bens job")
    upload = transfer_of(token_and_text(user=amy)[0], project, name="a.bam")
    elsewhere = job_of(amy, project_of(amy), name="elsewhere")[0]
    browser = signed_in(amy)
    path = f"/projects/{project.public_id}/delete/"
    page = texts(browser.get(path))
    assert "Running in it: ends with it" in page
    assert "bens job job" in page
    assert "a.bam upload" in page
    assert "elsewhere" not in page
    assert browser.post(path).status_code == 302
    for one in (job, upload):
        one.refresh_from_db()
        assert (one.state, one.failure_reason, one.end_why, one.ended_by) == ("failed", "Terminated", "project-deleted", amy)
        assert one.project is None
        assert "its project was deleted" in one.failure_message
    assert upload.file is not None
    upload.file.refresh_from_db()
    assert upload.file.state == FileState.DROPPED
    elsewhere.refresh_from_db()
    assert elsewhere.is_running
    beat: Any = rest("POST", f"{JOBS}{job}/heartbeat/", own, {})
    assert (beat.status_code, beat.json()["code"]) == (401, "auth_error")
    assert "its project was deleted" in beat.json()["detail"]


def test_the_page_of_an_idle_project_speaks_of_no_work(amy: User, project: Project) -> None:
    job, own = job_of(amy, project)
    rest("POST", f"{JOBS}{job}/finish/", own, {})
    assert "Running in it" not in texts(signed_in(amy).get(f"/projects/{project.public_id}/delete/"))


@pytest.mark.parametrize("query", ["", "?end_work=false"])
def test_rest_deletes_no_project_in_which_something_runs_unless_it_is_said(amy: User, project: Project, query: str) -> None:
    token, text = token_and_text(user=amy)
    job, _ = job_of(amy, project, text)
    transfer_of(token, project)
    path = f"/api/v1/projects/{project.public_id}/"
    answer: Any = rest("DELETE", path + query, text)
    assert (answer.status_code, answer.json()["code"]) == (409, "project_busy")
    assert "1 job, 1 upload" in answer.json()["detail"]
    job.refresh_from_db()
    assert job.is_running
    assert rest("DELETE", f"{path}?end_work=true", text).status_code == 204
    job.refresh_from_db()
    assert (job.state, job.end_why) == ("failed", "project-deleted")
    assert not Transfer.objects.running().exists()
    assert rest("GET", path, text).status_code == 404


def test_dx_destroys_no_project_in_which_something_runs_without_terminate_jobs(amy: User, project: Project) -> None:
    text = token_and_text(user=amy)[1]
    job, _ = job_of(amy, project, text)
    path = f"/{project.public_id}/destroy"
    for body in ({}, {"terminateJobs": False}):
        answer = dx(path, body, text)
        assert (answer.status_code, answer.json()["error"]["type"]) == (422, "InvalidState")
    job.refresh_from_db()
    assert job.is_running
    assert dx(path, {"terminateJobs": True}, text).json() == {"id": project.public_id}
    job.refresh_from_db()
    assert (job.state, job.end_why) == ("failed", "project-deleted")


def test_an_idle_project_is_deleted_without_further_words(amy: User, project: Project) -> None:
    text = token_and_text(user=amy)[1]
    assert rest("DELETE", f"/api/v1/projects/{project.public_id}/", text).status_code == 204
