"""The dx client's door to projects, their members and folders (DX_PROTOCOL 5): plain functions, a body in and a dict out."""

from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.db.models import prefetch_related_objects
from django.utils.module_loading import import_string

import orgs.access
from accounts.callers import Body, fields_asked, flag_of, mapping_of, require_few, text_of, texts_of, whole_of
from accounts.errors import InvalidInput
from accounts.models import User
from accounts.moments import milliseconds
from orgs.projects import access, finding, flows, limits
from orgs.projects.access import HasAccess
from orgs.projects.flows import Details
from orgs.projects.models import ROOT, Level, Project

DEFAULT_FIELDS = (
    "id", "class", "name", "summary", "description", "region", "level", "billTo", "protected", "restricted", "downloadRestricted",
    "externalUploadRestricted", "containsPHI", "databaseUIViewOnly", "created", "createdBy", "modified", "dataUsage",
    "sponsoredDataUsage", "pendingTransfer", "tags", "version",
)  # fmt: skip
ON_REQUEST = ("permissions", "properties", "folders", "fileUploadParameters")
# What the client can ask to be switched on, and this server does not restrict.
UNRESTRICTED = ("protected", "restricted", "downloadRestricted", "externalUploadRestricted", "databaseUIViewOnly")
FOLDERS = "folders"


def find_projects(caller: HasAccess, body: Body) -> dict[str, Any]:
    """Return one page of the caller's projects, by name: `results`, and `next` (null on the last page)."""
    rows = whole_of(body, "limit", default=limits.FIND_DEFAULT_ROWS, least=1, most=limits.FIND_MAX_ROWS)
    describe = body.get("describe")
    # Not the folders: of a thousand projects they would be millions.
    wanted = _wanted(describe if isinstance(describe, dict) else {}) - {FOLDERS} if describe else set()
    projects = finding.found(caller, body).select_related("billed_to", "created_by", "org")
    found, following = finding.page(projects, body.get("starting"), rows)
    _prefetch(found, wanted)
    return {"results": [_row(caller, project, wanted) for project in found], "next": following}


