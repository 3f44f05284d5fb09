"""How work ends with its token: which acts end it, in one transaction, and the record that stays (S3.3, S3.4, S4.8, S5.7, JOB-02)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import credentials, reauth
from accounts import flows as account_flows
from accounts.credentials import Change
from accounts.digests import digest
from accounts.failpoints import FailpointError
from accounts.models import OutboxMail, SecurityEvent, User
from orgs.projects.models import Project
from tests.factories import PASSWORD, UserFactory, actor
from tests.projects.factories import project_of
from tests.tokens.doors import dx, rest, signed_in
from tests.tokens.factories import TokenFactory, token_and_text
from tests.twofactor.factories import code, turned_on
from tests.work.work_factories import JOBS, job_of, transfer_of
from tokens import flows
from tokens.models import EndReason, Token, TokenState
from tokens.work import endings
from tokens.work.models import File, FileState, Job, Transfer, TransferKind
from twofactor import flows as twofactor_flows

pytestmark = pytest.mark.django_db
NEW = "another staple entirely"
AUTH = {
    "job": "The job can no longer be run because a launching authentication token has been revoked or expired",
    "upload": "The upload can no longer continue (AuthError): its authentication token has been revoked or has expired",
    "download": "The download can no longer continue (AuthError): its authentication token has been revoked or has expired",
}


class Running:
    """A job, an upload and a download that one token of `user` carries, the job by a token made with it."""

    def __init__(self, user: User, project: Project | None = None, **traits: Any) -> None:
        self.project = project or project_of(user)
        self.token, self.text = token_and_text(user=user, **traits)
        self.job, self.own = job_of(user, self.project, self.text)
        self.upload = transfer_of(self.token, self.project, moved=700)
        self.download = transfer_of(self.token, self.project, TransferKind.DOWNLOAD, moved=300)

    @property
    def all(self) -> list[Job | Transfer]:
        """The three as they are now."""
        job = Job.objects.select_related("ended_by").get(pk=self.job.pk)
        return [job, *Transfer.objects.select_related("ended_by").filter(pk__in=[self.upload.pk, self.download.pk]).order_by("pk")]

    @property
    def states(self) -> set[str]:
        return {one.state for one in self.all}

    def rows(self) -> list[Any]:
        """All that an end writes."""
        ids = [self.upload.pk, self.download.pk]
        tables: tuple[Any, ...] = (Job.objects.filter(pk=self.job.pk), Transfer.objects.filter(pk__in=ids), Token.objects, File.objects)
        return [list(rows.order_by("pk").values()) for rows in tables]


def revoke(*tokens: Token, by: User | None = None, why: str = EndReason.REVOKED.value) -> Any:
    return flows.revoke(tokens=tokens, actor=actor(by or tokens[0].user), why=why)


def ended_events(user: User) -> list[SecurityEvent]:
    return list(SecurityEvent.objects.filter(event="work.ended", subject=user).order_by("pk"))


def test_job_02_a_revoke_fails_all_that_runs_on_the_token_and_says_who_when_from_where_and_why(amy: User, clock: Any) -> None:
    running = Running(amy)
    clock.shift(40)
    ended = revoke(running.token)
    assert ended.tally == "2 tokens, 1 job, 1 upload, 1 download"
    for one in running.all:
        assert (one.state, one.failure_reason, one.end_why) == ("failed", "AuthError", "revoked-by-its-owner")
        assert (one.ended_at, one.ended_by, one.ended_ip) == (timezone.now(), amy, "192.0.2.10")
        assert one.failure_message == f"{AUTH[one.noun]} (revoked by its owner)"
        assert one.seconds == 40
    assert [one.moved for one in running.all if isinstance(one, Transfer)] == [700, 300]


def test_the_file_of_an_ended_upload_is_dropped_and_that_of_a_download_stays(amy: User) -> None:
    running = Running(amy)
    assert running.upload.file is not None
    assert running.download.file is not None
    upload_id, download_id = running.upload.file.public_id, running.download.file.public_id
    revoke(running.token)
    states = dict(File.objects.values_list("public_id", "state"))
    assert (states[upload_id], states[download_id]) == (FileState.DROPPED, FileState.CLOSED)
    text = token_and_text(user=amy)[1]
    assert dx(f"/{upload_id}/describe", {}, text).status_code == 404
    assert dx(f"/{download_id}/describe", {}, text).status_code == 200
    project = {"project": running.project.public_id, "folder": "/"}
    found = dx("/system/findDataObjects", {"scope": project}, text).json()["results"]
    assert [row["id"] for row in found] == [download_id]


def test_rest_dx_and_the_page_tell_the_same_end(amy: User, clock: Any) -> None:
    running = Running(amy)
    clock.shift(40)
    revoke(running.token)
    text = token_and_text(user=amy)[1]
    browser = signed_in(amy)
    for one in running.all:
        kind = "jobs" if isinstance(one, Job) else "transfers"
        answer: Any = rest("GET", f"/api/v1/{kind}/{one}/", text)
        told = answer.json()
        assert (told["state"], told["failure_reason"], told["failure_message"]) == ("failed", "AuthError", one.failure_message)
        assert (told["ended_by"], told["ended_from"], told["end_act"]) == ("user-amy", "192.0.2.10", "revoked-by-its-owner")
        assert (told["ended"], told["seconds"]) == ("2026-11-24T12:00:40Z", 40)
        page = browser.get(f"/work/{one}/").content.decode()
        for words in ("AuthError", one.failure_message, "user-amy", "from 192.0.2.10", "revoked by its owner"):
            assert words in page
        assert {"job": "40 s", "upload": "700 B in 40 s", "download": "300 B in 40 s"}[one.noun] in page
        assert ("The partial upload is discarded" in page) == (one.noun == "upload")
    moved: Any = rest("GET", f"/api/v1/transfers/{running.upload}/", text)
    assert moved.json()["moved"] == 700
    described = dx(f"/{running.job}/describe", {}, text).json()
    assert (described["state"], described["failureReason"]) == ("failed", "AuthError")
    assert described["failureMessage"] == f"{AUTH['job']} (revoked by its owner)"


def test_a_second_revoke_changes_nothing(amy: User, clock: Any) -> None:
    running = Running(amy)
    revoke(running.token)
    before, events = running.rows(), SecurityEvent.objects.count()
    clock.shift(60)
    again = revoke(running.token, by=UserFactory())
    assert (again.tokens, again.work) == ([], [])
    assert running.rows() == before
    assert SecurityEvent.objects.count() == events


def test_what_was_done_before_keeps_its_record(amy: User, clock: Any) -> None:
    running = Running(amy)
    rest("POST", f"{JOBS}{running.job}/finish/", running.own, {"exit_code": 0})
    ends = {"state": "done", "ended_at": timezone.now(), "total": 1000}
    Transfer.objects.update(**ends)
    File.objects.filter(transfers=running.upload).update(state=FileState.CLOSED, size=1000)
    before = running.rows()
    clock.shift(60)
    assert revoke(running.token).tally == "1 token"
    after = running.rows()
    assert (after[0], after[1], after[3]) == (before[0], before[1], before[3])
    assert ended_events(amy) == []


def test_what_runs_on_other_tokens_goes_on(amy: User, ben: User) -> None:
    running, others, bens = Running(amy), Running(amy), Running(ben)
    revoke(running.token)
    assert (running.states, others.states, bens.states) == ({"failed"}, {"running"}, {"running"})


def test_the_log_of_the_person_has_one_event_with_counts_and_names(amy: User, ben: User) -> None:
    running = Running(amy)
    job_of(amy, running.project, running.text, name="zeta")
    Running(ben)
    revoke(running.token)
    (event,) = ended_events(amy)
    assert (event.actor, event.ip, event.door) == (amy, "192.0.2.10", "web")
    assert event.data["counts"] == {"job": 2, "upload": 1, "download": 1}
    assert event.data["names"] == ["align reads", "zeta", "upload.bin", "download.bin"]
    assert event.data["why"] == "revoked-by-its-owner"
    assert ended_events(ben) == []
    page = signed_in(amy).get("/security/history/").content.decode()
    assert "Running work ended" in page
    assert "2 jobs, 1 upload, 1 download: “align reads”, “zeta”, “upload.bin”, “download.bin”; revoked by its owner" in page


def test_tokens_of_two_people_that_end_in_one_act_are_told_to_each(amy: User, ben: User) -> None:
    mine, bens = Running(amy), Running(ben)
    transfer_of(bens.token, bens.project, name="bens.bam")
    ended = revoke(mine.token, bens.token, by=amy)
    assert (mine.states, bens.states) == ({"failed"}, {"failed"})
    assert [event.data["counts"] for event in ended_events(amy)] == [{"job": 1, "upload": 1, "download": 1}]
    assert [event.data["counts"] for event in ended_events(ben)] == [{"job": 1, "upload": 2, "download": 1}]
    assert "bens.bam" not in str([event.data for event in ended_events(amy)])
    assert len(ended.tokens) == 4


def test_job_02_dx_logout_ends_what_runs_on_the_login(amy: User) -> None:
    running = Running(amy, cli=True)
    answer = dx("/system/destroyAuthToken", {"tokenSignature": digest(running.text)}, running.text)
    assert answer.status_code == 200
    for one in running.all:
        assert (one.state, one.failure_reason, one.end_why, one.ended_by) == ("failed", "AuthError", "logged-out", amy)
        assert one.failure_message == f"{AUTH[one.noun]} (logged out)"
        assert one.ended_ip == "127.0.0.1"


def test_rest_revokes_and_the_executor_hears_of_it_with_its_next_heartbeat(amy: User) -> None:
    running = Running(amy)
    other = token_and_text(user=amy)[1]
    assert rest("DELETE", f"/api/v1/tokens/{running.token.public_id}/", other).status_code == 204
    assert running.states == {"failed"}
    answer: Any = rest("POST", f"{JOBS}{running.job}/heartbeat/", running.own, {})
    assert (answer.status_code, answer.json()["code"]) == (401, "auth_error")
    assert answer.json()["detail"] == f"AuthError: {AUTH['job']} (revoked by its owner)"


def test_revoking_the_token_of_the_job_alone_ends_the_job_alone(amy: User) -> None:
    running = Running(amy)
    revoke(running.job.token)
    job, upload, download = running.all
    assert (job.state, upload.state, download.state) == ("failed", "running", "running")
    running.token.refresh_from_db()
    assert running.token.state == TokenState.ACTIVE


def test_job_02_an_expired_token_ends_what_runs_on_it(amy: User, clock: Any) -> None:
    running = Running(amy, expires=timezone.now() + timedelta(minutes=5))
    others = Running(amy)
    clock.shift(299)
    assert flows.expire_due() == 0
    assert running.states == {"running"}
    clock.shift(2)
    assert flows.expire_due() == 2
    assert others.states == {"running"}
    for one in running.all:
        assert (one.state, one.failure_reason, one.end_why) == ("failed", "AuthError", "expired")
        assert (one.ended_by, one.ended_ip, one.ended_at) == (None, None, timezone.now())
        assert one.failure_message == f"{AUTH[one.noun]} (expired)"
    (event,) = ended_events(amy)
    assert (event.actor, event.data["counts"], event.data["why"]) == (None, {"job": 1, "upload": 1, "download": 1}, "expired")
    before = running.rows()
    clock.shift(10)
    assert flows.expire_due() == 0
    assert running.rows() == before


# Credential changes

Changer = Callable[[User, bool], Any]


def _announced(change: Change) -> Changer:
    def act(user: User, revoke_tokens: bool) -> Any:
        with transaction.atomic():
            locked = User.objects.lock(user.pk)
            return credentials.announce(locked, change=change, actor=actor(locked), revoke_tokens=revoke_tokens)

    return act


def _changes_password(user: User, revoke_tokens: bool) -> Any:
    proof = reauth.confirm(user=user, password=PASSWORD, answer=None, device=None, actor=actor(user))
    return account_flows.change_password(user=user, new_password=NEW, proof=proof, actor=actor(user), revoke_tokens=revoke_tokens)


def _turns_2fa_off(user: User, revoke_tokens: bool) -> Any:
    turned_on(user)
    proof = reauth.confirm(user=user, password=PASSWORD, answer=code(), device=None, actor=actor(user))
    return twofactor_flows.turn_off(user=user, proof=proof, actor=actor(user), revoke_tokens=revoke_tokens)


ACTS = [
    pytest.param(_changes_password, Change.PASSWORD, id="change_password"),
    pytest.param(_turns_2fa_off, Change.TWO_FACTOR_OFF, id="turn_off"),
    *(pytest.param(_announced(change), change, id=change.value) for change in Change),
]


@pytest.mark.parametrize(("act", "change"), ACTS)
def test_without_the_box_work_goes_on_that_of_logins_too(amy: User, act: Changer, change: Change) -> None:
    scripts, logins = Running(amy), Running(amy, cli=True)
    act(amy, False)
    assert (scripts.states, logins.states) == ({"running"}, {"running"})
    scripts.token.refresh_from_db()
    logins.token.refresh_from_db()
    assert (scripts.token.state, logins.token.state) == (TokenState.ACTIVE, TokenState.RETIRED)
    for running in (scripts, logins):
        assert rest("POST", f"{JOBS}{running.job}/heartbeat/", running.own, {"progress": 1}).status_code == 200
    assert ended_events(amy) == []


@pytest.mark.parametrize(("act", "change"), ACTS)
def test_job_02_with_the_box_all_work_of_the_person_fails_with_the_change_as_its_reason(
    amy: User, ben: User, act: Changer, change: Change
) -> None:
    scripts, logins, bens = Running(amy), Running(amy, cli=True), Running(ben)
    ended = act(amy, True)
    told = {one.noun: one.count for one in ended if one.count}
    assert {noun: told.get(noun) for noun in ("token", "job", "upload", "download")} == {"token": 4, "job": 2, "upload": 2, "download": 2}
    for one in [*scripts.all, *logins.all]:
        assert (one.state, one.failure_reason, one.end_why) == ("failed", "AuthError", change.value)
        assert (one.ended_by, one.ended_ip) == (amy, "192.0.2.10")
        assert one.failure_message == f"{AUTH[one.noun]} ({change.label})"
    assert bens.states == {"running"}
    (event,) = ended_events(amy)
    assert event.data["counts"] == {"job": 2, "upload": 2, "download": 2}


def test_the_box_ends_the_work_of_a_login_that_an_earlier_change_had_retired(amy: User) -> None:
    logins = Running(amy, cli=True)
    _announced(Change.EMAIL)(amy, False)
    assert logins.states == {"running"}
    _changes_password(User.objects.get(pk=amy.pk), True)
    assert {one.end_why for one in logins.all} == {"password-changed"}


# One transaction


@pytest.mark.parametrize("point", ["work.ended", "tokens.revoked"])
def test_job_02_a_fault_while_work_ends_undoes_the_revoke(amy: User, settings: Any, point: str) -> None:
    running = Running(amy)
    before, events = running.rows(), SecurityEvent.objects.count()
    settings.FAILPOINTS = {point: "raise"}
    with pytest.raises(FailpointError):
        revoke(running.token)
    assert running.rows() == before
    assert SecurityEvent.objects.count() == events
    settings.FAILPOINTS = {}
    revoke(running.token)
    assert running.states == {"failed"}


@pytest.mark.parametrize("act", [_changes_password, _turns_2fa_off])
def test_a_fault_while_work_ends_undoes_the_credential_change(amy: User, settings: Any, act: Changer) -> None:
    running = Running(amy)
    before = running.rows()
    settings.FAILPOINTS = {"work.ended": "raise"}
    with pytest.raises(FailpointError):
        act(amy, True)
    assert running.rows() == before
    now = User.objects.get(pk=amy.pk)
    assert (now.password, now.session_epoch) == (amy.password, amy.session_epoch)
    assert not OutboxMail.objects.exists()
    assert not SecurityEvent.objects.filter(event__in=["password.changed", "two-factor.turned-off", "work.ended"]).exists()


def test_a_fault_while_work_ends_leaves_an_expired_token_for_the_next_time(amy: User, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    running = Running(amy, expires=timezone.now() + timedelta(minutes=5))
    clock.shift(301)
    before = running.rows()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(endings, "end", fail)
    with pytest.raises(RuntimeError):
        flows.expire_due()
    assert running.rows() == before
    monkeypatch.undo()
    assert flows.expire_due() == 2
    assert running.states == {"failed"}


# However many


def _queries_of_revoking(user: User, jobs: int, transfers: int) -> int:
    project, launcher = project_of(user), TokenFactory(user=user)
    now = timezone.now()
    for number in range(jobs):
        token = TokenFactory(user=user, parent=launcher, kind="job")
        Job.objects.create(user=user, token=token, project=project, name=f"job {number}", leased_until=now)
    for number in range(transfers):
        kind = TransferKind.UPLOAD if number % 2 else TransferKind.DOWNLOAD
        transfer_of(launcher, project, kind, name=f"transfer {number}")
    with CaptureQueriesContext(connection) as captured:
        ended = revoke(launcher)
    assert len(ended.tokens) == jobs + 1
    assert sum(one.count for one in ended.work) == jobs + transfers
    assert not Job.objects.running().exists()
    assert not Transfer.objects.running().exists()
    assert not File.objects.filter(state=FileState.OPEN).exists()
    return len(captured)


def test_revoking_costs_as_many_queries_whatever_runs(amy: User) -> None:
    few = _queries_of_revoking(amy, 1, 2)
    # 20 names of each kind are told: fewer, exactly so many, and more.
    assert _queries_of_revoking(amy, 20, 40) == few
    assert _queries_of_revoking(amy, 60, 120) == few


def test_no_more_than_twenty_names_of_a_kind_are_told(amy: User) -> None:
    _queries_of_revoking(amy, 25, 2)
    (event,) = ended_events(amy)
    assert event.data["counts"] == {"job": 25, "upload": 1, "download": 1}
    assert len(event.data["names"]) == 22
