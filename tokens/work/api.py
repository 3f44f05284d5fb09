"""Scripts' and executors' door to jobs and transfers (DRF): JSON in, one act, JSON out."""

from typing import cast

from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import ConfirmationNeeded, GatehouseError, InvalidInput, StaleProof, TooManyAttempts
from accounts.rest import Answers, is_confirmed
from orgs.projects import access
from orgs.projects.api import caller_of
from orgs.projects.errors import LevelTooLow, ProjectNotFound
from tokens import errors as token_errors
from tokens import idempotency
from tokens.api import presenter_of
from tokens.caller import Caller
from tokens.work import errors, finding, flows
from tokens.work.authentication import JobAuthentication
from tokens.work.models import Job, JobState, Transfer, TransferState
from tokens.work.models.running import W, WorkQuerySet
from tokens.work.serializers import (
    BeatInput,
    BeatOutput,
    FinishInput,
    JobOutput,
    NewJobHeaders,
    NewJobInput,
    StartedOutput,
    TransferOutput,
    WorkQuery,
)

_NO_TRACE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}  # TOK-03
_START_REFUSES: list[type[GatehouseError]] = [
    ProjectNotFound, LevelTooLow, errors.JobValueRefused, errors.TooManyJobs, token_errors.ScopeRefused, token_errors.ScopeTooWide,
    token_errors.WiderThanToken, token_errors.JobTokenMakesNone, token_errors.TooManyGenerations, token_errors.TokenLimit,
    token_errors.ExpiryRefused, token_errors.KeyShapeRefused, token_errors.KeyReused, token_errors.AlreadyMade, ConfirmationNeeded,
    TooManyAttempts, StaleProof,
]  # fmt: skip
_OWN_REFUSES: list[type[GatehouseError]] = [errors.JobNotFound, errors.AuthorityEnded, errors.WorkOver]


class JobsView(GenericAPIView[Job]):
    """GET and POST /api/v1/jobs/."""

    ordering = ("-started", "-id")

    @Answers(JobOutput, many=True, query=WorkQuery, refuses=[InvalidInput, ProjectNotFound])
    def get(self, request: Request) -> Response:
        """Return the jobs that one launched, the newest first; with `?project=` those of everybody in that project."""
        caller = caller_of(request)
        jobs = Job.objects.all() if "project" in request.query_params else Job.objects.of(caller.user)
        jobs = _filtered(jobs, request, JobState.values).whole()
        return self.get_paginated_response(JobOutput.rows(finding.for_reader(job, caller) for job in self.paginate_queryset(jobs) or []))

    @Answers(StartedOutput, status=201, takes=NewJobInput, headers=NewJobHeaders, refuses=_START_REFUSES)
    def post(self, request: Request) -> Response:
        """Register a job that begins now; this answer alone has the text of its token."""
        asked = NewJobInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller, values = caller_of(request), asked.validated_data
        started = flows.start(
            caller=caller, presenter=presenter_of(request), project_id=values["project"], name=values["name"], reach=values["projects"],
            expires=values["expires"], lease_seconds=values["lease_seconds"], confirmed=is_confirmed(request), actor=caller.actor,
            once=idempotency.repeatable(request.headers.get("Idempotency-Key"), request.data),
        )  # fmt: skip
        return Response(StartedOutput.of(started), status=201, headers=_NO_TRACE)


class JobView(APIView):
    """GET and DELETE /api/v1/jobs/<id>/."""

    @Answers(JobOutput, refuses=[errors.JobNotFound])
    def get(self, request: Request, public_id: str) -> Response:
        """Return a job in a project that one reaches, running or over, with the record of its end."""
        return Response(JobOutput.of(finding.job_of(caller_of(request), public_id)))

    @Answers(JobOutput, refuses=[errors.JobNotFound, LevelTooLow, errors.WorkOver], name="jobs_terminate")
    def delete(self, request: Request, public_id: str) -> Response:
        """Terminate a job that runs, and return it; the record stays."""
        caller = caller_of(request)
        return Response(JobOutput.of(flows.terminate(caller=caller, job_id=public_id, actor=caller.actor)))


