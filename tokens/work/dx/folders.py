"""Folders with the files in them: listed, moved, emptied, cloned into another project (DX_PROTOCOL 5.5)."""

from typing import Any

from accounts.callers import Body, flag_of, text_of, texts_of
from accounts.errors import InvalidInput
from orgs.projects import access
from orgs.projects import flows as project_flows
from orgs.projects.access import HasAccess
from orgs.projects.models import ROOT, Level
from tokens.work import finding, flows
from tokens.work.dx import descriptions
from tokens.work.dx.objects import asked_of_description

FOLDERS, OBJECTS, ALL = "folders", "objects", "all"
OBJECTS_MOST = 1000  # the client has no second page here; who keeps more in one folder finds them by findDataObjects


def list_folder(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Return what is directly in a folder: absolute paths of folders, and objects, the latest 1,000."""
    only = body.get("only", ALL)
    if only not in (FOLDERS, OBJECTS, ALL):
        raise InvalidInput(reason='"only" must be "folders", "objects" or "all"')
    project, path = access.find(caller, entity_id), text_of(body, "folder", required=False) or ROOT
    answer: dict[str, Any] = {FOLDERS: project_flows.find_children(project=project, path=path)}
    if only in (OBJECTS, ALL):
        asked = {"visibility": "either" if flag_of(body, "includeHidden") else "visible"}
        scope = {"project": entity_id, "folder": path, "recurse": False}
        places = list(finding.found_files(caller, {**asked, "scope": scope}).order_by("-pk")[:OBJECTS_MOST])
        places.sort(key=lambda place: (place.name, place.pk))
        answer[OBJECTS] = _rows(places, body.get("describe"))
    return {name: rows for name, rows in answer.items() if only in (ALL, name)}


def move(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Move objects and folders of a project into one of its folders."""
    objects, folders, destination = texts_of(body, "objects"), texts_of(body, "folders"), text_of(body, "destination")
    flows.move(caller=caller, project_id=entity_id, file_ids=objects, folders=folders, destination=destination, actor=caller.actor)
    return {"id": entity_id}


def remove_objects(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Remove objects: with `force`, what is not there is as good as removed."""
    objects, force = texts_of(body, "objects"), bool(flag_of(body, "force"))
    flows.remove(caller=caller, project_id=entity_id, file_ids=objects, force=force, actor=caller.actor)
    return {"id": entity_id}


def clone(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Let objects of a project stand in another one, too."""
    objects, target = texts_of(body, "objects"), text_of(body, "project")
    if texts_of(body, "folders"):
        raise InvalidInput(reason='Whole folders are not cloned here. Name the files in "objects"; dx cp -r does so for you')
    access.find(caller, entity_id, Level.VIEW)
    exists = flows.clone(
        caller=caller, project_id=entity_id, file_ids=objects, target_id=target, destination=text_of(body, "destination", required=False)
        or ROOT, actor=caller.actor,
    )  # fmt: skip
    return {"id": entity_id, "project": target, "exists": exists}


def _rows(places: list[Any], describe: object) -> list[dict[str, Any]]:
    asked = asked_of_description(describe)
    if asked is None:
        return [{"id": place.file.public_id} for place in places]
    wanted = descriptions.wanted_of_file(asked)
    descriptions.prefetch_files(places, wanted)
    return [{"id": place.file.public_id, "describe": descriptions.of_file(place, wanted)} for place in places]


ROUTES = {
    "project-{id}/listFolder": list_folder,
    "project-{id}/move": move,
    "project-{id}/removeObjects": remove_objects,
    "project-{id}/clone": clone,
}
