"""Many objects at once: found by filters, resolved by name, described by id (DX_PROTOCOL 6.6)."""

from typing import Any

from accounts.callers import Body, mapping_of, require_few, text_of, whole_of
from accounts.errors import InvalidInput
from orgs.projects.access import HasAccess
from tokens.work import finding, limits
from tokens.work.dx import descriptions
from tokens.work.errors import FileNotFound
from tokens.work.models import FileInProject

RESOLVED_MOST = 100  # a query each


def find_data_objects(caller: HasAccess, body: Body) -> dict[str, Any]:
    """Return one page of the objects that the caller reaches and that fit the filters, in the order of their making."""
    size = whole_of(body, "limit", default=limits.FIND_DEFAULT_ROWS, least=1, most=limits.FIND_MAX_ROWS)
    asked = asked_of_description(body.get("describe"))
    wanted = None if asked is None else descriptions.wanted_of_file(asked)
    if wanted and wanted & descriptions.LARGE:
        size = min(size, limits.LARGE_ROWS)  # a page may hold fewer rows than it was asked for
    places, following = finding.page(finding.found_files(caller, body), body.get("starting"), size)
    if wanted is not None:
        descriptions.prefetch_files(places, wanted)
    return {"results": [_row(place, wanted) for place in places], "next": following}


def resolve_data_objects(caller: HasAccess, body: Body) -> dict[str, Any]:
    """Return for each name (in its project and folder) the objects that it means, in the order asked."""
    results = []
    for one in _listed(body, RESOLVED_MOST):
        asked = one if isinstance(one, dict) else {"name": one}
        scope = {"project": asked.get("project") or body.get("project"), "folder": asked.get("folder") or "/", "recurse": False}
        found = finding.found_files(caller, {"name": text_of(asked, "name"), "scope": scope, "visibility": "either"})
        results.append([_row(place, None) for place in found[: limits.FIND_DEFAULT_ROWS]])
    return {"results": results}


def describe_data_objects(caller: HasAccess, body: Body) -> dict[str, Any]:
    """Return for each id its description, or the error that describing it alone would give."""
    listed = _listed(body, limits.FIND_MAX_ROWS)
    options = mapping_of(mapping_of(body, "classDescribeOptions"), "file") or mapping_of(body, "describe")
    wanted = descriptions.wanted_of_file(options)
    if wanted & descriptions.LARGE and len(listed) > limits.LARGE_ROWS:
        raise InvalidInput(reason=f"Parts and details are told of {limits.LARGE_ROWS} objects in one call. Make several calls")
    ids = [one.get("id") if isinstance(one, dict) else one for one in listed]
    places: dict[str, list[FileInProject]] = {}
    known = finding.places(caller).filter(file__public_id__in=finding.ids_among(one for one in ids if isinstance(one, str)))
    found = list(known.order_by("pk"))
    descriptions.prefetch_files(found, wanted)
    for place in found:
        places.setdefault(place.file.public_id, []).append(place)
    return {"results": [_described(one, places, wanted) for one in listed]}


def asked_of_description(describe: object) -> Body | None:
    """Return the options of `"describe"`: None where none is wanted, an empty object for `true`. Raises InvalidInput."""
    if describe in (None, False):
        return None
    if describe is True:
        return {}
    if not isinstance(describe, dict):
        raise InvalidInput(reason='"describe" must be true, false, or an object of options')
    return describe


def _listed(body: Body, most: int) -> list[Any]:
    objects = body.get("objects")
    if not isinstance(objects, list) or not all(isinstance(one, str | dict) for one in objects):
        raise InvalidInput(reason='"objects" must be a list of ids or objects')
    require_few(objects, "objects")
    if len(objects) > most:
        raise InvalidInput(reason=f'"objects" names {len(objects)}; one call takes {most} at most. Make several calls')
    return objects


def _row(place: FileInProject, wanted: set[str] | None) -> dict[str, Any]:
    row: dict[str, Any] = {"project": place.project.public_id, "id": place.file.public_id}
    return row if wanted is None else {**row, "describe": descriptions.of_file(place, wanted)}


def _described(one: Any, places: dict[str, list[FileInProject]], wanted: set[str]) -> dict[str, Any]:
    asked = one if isinstance(one, dict) else {"id": one}
    found = places.get(str(asked.get("id")), [])
    place = next((place for place in found if place.project.public_id == asked.get("project")), found[0] if found else None)
    if place is None:
        missing = FileNotFound()
        return {"error": {"type": missing.dx_type, "message": str(missing)}}
    return {"describe": descriptions.of_file(place, wanted)}


ROUTES = {
    "system/findDataObjects": find_data_objects,
    "system/resolveDataObjects": resolve_data_objects,
    "system/describeDataObjects": describe_data_objects,
}
