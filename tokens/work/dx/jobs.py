"""Jobs, as the dx client shows and steers them; it registers none (DX_PROTOCOL 7)."""

from typing import Any

from accounts.callers import Body, require_few, whole_of
from accounts.errors import InvalidInput
from orgs.projects.access import HasAccess
from tokens.work import finding, flows, limits
from tokens.work.dx import descriptions
from tokens.work.dx.objects import asked_of_description
from tokens.work.errors import JobNotFound
from tokens.work.models import Job


def describe(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Return the description of a job in a project that the caller reaches."""
    return descriptions.of_job(finding.job_of(caller, entity_id), descriptions.wanted_of_job(body))


def terminate(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """End a job that runs."""
    return {"id": flows.terminate(caller=caller, job_id=entity_id, actor=caller.actor).public_id}


def find_executions(caller: HasAccess, body: Body) -> dict[str, Any]:
    """Return one page of jobs, the newest first. There are no analyses here."""
    size = whole_of(body, "limit", default=limits.FIND_DEFAULT_ROWS, least=1, most=limits.FIND_MAX_ROWS)
    jobs, following = finding.page(finding.found_jobs(caller, body), body.get("starting"), size, newest_first=True)
    asked = asked_of_description(body.get("describe"))
    if asked is None:
        return {"results": [{"id": job.public_id} for job in jobs], "next": following}
    wanted = descriptions.wanted_of_job(asked)
    described = [(job, descriptions.of_job(finding.for_reader(job, caller), wanted)) for job in jobs]
    return {"results": [{"id": job.public_id, "describe": told} for job, told in described], "next": following}


def describe_executions(caller: HasAccess, body: Body) -> dict[str, Any]:
    """Return for each id its description, or the error that describing it alone would give."""
    asked = body.get("executions")
    if not isinstance(asked, list) or not all(isinstance(one, str) for one in asked):
        raise InvalidInput(reason='"executions" must be a list of ids')
    require_few(asked, "executions")
    found = {job.public_id: finding.for_reader(job, caller) for job in finding.found_jobs(caller, {"id": asked})}
    wanted = descriptions.wanted_of_job({})
    return {"results": [_described(found.get(one), wanted) for one in asked]}


def _described(job: Job | None, wanted: set[str]) -> dict[str, Any]:
    if job is None:
        missing = JobNotFound()
        return {"error": {"type": missing.dx_type, "message": str(missing)}}
    return {"describe": descriptions.of_job(job, wanted)}


ROUTES = {
    "job-{id}/describe": describe,
    "job-{id}/terminate": terminate,
    "system/findExecutions": find_executions,
    "system/findJobs": find_executions,
    "system/describeExecutions": describe_executions,
}
