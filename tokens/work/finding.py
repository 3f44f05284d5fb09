"""Which files and jobs a caller asks for: by id, by the filters of findDataObjects and findExecutions, page by page.

Names of filters and columns come from here alone; what the client sends is only ever a value (API-03).
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.core.signing import BadSignature, Signer
from django.db.models import Exists, Model, OuterRef, Q, QuerySet

from accounts.callers import Body, mapping_of, text_of, texts_of
from accounts.errors import GatehouseError, InvalidInput
from accounts.ids import is_public_id
from orgs.projects import access, asking, globs, limits, spelling
from orgs.projects.access import HasAccess
from orgs.projects.models import Level, Project
from tokens.work import words
from tokens.work.errors import AccessEnded, AuthorityEnded, FileNotFound, JobNotFound
from tokens.work.models import File, FileInProject, FileProperty, FileState, FileWord, Job, JobState, Reason, Transfer, WordKind
from tokens.work.models.files import FileInProjectQuerySet
from tokens.work.models.running import WorkQuerySet

M = TypeVar("M", bound=Model)
_starts = Signer(salt="tokens.work.starting")


def places(caller: HasAccess) -> FileInProjectQuerySet:
    """Return the files in the projects that `caller` reaches."""
    return FileInProject.objects.reached_in(access.visible(caller)).whole()


def place_of(caller: HasAccess, file_id: str, *, hint: str | None = None) -> FileInProject:
    """Return a file that `caller` reaches, in the project of the hint if it stands there. Raises FileNotFound."""
    found = list(places(caller).of_id(file_id).order_by("pk"))
    if not found:
        raise FileNotFound()
    return next((place for place in found if place.project.public_id == hint), found[0])


def levels_of(caller: HasAccess, file_id: str) -> dict[str, str]:
    """Return the caller's level in each of their projects where the file stands, by the ids of the projects."""
    standing = FileInProject.objects.standing().of_id(file_id).order_by().values("project")
    return {project.public_id: project.level_label for project in access.visible(caller).filter(pk__in=standing).by_name()}


def files_of_id(file_id: str) -> QuerySet[File]:
    """Return the file of this id, if it can be one at all; whoever may see it."""
    return File.objects.filter(public_id=file_id) if is_public_id(file_id, "file") else File.objects.none()


def ids_among(texts: Iterable[str]) -> list[str]:
    """Return those of `texts` that can be ids of files: a database would stumble over some others."""
    return [text for text in texts if is_public_id(text, "file")]


def ended_error(transfer: Transfer) -> GatehouseError:
    """Return the refusal with which a transfer that was ended goes on being answered."""
    kind = AccessEnded if transfer.failure_reason == Reason.ACCESS else AuthorityEnded
    return kind(reason=transfer.failure_message or words.over(transfer))


def found_files(caller: HasAccess, body: Body) -> FileInProjectQuerySet:
    """Return the files that `caller` reaches and that fit every filter of `body`, in the order of their making."""
    rows = FileInProject.objects.standing().filter(project__in=_projects(caller, body).order_by().values("pk"))
    rows = _scoped(rows, body)
    for condition in (build(body) for build in _FILE_FILTERS):
        rows = rows.filter(condition)
    return rows.whole().order_by("pk")


def found_jobs(caller: HasAccess, body: Body) -> "WorkQuerySet[Job]":
    """Return the jobs in the projects that `caller` reaches and that fit every filter of `body`, the newest first."""
    rows = Job.objects.filter(project__in=access.visible(caller).order_by().values("pk"))
    if (project_id := text_of(body, "project", required=False)) is not None:
        rows = rows.filter(project=access.find(caller, project_id))
    for condition in (build(body) for build in _JOB_FILTERS):
        rows = rows.filter(condition)
    return rows.whole().order_by("-pk")


def in_reach(caller: HasAccess) -> Q:
    """Return which work `caller` sees: that in projects they reach, and where no chosen projects narrow them all of their own."""
    reached = Q(project__in=access.visible(caller).order_by().values("pk"))
    return reached | Q(user=caller.user) if caller.reads_account else reached


def job_of(caller: HasAccess, job_id: str) -> Job:
    """Return a job that `caller` sees: in a project that they reach, or their own. Raises JobNotFound."""
    job = Job.objects.of_id(job_id).filter(in_reach(caller)).whole().first()
    if job is None:
        raise JobNotFound()
    return for_reader(job, caller)


def for_reader(job: Job, caller: HasAccess) -> Job:
    """Return `job`, with a note whether it is the reader's own: others are not told addresses, tokens, and by which act it ended."""
    job.is_readers = job.user_id == caller.user.pk
    return job


def page(rows: "QuerySet[M]", starting: object, size: int, *, newest_first: bool = False) -> tuple[list[M], str | None]:
    """Return up to `size` of `rows` (ordered by their age) from `starting` on, and where the next page starts (None: nowhere)."""
    if starting is not None:
        key = _start(starting)
        rows = rows.filter(pk__lte=key) if newest_first else rows.filter(pk__gte=key)
    found = list(rows[: size + 1])
    return found[:size], _starts.sign_object(found[size].pk) if len(found) > size else None