class _OfExecutor(APIView):
    """What only the job's own token does: alive, or retired, and told why where it is over."""

    authentication_classes = (JobAuthentication,)
    permission_classes = (IsAuthenticated,)

    def executor(self, request: Request) -> Caller:
        """Who asks."""
        return cast(Caller, request.auth)


class HeartbeatView(_OfExecutor):
    """POST /api/v1/jobs/<id>/heartbeat/."""

    @Answers(BeatOutput, takes=BeatInput, refuses=[*_OWN_REFUSES, errors.AccessEnded], name="jobs_heartbeat")
    def post(self, request: Request, public_id: str) -> Response:
        """Say that the executor lives, and how far the job is. 401 `auth_error` means: end it, at once."""
        asked = BeatInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller = self.executor(request)
        return Response(BeatOutput.of(flows.heartbeat(caller=caller, job_id=public_id, progress=asked.said, actor=caller.actor)))


class FinishView(_OfExecutor):
    """POST /api/v1/jobs/<id>/finish/."""

    @Answers(JobOutput, takes=FinishInput, refuses=_OWN_REFUSES, name="jobs_finish")
    def post(self, request: Request, public_id: str) -> Response:
        """Say how the job ended; its token ends with it."""
        asked = FinishInput(data=request.data)
        asked.is_valid(raise_exception=True)
        caller, values = self.executor(request), asked.validated_data
        job = flows.finish(caller=caller, job_id=public_id, exit_code=values["exit_code"], message=values["message"], actor=caller.actor)
        return Response(JobOutput.of(job))


class TransfersView(GenericAPIView[Transfer]):
    """GET /api/v1/transfers/."""

    ordering = ("-started", "-id")

    @Answers(TransferOutput, many=True, query=WorkQuery, refuses=[InvalidInput, ProjectNotFound])
    def get(self, request: Request) -> Response:
        """Return one's uploads and downloads, the newest first; a token of chosen projects sees those in them."""
        mine = Transfer.objects.of(caller_of(request).user)
        transfers = _filtered(mine, request, TransferState.values).whole().select_related("file")
        return self.get_paginated_response(TransferOutput.rows(self.paginate_queryset(transfers) or []))


class TransferView(APIView):
    """GET and DELETE /api/v1/transfers/<id>/."""

    @Answers(TransferOutput, refuses=[errors.TransferNotFound])
    def get(self, request: Request, public_id: str) -> Response:
        """Return one of one's transfers, running or over, with the record of its end."""
        return Response(TransferOutput.of(_own(request, public_id)))

    @Answers(TransferOutput, refuses=[errors.TransferNotFound, LevelTooLow, errors.WorkOver], name="transfers_end")
    def delete(self, request: Request, public_id: str) -> Response:
        """End a transfer that runs, and return it; the record stays."""
        caller, own = caller_of(request), _own(request, public_id)
        flows.end_by_hand(caller=caller, public_id=own.public_id, actor=caller.actor)
        return Response(TransferOutput.of(_own(request, public_id)))


def _own(request: Request, public_id: str) -> Transfer:
    caller = caller_of(request)
    found = (
        Transfer.objects.of(caller.user)
        .of_id(public_id)
        .filter(finding.in_reach(caller_of(request)))
        .whole()
        .select_related("file")
        .first()
    )
    if found is None:
        raise errors.TransferNotFound()
    return found


def _filtered(rows: "WorkQuerySet[W]", request: Request, states: list[str]) -> "WorkQuerySet[W]":
    asked, rows = request.query_params, rows.filter(finding.in_reach(caller_of(request)))
    if (state := asked.get("state")) is not None:
        if state not in states:
            raise InvalidInput(reason=f"There is no such state. Choose one of: {', '.join(states)}")
        rows = rows.filter(state=state)
    if (project_id := asked.get("project")) is not None:
        rows = rows.filter(project=access.find(caller_of(request), project_id))
    return rows
