"""Which projects a dx client asks for: the filters of findProjects, and its pages (DX_PROTOCOL 5.2).

Names of filters and columns come from here alone; what the client sends is only ever a value (API-03).
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, Q

import orgs.access
from accounts.callers import Body, flag_of, text_of
from accounts.errors import InvalidInput
from orgs.projects import access, asking, globs, limits
from orgs.projects.access import HasAccess
from orgs.projects.models import Project, ProjectProperty, ProjectQuerySet, ProjectTag


def found(caller: HasAccess, body: Body) -> ProjectQuerySet:
    """Return the projects that `caller` reaches and that fit every filter of `body`. Raises InvalidInput."""
    projects = access.visible(caller)
    if (level := text_of(body, "level", required=False)) is not None:
        projects = projects.at_least(access.level_named(level))
    for condition in (build(body) for build in _FILTERS):
        projects = projects.filter(condition)
    return projects


def page(projects: ProjectQuerySet, starting: object, rows: int) -> tuple[list[Project], Any]:
    """Return up to `rows` projects in the order of names from `starting` on, and where the next page starts (None: nowhere).

    A start is the name and id of its first row, so that rows that come and go in between are neither repeated nor lost.
    """
    if starting is not None:
        name, public_id = _start(starting)
        projects = projects.filter(Q(name__gt=name) | Q(name=name, public_id__gte=public_id))
    found_rows = list(projects.by_name()[: rows + 1])
    after = found_rows[rows] if len(found_rows) > rows else None
    return found_rows[:rows], None if after is None else [after.name, after.public_id]


def _start(starting: object) -> tuple[str, str]:
    match starting:
        case [str() as name, str() as public_id]:
            return name, public_id
    raise InvalidInput(reason='"starting" must be what "next" was in the answer before')


def _named(body: Body) -> Q:
    return Q() if body.get("name") is None else globs.named("name", body["name"])


def _phi(body: Body) -> Q:
    phi = flag_of(body, "containsPHI")
    return Q() if phi is None else Q(phi=phi)


def _without(name: str) -> Callable[[Body], Q]:
    """A mark that no project here has: asking for those that have it finds none."""
    return lambda body: Q(pk__in=[]) if flag_of(body, name) else Q()


def _region(body: Body) -> Q:
    region = text_of(body, "region", required=False)
    return Q() if region in (None, limits.REGION) else Q(pk__in=[])


def _billed_to(body: Body) -> Q:
    payer = text_of(body, "billTo", required=False)
    if payer is None:
        return Q()
    if payer.startswith(orgs.access.PREFIX):
        return Q(org__handle=orgs.access.handle_of(payer))
    return Q(org=None, billed_to__username=payer.removeprefix("user-").replace("\x00", "").lower())


def _created(body: Body) -> Q:
    return asking.between(body, "created", "created")


def _tagged(body: Body) -> Q:
    condition = Q()
    for tag in asking.words(body, "tags"):
        condition &= Q(Exists(ProjectTag.objects.filter(project=OuterRef("pk"), tag=tag)))
    return condition


def _with_properties(body: Body) -> Q:
    condition = Q()
    for key, value in asking.properties(body).items():
        having = ProjectProperty.objects.filter(project=OuterRef("pk"), key=key)
        condition &= Q(Exists(having if value is True else having.filter(value=value)))
    return condition


_FILTERS: tuple[Callable[[Body], Q], ...] = (
    _named, _phi, _without("public"), _without("externalUploadRestricted"), _region, _billed_to, _created, _tagged, _with_properties,
)  # fmt: skip
