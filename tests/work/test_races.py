"""Work and the end of its token at the same moment: never a running row under a dead token, one end of each (JOB-01, JOB-09)."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from accounts.errors import GatehouseError
from accounts.models import SecurityEvent, User
from orgs.projects import flows as project_flows
from orgs.projects.models import Project
from tests.conftest import Race
from tests.factories import UserFactory, actor
from tests.projects.factories import person as signed_in
from tests.projects.factories import project_of
from tests.tokens.factories import TokenFactory
from tests.work.work_factories import transfer_of
from tokens import flows as token_flows
from tokens import minting
from tokens.caller import Caller
from tokens.errors import DeadToken
from tokens.flows import ending as token_ending
from tokens.models import EndReason, Token, TokenState
from tokens.work import authority, flows
from tokens.work.errors import AuthorityEnded, JobNotFound, WorkOver
from tokens.work.flows import uploading
from tokens.work.models import File, FileState, Job, Part, PartState, Reason, Transfer, TransferKind, TransferState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]
MD5 = "d41d8cd98f00b204e9800998ecf8427e"
PATIENCE = 0.3  # for how long something is watched not to happen
Starter = Callable[[Token, Project], Callable[[], Any]]


def rounds() -> int:
    """How often a race with an open end is run, for each of the four beginnings."""
    return 50 if connection.vendor == "postgresql" else 5


def caller_of(token: Token) -> Caller:
    return Caller(Token.objects.select_related("user").get(pk=token.pk), request=RequestFactory().get("/"), door="dx")


def person() -> tuple[User, Token, Project]:
    user = UserFactory()
    return user, TokenFactory(user=user), project_of(user)


def revoke(token: Token) -> Any:
    return token_flows.revoke(tokens=[token], actor=actor(token.user), why=EndReason.REVOKED.value)


def _job(token: Token, project: Project) -> Callable[[], Any]:
    caller = caller_of(token)
    return lambda: flows.start(
        caller=caller, presenter=caller.token, project_id=project.public_id, name="align", actor=actor(token.user)
    ).job  # fmt: skip


def _upload(token: Token, project: Project) -> Callable[[], Any]:
    caller = caller_of(token)
    new = flows.NewFile(name="a.bam")
    return lambda: flows.create_file(caller=caller, project_id=project.public_id, new=new, actor=actor(token.user))


def _part(token: Token, project: Project) -> Callable[[], Any]:
    caller, file = caller_of(token), transfer_of(token, project).file
    assert file is not None
    return lambda: flows.begin_part(token=caller.token, file=file, index=1, size=5, md5=MD5, actor=actor(token.user))


def _download(token: Token, project: Project) -> Callable[[], Any]:
    caller = caller_of(token)
    file = transfer_of(TokenFactory(user=token.user), project, TransferKind.DOWNLOAD).file
    assert file is not None
    return lambda: flows.begin_download(
        caller=caller, file_id=file.public_id, project_hint=None, by_link=False, actor=actor(token.user)
    )  # fmt: skip


STARTS = [
    pytest.param(_job, "job", id="job"),
    pytest.param(_upload, "transfer", id="upload"),
    pytest.param(_part, "part", id="part"),
    pytest.param(_download, "transfer", id="download"),
]


def require_nothing_runs_on(token: Token, answer: Any, kind: str) -> None:
    """Fail where anything runs, or can go on, under this dead token; `answer` is what the start gave."""
    dead = [TokenState.REVOKED, TokenState.EXPIRED, TokenState.RETIRED]
    assert not Job.objects.running().filter(token__state__in=dead).exists()
    assert not Transfer.objects.running().filter(token__state__in=dead).exists()
    assert not File.objects.filter(state=FileState.OPEN).exists()
    assert not Token.objects.live().filter(parent=token).exists()
    if isinstance(answer, Exception):
        assert isinstance(answer, DeadToken | AuthorityEnded), repr(answer)
        assert not Part.objects.exists()
        assert not Job.objects.exists()
    else:
        rows: list[Job | Transfer] = list(Job.objects.all()) if kind == "job" else list(Transfer.objects.filter(token=token))
        assert [(row.state, row.failure_reason) for row in rows] == [("failed", "AuthError")]


def clear() -> None:
    for table in (Job, Transfer, Part, File):
        table.objects.all().delete()


@pytest.mark.parametrize(("start", "kind"), STARTS)
def test_job_01_what_begins_while_its_token_is_revoked_ends_with_it_or_does_not_begin(race: Race, start: Starter, kind: str) -> None:
    for number in range(rounds()):
        clear()
        _, token, project = person()
        begin = start(token, project)

        def act(runner: int, token: Token = token, begin: Callable[[], Any] = begin, number: int = number) -> Any:
            # Either has a head start by turns, some queries long, so that both orders come.
            for _ in range(number % 4 if (number + runner) % 2 else 0):
                Token.objects.count()
            return begin() if runner == 0 else revoke(token)

        answer, ended = race(2, act)
        assert not isinstance(ended, Exception), repr(ended)
        require_nothing_runs_on(token, answer, kind)


@pytest.mark.parametrize(("start", "kind"), STARTS)
def test_job_01_while_a_revoke_is_under_way_nothing_begins_and_after_it_nothing_can(
    race: Race, monkeypatch: pytest.MonkeyPatch, start: Starter, kind: str
) -> None:
    clear()
    _, token, project = person()
    begin, inside, over, early = start(token, project), threading.Event(), threading.Event(), []

    def hook(name: str) -> None:
        if name == "tokens.revoked":
            inside.set()
            early.append(over.wait(PATIENCE))

    monkeypatch.setattr(token_ending, "failpoint", hook)

    def act(runner: int) -> Any:
        if runner == 1:
            return revoke(token)
        assert inside.wait(30)
        try:
            return begin()
        finally:
            over.set()

    answer, ended = race(2, act)
    assert not isinstance(ended, Exception), repr(ended)
    assert isinstance(answer, DeadToken | AuthorityEnded), repr(answer)
    assert early == [False]
    require_nothing_runs_on(token, answer, kind)


@pytest.mark.parametrize(("start", "kind"), STARTS)
def test_job_01_a_revoke_waits_for_what_is_just_beginning_and_then_ends_it(
    race: Race, monkeypatch: pytest.MonkeyPatch, start: Starter, kind: str
) -> None:
    clear()
    _, token, project = person()
    begin, inside, over, early = start(token, project), threading.Event(), threading.Event(), []

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def hold(*args: Any, **kwargs: Any) -> Any:
            held = original(*args, **kwargs)
            inside.set()
            early.append(over.wait(PATIENCE))
            return held

        return hold

    for module, name in ((minting, "require_still_allowed"), (authority, "hold_live"), (authority, "hold_for_own")):
        monkeypatch.setattr(module, name, watched(getattr(module, name)))

    def act(runner: int) -> Any:
        if runner == 0:
            return begin()
        assert inside.wait(30)
        try:
            return revoke(token)
        finally:
            over.set()

    answer, ended = race(2, act)
    assert not isinstance(answer, Exception), repr(answer)
    assert not isinstance(ended, Exception), repr(ended)
    assert early == [False]
    assert sum(one.count for one in ended.work) == 1
    require_nothing_runs_on(token, answer, kind)


def _started(project: Project, token: Token) -> Job:
    return _job(token, project)()  # type: ignore[no-any-return]


@pytest.mark.parametrize("other", ["revoke", "finish", "terminate"])
def test_job_09_a_job_that_finishes_while_something_else_ends_it_has_one_end(race: Race, other: str) -> None:
    for number in range(rounds() // 2):
        user, token, project = person()
        job = _started(project, token)
        own = caller_of(job.token)

        def end(job: Job = job, own: Caller = own, token: Token = token) -> Any:
            if other == "revoke":
                return revoke(token)
            if other == "terminate":
                return flows.terminate(caller=caller_of(token), job_id=job.public_id, actor=actor(token.user))
            return flows.finish(caller=own, job_id=job.public_id, exit_code=1, message="", actor=actor(token.user))

        def act(runner: int, job: Job = job, own: Caller = own, end: Callable[[], Any] = end, number: int = number) -> Any:
            for _ in range(number % 4 if (number + runner) % 2 else 0):
                Token.objects.count()
            if runner == 1:
                return end()
            return flows.finish(caller=own, job_id=job.public_id, exit_code=0, message="", actor=actor(own.user))

        finished, ended = race(2, act)
        job.refresh_from_db()
        job.token.refresh_from_db()
        assert job.token.state == TokenState.REVOKED
        told = SecurityEvent.objects.filter(event="work.ended", subject=user).count()
        if job.state == "done":
            assert isinstance(finished, Job), repr(finished)
            assert (job.failure_reason, job.ended_by, told) == ("", None, 0)
            if other == "revoke":
                assert [one for one in ended.work if one.noun == "job"] == []
            else:
                assert isinstance(ended, WorkOver), repr(ended)
        else:
            assert isinstance(finished, AuthorityEnded | WorkOver | JobNotFound), repr(finished)
            assert not isinstance(ended, Exception), repr(ended)
            ends = {"revoke": (Reason.AUTH, EndReason.REVOKED), "terminate": (Reason.ENDED, EndReason.ENDED)}
            assert (job.failure_reason, job.end_why) == ends.get(other, (Reason.APP, EndReason.JOB))
            assert told == (0 if other == "finish" else 1)


def test_job_09_a_heartbeat_while_its_token_is_revoked_leaves_the_end_alone(race: Race) -> None:
    for _ in range(rounds() // 2):
        _, token, project = person()
        job = _started(project, token)
        own = caller_of(job.token)

        def act(runner: int, job: Job = job, own: Caller = own, token: Token = token) -> Any:
            if runner == 1:
                return revoke(token)
            progress = flows.Progress(percent=50, note="half")
            return flows.heartbeat(caller=own, job_id=job.public_id, progress=progress, actor=actor(own.user))

        beaten, ended = race(2, act)
        assert not isinstance(ended, Exception), repr(ended)
        assert isinstance(beaten, Job | WorkOver | AuthorityEnded), repr(beaten)
        job.refresh_from_db()
        assert (job.state, job.failure_reason) == ("failed", "AuthError")
        assert job.progress == (50 if isinstance(beaten, Job) else None)


def _vanished(count: int) -> list[Job]:
    _, token, project = person()
    jobs = [_started(project, token) for _ in range(count)]
    Job.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
    return jobs


def test_two_workers_that_fail_vanished_jobs_at_once_fail_each_once(race: Race) -> None:
    for _ in range(rounds() // 5):
        clear()
        jobs = _vanished(3)
        counts = race(2, lambda _: flows.fail_vanished_due())
        assert all(isinstance(count, int) for count in counts), counts
        assert sum(counts) == 3
        assert {(job.state, job.failure_reason) for job in Job.objects.all()} == {("failed", "UnresponsiveWorker")}
        assert not Token.objects.live().filter(kind="job").exists()
        told = SecurityEvent.objects.filter(event="work.ended", about__in=[job.public_id for job in jobs])
        assert sorted(told.values_list("about", flat=True)) == sorted(job.public_id for job in jobs)


def test_a_worker_and_a_revoke_at_once_give_vanished_jobs_one_end_each(race: Race) -> None:
    for _ in range(rounds() // 5):
        clear()
        jobs = _vanished(2)
        launcher = jobs[0].token.parent
        assert launcher is not None

        def act(runner: int, launcher: Token = launcher) -> Any:
            return flows.fail_vanished_due() if runner == 0 else revoke(launcher)

        counts = race(2, act)
        assert not [one for one in counts if isinstance(one, Exception)], counts
        reasons = set(Job.objects.values_list("failure_reason", flat=True))
        assert reasons in ({"AuthError"}, {"UnresponsiveWorker"})
        assert counts[0] == (2 if reasons == {"UnresponsiveWorker"} else 0)
        assert not Token.objects.live().filter(pk__in=[job.token_id for job in jobs]).exists()


# The last act of an upload


def _open_upload(token: Token, project: Project) -> File:
    file = transfer_of(token, project).file
    assert file is not None
    Part.objects.create(file=file, index=1, size=5, md5=MD5, state=PartState.COMPLETE)
    return file


def require_whole_or_dropped(file: File, closed: Any) -> None:
    """Fail unless file and transfer tell the same: closed and done, or dropped and failed."""
    file.refresh_from_db()
    upload = Transfer.objects.get(file=file)
    if isinstance(closed, Exception):
        assert isinstance(closed, GatehouseError), repr(closed)
        assert (file.state, file.size, upload.state) == (FileState.DROPPED, None, TransferState.FAILED)
    else:
        assert (file.state, file.size, upload.state, upload.failure_reason) == (FileState.CLOSED, 5, TransferState.DONE, "")


def _end_by_revoke(token: Token, project: Project, file: File) -> Any:
    revoke(token)


def _end_by_hand(token: Token, project: Project, file: File) -> Any:
    with suppress(WorkOver):
        flows.end_by_hand(caller=signed_in(token.user), public_id=Transfer.objects.get(file=file).public_id, actor=actor(token.user))


def _end_with_project(token: Token, project: Project, file: File) -> Any:
    project_flows.destroy(caller=signed_in(token.user), project_id=project.public_id, end_work=True, actor=actor(token.user))


@pytest.mark.parametrize("end", [_end_by_revoke, _end_by_hand, _end_with_project])
def test_an_upload_that_is_closed_while_it_is_ended_is_whole_or_dropped(race: Race, end: Callable[..., Any]) -> None:
    for number in range(rounds()):
        _, token, project = person()
        file = _open_upload(token, project)

        def act(runner: int, token: Token = token, project: Project = project, file: File = file, number: int = number) -> Any:
            for _ in range(number % 4 if (number + runner) % 2 else 0):
                Token.objects.count()
            return flows.close(token=token, file=file, actor=actor(token.user)) if runner == 0 else end(token, project, file)

        closed, ended = race(2, act)
        assert ended is None, repr(ended)
        require_whole_or_dropped(file, closed)


def test_an_upload_that_is_closed_while_its_token_is_revoked_is_whole_or_dropped(race: Race) -> None:
    for number in range(rounds()):
        _, token, project = person()
        file = _open_upload(token, project)

        def act(runner: int, token: Token = token, file: File = file, number: int = number) -> Any:
            for _ in range(number % 4 if (number + runner) % 2 else 0):
                Token.objects.count()
            return flows.close(token=token, file=file, actor=actor(token.user)) if runner == 0 else revoke(token)

        closed, ended = race(2, act)
        assert not isinstance(ended, Exception), repr(ended)
        assert sum(one.count for one in ended.work) == isinstance(closed, Exception)
        require_whole_or_dropped(file, closed)


@pytest.mark.parametrize("point", ["work.closing", "work.closed"])
def test_a_revoke_waits_for_an_upload_that_is_just_closing_and_comes_too_late(
    race: Race, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    _, token, project = person()
    file = _open_upload(token, project)
    inside, over, early = threading.Event(), threading.Event(), []

    def hook(name: str) -> None:
        if name == point:
            inside.set()
            early.append(over.wait(PATIENCE))

    monkeypatch.setattr(uploading, "failpoint", hook)

    def act(runner: int) -> Any:
        if runner == 0:
            return flows.close(token=token, file=file, actor=actor(token.user))
        assert inside.wait(30)
        try:
            return revoke(token)
        finally:
            over.set()

    closed, ended = race(2, act)
    assert isinstance(closed, File), repr(closed)
    assert not isinstance(ended, Exception), repr(ended)
    assert ended.work == []
    assert early == [False]
    require_whole_or_dropped(file, closed)
