"""How files and jobs are described to the dx client: fields by name, those that cost a query where they are wanted alone."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from accounts.callers import Body, fields_asked
from accounts.moments import milliseconds
from orgs.projects.limits import REGION
from orgs.projects.models import Project
from tokens.work import limits, overview, words
from tokens.work.models import FileInProject, Job, Part, PartState, WordKind

FILE_DEFAULTS = (
    "id", "class", "project", "folder", "name", "state", "hidden", "types", "tags", "links", "created", "modified", "createdBy",
    "media", "size", "length", "sponsored", "archivalState",
)  # fmt: skip
FILE_ON_REQUEST = ("properties", "details", "parts")
LARGE = frozenset({"parts", "details"})  # may be long for each file
_FILE_PREFETCHED = {"types": "marks", "tags": "marks", "properties": "properties"}

JOB_DEFAULTS = (
    "id", "class", "name", "project", "state", "executable", "executableName", "function", "originJob", "rootExecution", "parentJob",
    "parentAnalysis", "analysis", "stage", "folder", "launchedBy", "billTo", "region", "created", "modified", "startedRunning",
    "stoppedRunning", "failureReason", "failureMessage", "failureFrom", "tags", "properties", "dependsOn", "stateTransitions",
    "originalInput", "input", "runInput", "output", "details", "progress",
)  # fmt: skip
_IO = ("originalInput", "input", "runInput", "output")
GIB = 1024**3
FILE_UPLOAD_PARAMETERS = {
    "minimumPartSize": limits.MINIMUM_PART_BYTES,
    "maximumPartSize": limits.MAXIMUM_PART_BYTES,
    "maximumNumParts": limits.MAXIMUM_PARTS,
    "maximumFileSize": limits.MAXIMUM_FILE_BYTES,
    "emptyLastPartAllowed": False,
}


def project_facts(projects: list[Project], wanted: set[str]) -> dict[int, dict[str, Any]]:
    """Return what this room adds to the descriptions of projects, by the ids of their rows (settings.PROJECT_FACTS)."""
    held = overview.bytes_in(projects) if "dataUsage" in wanted else {}
    facts: dict[int, dict[str, Any]] = {}
    for project in projects:
        facts[project.pk] = {"dataUsage": held.get(project.pk, 0) / GIB}
        if "fileUploadParameters" in wanted:
            facts[project.pk]["fileUploadParameters"] = FILE_UPLOAD_PARAMETERS
    return facts


def wanted_of_file(body: Body) -> set[str]:
    """Return which fields of a file `body` asks for."""
    return fields_asked(body, default=FILE_DEFAULTS, on_request=FILE_ON_REQUEST)


def wanted_of_job(body: Body) -> set[str]:
    """Return which fields of a job `body` asks for; `"io": false` leaves input and output out."""
    wanted = fields_asked(body, default=JOB_DEFAULTS, on_request=())
    return wanted - set(_IO) if body.get("io") is False else wanted


def prefetch_files(places: list[FileInProject], wanted: Iterable[str]) -> None:
    """Fetch along what descriptions of `places` will want: a query each, however many files there are."""
    wanted = set(wanted)
    names = list(dict.fromkeys(lookup for name, lookup in _FILE_PREFETCHED.items() if name in wanted))
    prefetch_related_objects(places, *names)
    if "parts" in wanted:
        attempts = Part.objects.exclude(state=PartState.REPLACED).order_by("index", "pk")
        prefetch_related_objects(places, Prefetch("file__parts", queryset=attempts, to_attr="shown_parts"))


def of_file(place: FileInProject, wanted: set[str]) -> dict[str, Any]:
    """Return the description of a file in its project. What it needs of other tables was fetched along."""
    file = place.file
    described: dict[str, Any] = {
        "id": file.public_id,
        "class": "file",
        "project": place.project.public_id,
        "folder": place.path,
        "name": place.name,
        "state": file.state,
        "hidden": place.hidden,
        "links": [],
        "created": milliseconds(file.created),
        "modified": milliseconds(max(place.modified, file.closed_at or place.modified)),
        "createdBy": {"user": file.created_by.public_id},
        "media": file.media,
        "sponsored": False,
        "archivalState": "live",
    }
    if file.size is not None:
        described["size"] = file.size
    if wanted & {"types", "tags"}:
        described |= {"types": place.words(WordKind.TYPE), "tags": place.words(WordKind.TAG)}
    if "properties" in wanted:
        described["properties"] = {one.key: one.value for one in place.properties.all()}
    if "details" in wanted:
        described["details"] = file.details
    if "parts" in wanted:
        described["parts"] = _parts(file.shown_parts)  # type: ignore[attr-defined]  # set by prefetch_files
    return {name: value for name, value in described.items() if name in wanted}


def of_job(job: Job, wanted: set[str]) -> dict[str, Any]:
    """Return the description of a job. What has no value is left out, for null breaks the client (DX_PROTOCOL 7.3)."""
    described: dict[str, Any] = {
        "id": job.public_id,
        "class": "job",
        "name": job.name,
        "state": job.state,
        "executable": EXECUTABLE,
        "executableName": job.name,
        "function": "main",
        "originJob": job.public_id,
        "rootExecution": job.public_id,
        "parentJob": None,
        "parentAnalysis": None,
        "analysis": None,
        "stage": None,
        "folder": "/",
        "launchedBy": job.user.public_id,
        "region": REGION,
        "created": milliseconds(job.started),
        "modified": milliseconds(max(job.modified, job.ended_at or job.modified)),
        "startedRunning": milliseconds(job.started),
        "tags": [],
        "properties": {},
        "dependsOn": [],
        "stateTransitions": [{"newState": "running", "setAt": milliseconds(job.started)}],
        "originalInput": {},
        "input": {},
        "runInput": {},
        "output": None,
        "details": {},
    }
    if job.project is not None:
        described |= {"project": job.project.public_id, "billTo": job.project.owner.public_id}
    if job.progress is not None:
        described["progress"] = job.progress
    if job.ended_at is not None:
        ended = milliseconds(job.ended_at)
        described["stoppedRunning"] = ended
        described["stateTransitions"] = [*described["stateTransitions"], {"newState": job.state, "setAt": ended}]
    return {name: value for name, value in (described | _failure(job)).items() if name in wanted}


# Jobs have an executor outside and no executable; `dx find jobs` wants one to be named.
EXECUTABLE = "applet-000000000000000000000000"


def _failure(job: Job) -> dict[str, Any]:
    if not job.failure_reason:
        return {}
    message = job.failure_message if job.is_readers else words.for_others(job.failure_message)
    told = {"failureReason": job.failure_reason, "failureMessage": message}
    from_ = {"id": job.public_id, "name": job.name, "executable": EXECUTABLE, "executableName": job.name, "function": "main"}
    return {**told, "failureFrom": {**from_, **told}}


def _parts(attempts: Iterable[Part]) -> dict[str, Any]:
    """Return the parts by their index: where an attempt is whole, that one, else the latest."""
    shown: dict[str, Any] = {}
    for part in attempts:
        if shown.get(str(part.index), {}).get("state") != PartState.COMPLETE:
            shown[str(part.index)] = part.as_json()
    return shown