def _start(starting: object) -> int:
    try:
        key = _starts.unsign_object(starting) if isinstance(starting, str) else None
    except (BadSignature, ValueError):
        key = None
    if not isinstance(key, int):
        raise InvalidInput(reason='"starting" must be what "next" was in the answer before')
    return key


def _projects(caller: HasAccess, body: Body) -> QuerySet[Project]:
    projects = access.visible(caller)
    if (level := text_of(body, "level", required=False)) is not None:
        projects = projects.at_least(access.level_named(level))
    project_id = text_of(mapping_of(body, "scope"), "project", required=False)
    return projects if project_id is None else projects.filter(pk=access.find(caller, project_id, Level.VIEW).pk)


def _scoped(rows: FileInProjectQuerySet, body: Body) -> FileInProjectQuerySet:
    scope = mapping_of(body, "scope")
    folder = spelling.clean_path(text_of(scope, "folder", required=False) or "/")
    return rows.inside(folder) if scope.get("recurse") is False else rows.below(folder)


def _listed(asked: Any) -> list[Any]:
    """Return what may be said as one value or as a list of them, as a list."""
    return asked if isinstance(asked, list) else [asked]


def _of_class(body: Body) -> Q:
    return Q() if body.get("class") in (None, "file", "any") else Q(pk__in=[])


def _in_state(body: Body) -> Q:
    state = text_of(body, "state", required=False)
    if state in (None, "any"):
        return Q()
    return Q(file__state=state) if state in (FileState.OPEN, FileState.CLOSED) else Q(pk__in=[])


def _visible(body: Body) -> Q:
    visibility = text_of(body, "visibility", required=False) or "visible"
    if visibility not in ("visible", "hidden", "either"):
        raise InvalidInput(reason='"visibility" must be "visible", "hidden" or "either"')
    return Q() if visibility == "either" else Q(hidden=visibility == "hidden")


def _named(body: Body) -> Q:
    return Q() if body.get("name") is None else globs.named("name", body["name"])


def _of_ids(body: Body) -> Q:
    asked = body.get("id")
    if asked is None:
        return Q()
    return Q(file__public_id__in=ids_among(texts_of({"id": [asked] if isinstance(asked, str) else asked}, "id")))


def _linked(body: Body) -> Q:
    """No file here links to another."""
    return Q() if body.get("link") is None else Q(pk__in=[])


def _archived(body: Body) -> Q:
    return Q() if body.get("archivalState") in (None, "live", "any") else Q(pk__in=[])


def _in_region(body: Body) -> Q:
    asked = body.get("region")
    return Q() if asked is None or limits.REGION in _listed(asked) else Q(pk__in=[])


def _worded(name: str, kind: WordKind) -> Callable[[Body], Q]:
    def build(body: Body) -> Q:
        condition = Q()
        for word in asking.words(body, name):
            condition &= Q(Exists(FileWord.objects.filter(place=OuterRef("pk"), kind=kind, word=word)))
        return condition

    return build


def _with_properties(body: Body) -> Q:
    condition = Q()
    for key, value in asking.properties(body).items():
        having = FileProperty.objects.filter(place=OuterRef("pk"), key=key)
        condition &= Q(Exists(having if value is True else having.filter(value=value)))
    return condition


def _between(name: str, column: str) -> Callable[[Body], Q]:
    return lambda body: asking.between(body, name, column)


_FILE_FILTERS: tuple[Callable[[Body], Q], ...] = (
    _of_class, _in_state, _visible, _named, _of_ids, _linked, _archived, _in_region, _worded("tags", WordKind.TAG),
    _worded("tag", WordKind.TAG), _worded("type", WordKind.TYPE), _with_properties, _between("created", "created"),
    _between("modified", "modified"),
)  # fmt: skip


def _is_job(body: Body) -> Q:
    return Q() if body.get("class") in (None, "job", "any") else Q(pk__in=[])


def _job_in_state(body: Body) -> Q:
    asked = body.get("state")
    if asked is None:
        return Q()
    return Q(state__in=[state for state in _listed(asked) if state in JobState.values])


def _launched_by(body: Body) -> Q:
    asked = body.get("launchedBy")
    if asked is None:
        return Q()
    return Q(user__username__in=[who.removeprefix("user-") for who in _listed(asked) if isinstance(who, str) and who.isprintable()])


def _top_level(body: Body) -> Q:
    """Every job here is its own origin and root, and has no parent."""
    condition = Q() if body.get("parentJob") is None else Q(pk__in=[])
    for name in ("originJob", "rootExecution", "id"):
        asked = body.get(name)
        if asked is not None:
            ids = texts_of({name: [asked] if isinstance(asked, str) else asked}, name)
            condition &= Q(public_id__in=[one for one in ids if is_public_id(one, "job")])
    return condition


def _unknown_to_jobs(body: Body) -> Q:
    """No job here has an executable, tags or properties: asking for those that have finds none."""
    return Q(pk__in=[]) if any(body.get(name) for name in ("executable", "tags", "properties", "parentAnalysis")) else Q()


_JOB_FILTERS: tuple[Callable[[Body], Q], ...] = (
    _is_job, _job_in_state, _named, _launched_by, _top_level, _unknown_to_jobs, _between("created", "started"),
)  # fmt: skip