def describe_project(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Return the description of a project, with the level that the caller has in it."""
    project = access.find(caller, entity_id)
    wanted = _wanted(body)
    _prefetch([project], wanted)
    return _description(project, wanted)


def new_project(caller: HasAccess, body: Body) -> dict[str, Any]:
    """Make a project, which the caller's person administers; it is billed to them, or to an organization of theirs (`billTo`)."""
    _refuse_restrictions(body)
    org = _billed_org(body, caller.user)
    if text_of(body, "region", required=False) not in (None, limits.REGION):
        raise InvalidInput(reason=f'This server has one region, "{limits.REGION}". Leave "region" out')
    text_of(body, "name")
    return _id(flows.create(caller=caller, details=_details(body), org=org, actor=caller.actor))


def update_project(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Change name, texts, or set the PHI mark."""
    _refuse_restrictions(body)
    _require_bill(body, access.find(caller, entity_id).owner.public_id)
    return _id(flows.update(caller=caller, project_id=entity_id, details=_details(body), actor=caller.actor))


def destroy_project(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Delete the project with all that is in it; with `terminateJobs` what runs in it ends, without it is a refusal."""
    end_work = bool(flag_of(body, "terminateJobs"))
    flows.destroy(caller=caller, project_id=entity_id, end_work=end_work, actor=caller.actor)
    return {"id": entity_id}


def invite(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Make a person a member; it holds at once. Inviting twice is harmless."""
    invitee, level = text_of(body, "invitee"), text_of(body, "level", required=False)
    if not invitee.startswith("user-"):
        raise InvalidInput(reason='Invite a person by username, as "user-amy"; organizations, addresses and PUBLIC are not invited here')
    flows.invite(
        caller=caller, project_id=entity_id, invitee=invitee, level=access.level_named(level or Level.VIEW.name),
        by_mail=not flag_of(body, "suppressEmailNotification"), actor=caller.actor,
    )  # fmt: skip
    return {"id": entity_id, "state": "accepted"}


def decrease_permissions(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Lower members to a level, or remove them: `{"user-ben": "VIEW", "user-cleo": null}`."""
    require_few(body, "decreasePermissions")
    wishes = {name: None if level is None else access.level_named(_word(level)) for name, level in body.items()}
    return _id(flows.decrease(caller=caller, project_id=entity_id, wishes=wishes, actor=caller.actor))


def leave(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Give up the caller's own membership."""
    flows.leave(caller=caller, project_id=entity_id, actor=caller.actor)
    return {"id": entity_id}


def add_tags(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Add tags."""
    return _id(flows.add_tags(caller=caller, project_id=entity_id, tags=texts_of(body, "tags"), actor=caller.actor))


def remove_tags(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Remove tags."""
    return _id(flows.remove_tags(caller=caller, project_id=entity_id, tags=texts_of(body, "tags"), actor=caller.actor))


def set_properties(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Set properties; null removes one."""
    properties = mapping_of(body, "properties")
    if not all(value is None or isinstance(value, str) for value in properties.values()):
        raise InvalidInput(reason='"properties" must be an object of texts, or null for those to remove')
    return _id(flows.set_properties(caller=caller, project_id=entity_id, properties=properties, actor=caller.actor))


def new_folder(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Make a folder, and with `parents` those above it."""
    path, parents = text_of(body, "folder"), bool(flag_of(body, "parents"))
    return _id(flows.create_folder(caller=caller, project_id=entity_id, path=path, parents=parents, actor=caller.actor))


def rename_folder(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Give a folder another path."""
    path, new_path = text_of(body, "folder"), text_of(body, "newpath")
    return _id(flows.rename_folder(caller=caller, project_id=entity_id, path=path, new_path=new_path, actor=caller.actor))


def remove_folder(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Remove a folder. It is always done in one call: `completed` is true, or the client would call again."""
    project = flows.remove_folder(
        caller=caller, project_id=entity_id, path=text_of(body, "folder"), recurse=bool(flag_of(body, "recurse")),
        force=bool(flag_of(body, "force")), actor=caller.actor,
    )  # fmt: skip
    return {"id": project.public_id, "completed": True}


def nothing(caller: HasAccess, body: Body) -> dict[str, Any]:
    """Return an empty page, for kinds of things that this server does not have: apps, workflows."""
    return {"results": [], "next": None}


def _row(caller: HasAccess, project: Project, wanted: set[str]) -> dict[str, Any]:
    row = {"id": project.public_id, "level": project.level_label, "permissionSources": [caller.user.public_id], "public": False}
    return row | ({"describe": _description(project, wanted)} if wanted else {})


def _wanted(body: Body) -> set[str]:
    return fields_asked(body, default=DEFAULT_FIELDS, on_request=ON_REQUEST)


def _description(project: Project, wanted: set[str]) -> dict[str, Any]:
    plain = {
        "id": project.public_id,
        "class": "project",
        "name": project.name,
        "summary": project.summary,
        "description": project.description,
        "region": limits.REGION,
        "level": project.level_label,
        "billTo": project.owner.public_id,
        "containsPHI": project.phi,
        "created": milliseconds(project.created),
        "createdBy": {"user": project.created_by.public_id},
        "modified": milliseconds(project.modified or project.created),
        "sponsoredDataUsage": 0.0,
        "pendingTransfer": None,
        "version": 1,
        **dict.fromkeys(UNRESTRICTED, False),
    }
    described = plain | project.facts | {name: look_up(project) for name, look_up in _LOOKED_UP.items() if name in wanted}
    return {name: value for name, value in described.items() if name in wanted}


# These cost a query each, and are asked only where they are wanted.
_LOOKED_UP: dict[str, Callable[[Project], Any]] = {
    "tags": lambda project: sorted(tag.tag for tag in project.tags.all()),
    "properties": lambda project: {one.key: one.value for one in project.properties.all()},
    "permissions": lambda project: {member.user.public_id: member.level_label for member in project.members.all()},
    "folders": lambda project: [ROOT, *sorted(folder.path for folder in project.folders.all())],
}
_PREFETCHED = {"tags": "tags", "properties": "properties", "permissions": "members__user", "folders": "folders"}


def _prefetch(projects: list[Project], wanted: Iterable[str]) -> None:
    """Fetch along what descriptions of `projects` will want; the rooms above add theirs (settings.PROJECT_FACTS)."""
    wanted = set(wanted)
    facts = [import_string(path)(projects, wanted) for path in settings.PROJECT_FACTS] if wanted else []
    for project in projects:
        project.facts = {name: value for told in facts for name, value in told.get(project.pk, {}).items()}
    prefetch_related_objects(projects, *(lookup for name, lookup in _PREFETCHED.items() if name in wanted))


def _details(body: Body) -> Details:
    return Details(
        name=text_of(body, "name", required=False),
        summary=text_of(body, "summary", required=False),
        description=text_of(body, "description", required=False),
        phi=flag_of(body, "containsPHI"),
    )


def _refuse_restrictions(body: Body) -> None:
    for name in UNRESTRICTED:
        if flag_of(body, name):
            raise InvalidInput(reason=f'This server does not know "{name}" projects. Leave it out, or give false')


def _billed_org(body: Body, user: User) -> str | None:
    asked = text_of(body, "billTo", required=False)
    if asked is not None and asked.startswith(orgs.access.PREFIX):
        return asked
    if asked not in (None, user.public_id):
        raise InvalidInput(reason='A project is billed to you, or to an organization of yours, as "org-acme". Or leave "billTo" out')
    return None


def _require_bill(body: Body, owner: str) -> None:
    if text_of(body, "billTo", required=False) not in (None, owner):
        raise InvalidInput(reason='A project stays with whom it belongs to. Leave "billTo" out')


def find_org_projects(caller: HasAccess, body: Body, entity_id: str) -> dict[str, Any]:
    """Return those of the caller's projects that belong to an organization of theirs, as `findProjects` does."""
    org = orgs.access.find(caller, entity_id).org
    return find_projects(caller, {**body, "billTo": org.public_id})


def _word(level: object) -> str:
    if not isinstance(level, str):
        raise InvalidInput(reason="A level is a word, or null")
    return level


def _id(project: Project) -> dict[str, Any]:
    return {"id": project.public_id}


ROUTES = {
    "system/findProjects": find_projects,
    "org-{id}/findProjects": find_org_projects,
    "system/findApps": nothing,
    "system/findGlobalWorkflows": nothing,
    "project/new": new_project,
    "project-{id}/describe": describe_project,
    "project-{id}/update": update_project,
    "project-{id}/destroy": destroy_project,
    "project-{id}/invite": invite,
    "project-{id}/decreasePermissions": decrease_permissions,
    "project-{id}/leave": leave,
    "project-{id}/addTags": add_tags,
    "project-{id}/removeTags": remove_tags,
    "project-{id}/setProperties": set_properties,
    "project-{id}/newFolder": new_folder,
    "project-{id}/renameFolder": rename_folder,
    "project-{id}/removeFolder": remove_folder,
}
