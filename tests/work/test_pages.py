"""What runs, on the pages: the home page's list, the page of one piece of work, and ending it there (S5.6, S2.6, N2)."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import SecurityEvent, Session, User
from orgs.projects.models import Level, ProjectMember
from tests.conftest import WebDoor
from tests.factories import actor
from tests.projects.factories import project_of
from tests.tokens.doors import rest, signed_in
from tests.tokens.factories import TokenFactory, token_and_text
from tests.work.work_factories import JOBS, job_of, transfer_of
from tokens import flows as token_flows
from tokens.models import EndReason
from tokens.work import flows, limits
from tokens.work.models import File, FileState, Job, Transfer, TransferKind

pytestmark = pytest.mark.django_db
Browsers = Callable[[], WebDoor]
POLL = {"X-Gatehouse-Poll": "1"}


def texts(answer: Any) -> str:
    """Return a page as people read it: without tags, blanks folded."""
    assert answer.status_code == 200, answer.content
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.content.decode())).split())


def pairs(answer: Any) -> dict[str, str]:
    """Return what the page of one piece of work says, by its terms."""
    raw = answer.content.decode()
    found = re.findall(r"<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", raw, re.DOTALL)
    plain = {term: re.sub(r"</?(time|code|a)\b[^>]*>", "", text) for term, text in found}
    return {term: " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split()) for term, text in plain.items()}


# The page of a token


def test_the_page_of_a_token_shows_the_job_that_it_launched_and_then_what_ran_on_it(amy: User, ben: User) -> None:
    launcher, text = token_and_text(user=amy)
    job, own = job_of(amy, project_of(amy), text, name="align reads")
    job_of(ben, project_of(ben), name="another's job")
    browser, path = signed_in(amy), f"/profile/tokens/{launcher.public_id}/"
    assert "Running on it align reads job" in texts(browser.get(path))
    assert "Ran on it" not in texts(browser.get(path))
    rest("POST", f"{JOBS}{job}/finish/", own, {"exit_code": 2})
    page = texts(browser.get(path))
    assert "Nothing runs on it" in page
    assert "Ran on it The last of it. Each leads to who ended it, when, and from where. align reads job, failed" in page
    assert "another's job" not in page
    assert f'href="/work/{job}/"' in browser.get(path).content.decode()
    assert pairs(browser.get(f"/work/{job}/"))["By"] == "its executor from 127.0.0.1"


def test_the_history_leads_from_the_end_of_a_job_to_its_page(amy: User) -> None:
    job, own = job_of(amy, project_of(amy), name="align reads")
    rest("POST", f"{JOBS}{job}/finish/", own, {"exit_code": 2})
    assert f'<a href="/work/{job}/">See it</a>' in signed_in(amy).get("/security/history/").content.decode()


# The list


@pytest.mark.parametrize("path", ["/", "/work/running/"])
def test_what_runs_is_shown_with_its_progress_and_the_token_that_carries_it(amy: User, path: str) -> None:
    project = project_of(amy, name="Genome Atlas")
    token, text = token_and_text(user=amy, label="nightly")
    job, own = job_of(amy, project, text, name="align reads")
    rest("POST", f"{JOBS}{job}/heartbeat/", own, {"progress": 62, "note": "chromosome 14"})
    transfer_of(token, project, name="a.bam", moved=700)
    transfer_of(token, project, TransferKind.DOWNLOAD, name="ref.fa", moved=250)
    answer = signed_in(amy).get(path)
    page, raw = texts(answer), answer.content.decode()
    assert "Running work 3" in page
    for words in ("Job in Genome Atlas", "Upload to Genome Atlas", "Download from Genome Atlas", "nightly"):
        assert words in page
    assert job.token.label not in page  # people know the token that launched it
    for words in ("62 %", "chromosome 14", "700 B", "250 B of 1.0 kB"):
        assert words in page
    assert 'max="100" value="62"' in raw
    assert 'max="100" value="25"' in raw
    for work in (job, *Transfer.objects.all()):
        assert f'href="/work/{work}/"' in raw
        assert f'href="/work/{work}/end/"' in raw


@pytest.mark.parametrize("path", ["/", "/work/running/"])
def test_only_ones_own_work_is_listed_though_the_project_is_shared(amy: User, ben: User, path: str) -> None:
    project = project_of(amy)
    ProjectMember.objects.create(project=project, user=ben, level=Level.CONTRIBUTE)
    job_of(amy, project, name="amys job")
    job_of(ben, project, name="bens job")
    transfer_of(TokenFactory(user=ben), project, name="bens.bam")
    page = texts(signed_in(amy).get(path))
    assert "amys job" in page
    assert "bens" not in page


def test_with_nothing_running_the_list_says_so_and_of_the_newest_failure_why(amy: User) -> None:
    browser = signed_in(amy)
    assert "Nothing runs" in texts(browser.get("/work/running/"))
    job, own = job_of(amy, project_of(amy), name="align reads")
    rest("POST", f"{JOBS}{job}/finish/", own, {"exit_code": 2, "message": "no such file"})
    answer = browser.get("/work/running/")
    assert "Nothing runs" in texts(answer)
    assert "align reads failed" in texts(answer)
    assert "no such file" in texts(answer)
    assert f'href="/work/{job}/"' in answer.content.decode()


def test_the_last_failures_are_no_strangers_and_forgotten_after_days(amy: User, ben: User, clock: Any) -> None:
    for user in (amy, ben):
        job, own = job_of(user, project_of(user), name=f"job of {user.username}")
        rest("POST", f"{JOBS}{job}/finish/", own, {"exit_code": 2})
        clock.shift(60)
        job, own = job_of(user, project_of(user), name=f"second of {user.username}")
        rest("POST", f"{JOBS}{job}/finish/", own, {"exit_code": 3})
    page = texts(signed_in(amy).get("/work/running/"))
    assert 0 < page.index("second of amy failed") < page.index("job of amy failed")
    assert "of ben" not in page
    clock.shift(limits.FAILED_SHOWN_DAYS * 86_400)
    assert "failed" not in texts(signed_in(amy).get("/work/running/"))


def test_of_more_than_the_page_takes_it_says_how_many_there_are(amy: User) -> None:
    project, token = project_of(amy), TokenFactory(user=amy)
    for number in range(limits.RUNNING_SHOWN + 2):
        transfer_of(token, project, name=f"{number:02d}.bam")
    answer = signed_in(amy).get("/work/running/")
    assert f"Running work {limits.RUNNING_SHOWN + 2}" in texts(answer)
    assert "And 2 more" in texts(answer)
    assert answer.content.decode().count('class="work"') == limits.RUNNING_SHOWN
    assert "01.bam" not in texts(answer)


def test_names_and_notes_are_shown_as_text(amy: User) -> None:
    job, own = job_of(amy, project_of(amy), name="<script>alert(1)</script>")
    rest("POST", f"{JOBS}{job}/heartbeat/", own, {"progress": 1, "note": "<b>x</b>"})
    browser = signed_in(amy)
    for path in ("/", "/work/running/", f"/work/{job}/", f"/work/{job}/end/"):
        raw = browser.get(path).content.decode()
        assert "<script>alert" not in raw
        assert "<b>x</b>" not in raw
        assert "&lt;script&gt;alert(1)" in raw


def test_the_list_costs_as_many_queries_whatever_runs(amy: User) -> None:
    project, token = project_of(amy), TokenFactory(user=amy)
    browser = signed_in(amy)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert browser.get("/work/running/").status_code == 200
        return len(captured)

    def more(count: int) -> None:
        for _ in range(count):
            transfer_of(token, project)
            job_of(amy, project)

    more(1)
    few = queries()
    more(8)
    assert queries() == few


def test_the_home_page_polls_the_list_alone(amy: User) -> None:
    browser = signed_in(amy)
    assert 'data-poll="/work/running/"' in browser.get("/").content.decode()
    answer = browser.get("/work/running/", headers=POLL)
    assert "<html" not in answer.content.decode()
    assert "<form" not in answer.content.decode()


# Polling is no activity (S2.6)


@pytest.mark.parametrize("headers", [{}, POLL])
def test_polling_is_no_activity_and_the_session_ends_at_its_limit(amy: User, clock: Any, headers: dict[str, str]) -> None:
    browser = signed_in(amy)
    began = Session.objects.get(user=amy).last_activity
    for _ in range(7):
        clock.shift(120)
        assert browser.get("/work/running/", headers=headers).status_code == 200
        assert Session.objects.get(user=amy).last_activity == began
    clock.shift(120)
    answer = browser.get("/work/running/", headers=headers)
    assert answer.status_code == 302
    assert "why=idle" in answer["Location"]


def test_opening_a_page_is_activity(amy: User, clock: Any) -> None:
    browser = signed_in(amy)
    began = Session.objects.get(user=amy).last_activity
    clock.shift(120)
    browser.get("/")
    assert (Session.objects.get(user=amy).last_activity - began).total_seconds() == 120


# One piece of work


def test_the_page_of_running_work_says_what_it_is_and_on_which_token(amy: User) -> None:
    launcher, text = token_and_text(user=amy, label="nightly")
    job, own = job_of(amy, project_of(amy, name="Genome Atlas"), text)
    rest("POST", f"{JOBS}{job}/heartbeat/", own, {"progress": 62, "note": "chromosome 14"})
    answer = signed_in(amy).get(f"/work/{job}/")
    told = pairs(answer)
    assert (told["State"], told["Progress"], told["ID"]) == ("running", "62 % chromosome 14", job.public_id)
    assert told["Token"] == f"{job.token.label} Job token, active"
    assert told["Launched with"].startswith("nightly")
    assert "from 127.0.0.1" in told["Begun"]
    assert {"Ended", "By", "Why"}.isdisjoint(told)
    assert "Job in Genome Atlas" in texts(answer)
    assert f'href="/work/{job}/end/"' in answer.content.decode()


@pytest.mark.parametrize("kind", ["job", "upload", "download"])
def test_the_page_of_ended_work_has_the_record_who_when_from_where_by_which_act(amy: User, clock: Any, kind: str) -> None:
    launcher, text = token_and_text(user=amy, label="nightly")
    project = project_of(amy)
    work = job_of(amy, project, text)[0] if kind == "job" else transfer_of(launcher, project, TransferKind(kind), moved=18_400_000)
    clock.shift(754)
    token_flows.revoke(tokens=[launcher], actor=actor(amy, ip="198.51.100.7"), why=EndReason.REVOKED.value)
    browser = signed_in(amy)
    answer = browser.get(f"/work/{work}/")
    told = pairs(answer)
    assert told["State"] == "failed AuthError"
    assert told["Why"].endswith("(revoked by its owner)")
    assert told["Ended"] == "24 Nov 2026, 12:12 revoked by its owner"
    assert told["By"] == "user-amy from 198.51.100.7"
    used = {"job": "12 min", "upload": "18.4 MB in 12 min The partial upload is discarded.", "download": "18.4 MB in 12 min"}
    assert told["Used until then"] == used[kind]
    if kind == "job":
        assert told["Launched with"] == "nightly revoked, 24 Nov 2026, 12:12: revoked by its owner"
        assert f'href="/profile/tokens/{launcher.public_id}/"' in answer.content.decode()
    else:
        assert told["Token"].startswith("nightly")
        assert "revoked" in told["Token"]
    assert f'href="/work/{work}/end/"' not in answer.content.decode()


def test_work_that_time_ended_says_that_nobody_did(amy: User, clock: Any) -> None:
    job, _ = job_of(amy, project_of(amy))
    clock.shift(limits.LEASE_SECONDS + 1)
    flows.fail_vanished_due()
    told = pairs(signed_in(amy).get(f"/work/{job}/"))
    assert told["State"] == "failed UnresponsiveWorker"
    assert told["By"] == "time: nobody did anything"
    assert told["Ended"].endswith("its executor was not heard of")


def test_from_the_home_page_it_is_one_step_to_the_act_that_ended_a_job(amy: User) -> None:
    launcher, text = token_and_text(user=amy)
    job, _ = job_of(amy, project_of(amy), text, name="align reads")
    browser = signed_in(amy)
    token_flows.revoke(tokens=[launcher], actor=actor(amy), why=EndReason.REVOKED.value)
    raw = browser.get("/").content.decode()
    assert re.search(
        rf'align reads</b> failed.*?<a href="/work/{job}/">See why<span class="sr"> align reads failed</span></a>', raw, re.DOTALL
    )
    assert pairs(browser.get(f"/work/{job}/"))["By"] == "user-amy from 192.0.2.10"


@pytest.mark.parametrize("path", ["/work/{}/", "/work/{}/end/"])
def test_anothers_work_and_none_are_alike_404_though_the_project_is_shared(amy: User, ben: User, path: str) -> None:
    project = project_of(amy)
    ProjectMember.objects.create(project=project, user=ben, level=Level.ADMINISTER)
    theirs = [job_of(amy, project)[0], transfer_of(TokenFactory(user=amy), project)]
    browser = signed_in(ben)
    for public_id in (*map(str, theirs), "job-" + "B" * 24, "transfer-" + "B" * 24, "x", "job-%00", str(project)):
        assert browser.get(path.format(public_id)).status_code == 404
        if "end" in path:
            assert browser.post(path.format(public_id)).status_code == 404
    for one in theirs:
        one.refresh_from_db()
        assert one.is_running


def test_who_is_not_signed_in_sees_none_of_it(amy: User, client: Client) -> None:
    job, own = job_of(amy, project_of(amy))
    for path in ("/work/running/", f"/work/{job}/", f"/work/{job}/end/"):
        assert client.get(path)["Location"].startswith("/login/")
        assert client.get(path, headers={"Authorization": f"Bearer {own}"}).status_code == 401
    client.post(f"/work/{job}/end/")
    job.refresh_from_db()
    assert job.is_running


# Ending it


@pytest.mark.parametrize("kind", ["job", "upload", "download"])
def test_the_dialog_asks_and_the_click_ends_it_and_the_page_says_so(amy: User, web: WebDoor, kind: str) -> None:
    project, (token, text) = project_of(amy, name="Genome Atlas"), token_and_text(user=amy)
    work = job_of(amy, project, text)[0] if kind == "job" else transfer_of(token, project, TransferKind(kind), moved=700)
    web.sign_in(amy)
    path = f"/work/{work}/end/"
    page = texts(web.get(path))
    assert f"End this {kind}?" in page
    assert work.name in page
    assert ("The partial upload is discarded" in page) == (kind == "upload")
    work.refresh_from_db()
    assert work.is_running
    answer = web.send(path)
    assert (answer.status_code, answer["Location"]) == (302, f"/work/{work}/")
    work.refresh_from_db()
    assert work.state == ("terminated" if kind == "job" else "failed")
    assert (work.failure_reason, work.end_why) == ("Terminated", "ended-by-hand")
    assert (work.ended_by, work.ended_ip, work.failure_message) == (amy, "127.0.0.1", f"The {kind} was ended by user-amy")
    answer = web.get(f"/work/{work}/")
    assert "Ended." in texts(answer)
    assert pairs(answer)["By"] == "user-amy from 127.0.0.1"
    event = SecurityEvent.objects.get(event="work.ended")
    assert (event.subject, event.actor, event.door) == (amy, amy, "web")
    assert (event.about, event.data["counts"], event.data["names"]) == (work.public_id, {kind: 1}, [work.name])
    token.refresh_from_db()
    assert token.state == "active"
    if isinstance(work, Job):
        work.token.refresh_from_db()
        assert (work.token.state, work.token.end_why) == ("revoked", "ended-by-hand")
    elif kind == "upload":
        assert File.objects.get().state == FileState.DROPPED


def test_the_second_click_says_that_it_was_over_and_changes_nothing(amy: User, browsers: Browsers) -> None:
    job, own = job_of(amy, project_of(amy))
    upload = transfer_of(TokenFactory(user=amy), project_of(amy))
    here, there = browsers().sign_in(amy), browsers().sign_in(amy)
    for work in (job, upload):
        path = f"/work/{work}/end/"
        page = there.get(path)
        here.send(path)
        before = type(work).objects.filter(pk=work.pk).values().get()
        answer = there.post(path, {"csrfmiddlewaretoken": str(page.context["csrf_token"])})
        assert (answer.status_code, answer["Location"]) == (302, f"/work/{work}/")
        assert "It had ended already. Nothing was changed." in texts(there.get(answer["Location"]))
        assert type(work).objects.filter(pk=work.pk).values().get() == before
        assert there.get(path)["Location"] == f"/work/{work}/"
        assert SecurityEvent.objects.filter(event="work.ended", about=work.public_id).count() == 1


def test_a_job_that_finished_while_the_dialog_was_open_stays_done(amy: User, web: WebDoor) -> None:
    job, own = job_of(amy, project_of(amy))
    page = web.sign_in(amy).get(f"/work/{job}/end/")
    rest("POST", f"{JOBS}{job}/finish/", own, {})
    web.post(f"/work/{job}/end/", {"csrfmiddlewaretoken": str(page.context["csrf_token"])})
    job.refresh_from_db()
    assert (job.state, job.failure_reason) == ("done", "")


def test_ending_wants_the_forms_csrf_token_and_a_post(amy: User, web: WebDoor) -> None:
    job, _ = job_of(amy, project_of(amy))
    web.sign_in(amy).get(f"/work/{job}/end/")
    assert web.post(f"/work/{job}/end/").status_code == 403
    assert web.post(f"/work/{job}/").status_code == 405
    job.refresh_from_db()
    assert job.is_running


def test_the_page_of_a_token_and_the_tab_show_what_runs_on_it(amy: User) -> None:
    token, text = token_and_text(user=amy, label="nightly")
    project = project_of(amy)
    upload = transfer_of(token, project, name="a.bam", moved=700)
    browser = signed_in(amy)
    for path in ("/profile/tokens/", f"/profile/tokens/{token.public_id}/"):
        answer = browser.get(path)
        assert "a.bam" in texts(answer)
    assert f"/work/{upload}/" in browser.get(f"/profile/tokens/{token.public_id}/").content.decode()
