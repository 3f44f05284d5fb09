"""Folders of a project: made, renamed, moved, removed. Each act is one transaction under the project's lock."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Concat, Length, Substr

from accounts.audit import Actor
from orgs.projects import access, limits, spelling, tree
from orgs.projects.access import HasAccess
from orgs.projects.errors import FolderInTheWay, FolderNotFound, PathRefused
from orgs.projects.models import ROOT, Folder, Level, Project
from orgs.projects.signals import contents_asked, folders_going


def find_children(*, project: Project, path: str) -> list[str]:
    """Return the absolute paths of the folders directly in `path`, in order. Raises PathRefused, FolderNotFound."""
    path = spelling.clean_path(path)
    tree.require_there(project, path)
    return list(project.folders.inside(path).order_by("path").values_list("path", flat=True))


def create_folder(*, caller: HasAccess, project_id: str, path: str, parents: bool, actor: Actor) -> Project:
    """Make the folder `path` and return the project. With `parents` missing folders above it are made, and one that is there is fine.

    Raises ProjectNotFound, LevelTooLow below CONTRIBUTE, PathRefused, FolderNotFound (above it), FolderInTheWay.
    """
    path = spelling.clean_path(path)
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.CONTRIBUTE)
        if not parents:
            _require_free(project, path)
            tree.require_there(project, spelling.parent_of(path))
        tree.make_missing(project, [*spelling.ancestors_of(path), path] if path != ROOT else [])
        return project


def rename_folder(*, caller: HasAccess, project_id: str, path: str, new_path: str, actor: Actor) -> Project:
    """Give a folder the path `new_path`, with all that is in it, and return the project. Raises as `create_folder` does."""
    path, new_path = spelling.clean_path(path), spelling.clean_path(new_path)
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.CONTRIBUTE)
        _move(project, path, new_path)
        return project


def move_folders(*, caller: HasAccess, project_id: str, paths: Sequence[str], destination: str, actor: Actor) -> Project:
    """Move folders into the folder `destination`, all or none, and return the project. Raises as `create_folder` does."""
    destination = spelling.clean_path(destination)
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.CONTRIBUTE)
        tree.require_there(project, destination)
        for path in map(spelling.clean_path, paths):
            _move(project, path, spelling.joined(destination, spelling.base_of(path)))
        return project


def remove_folder(*, caller: HasAccess, project_id: str, path: str, recurse: bool, force: bool, actor: Actor) -> Project:
    """Remove a folder and return the project; with `recurse` all that is in it, with `force` one that is gone is fine.

    Raises ProjectNotFound, LevelTooLow below CONTRIBUTE, PathRefused (the root stays), FolderNotFound, FolderInTheWay (not empty).
    """
    path = spelling.clean_path(path)
    if path == ROOT:
        raise PathRefused(reason="The root folder stays. Name one below it")
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.CONTRIBUTE)
        if not project.folders.filter(path=path).exists():
            if force:
                return project
            raise FolderNotFound(path=path)
        if not recurse and (project.folders.inside(path).exists() or _holds_something(project.folders.filter(path=path))):
            raise FolderInTheWay(reason=f"The folder {path} is not empty. Empty it first, or remove it with all that is in it")
        going = [*project.folders.below(path).values_list("pk", flat=True), *project.folders.filter(path=path).values_list("pk", flat=True)]
        folders_going.send(Folder, project=project, folders=going, actor=actor)
        Folder.objects.filter(pk__in=going).delete()
        return project


def _holds_something(folders: QuerySet[Folder]) -> bool:
    return any(count for _, count in contents_asked.send(Folder, folders=folders))


def _require_free(project: Project, path: str) -> None:
    if path == ROOT or project.folders.filter(path=path).exists():
        raise FolderInTheWay(reason=f"There is a folder {path} already. Choose another name")


def _move(project: Project, path: str, new_path: str) -> None:
    if ROOT in (path, new_path):
        raise PathRefused(reason="The root folder stays where it is. Name one below it")
    tree.require_there(project, path)
    if new_path == path:
        return
    if new_path.startswith(f"{path}/"):
        raise PathRefused(reason=f"The folder {path} cannot go into itself. Choose another place")
    _require_free(project, new_path)
    tree.require_there(project, spelling.parent_of(new_path))
    inner = project.folders.below(path)
    _require_short(inner, len(new_path) - len(path))
    inner.update(path=_swapped("path", path, new_path), parent=_swapped("parent", path, new_path))
    project.folders.filter(path=path).update(path=new_path, parent=spelling.parent_of(new_path))


def _require_short(folders: QuerySet[Folder], growth: int) -> None:
    if folders.annotate(length=Length("path")).filter(length__gt=limits.PATH_MAX_CHARS - growth).exists():
        raise PathRefused(reason=f"A path below it would have more than {limits.PATH_MAX_CHARS} characters. Use shorter names")


def _swapped(column: str, old: str, new: str) -> Concat:
    """Return SQL for `column`, which begins with `old`, with `new` in its place."""
    return Concat(Value(new), Substr(column, len(old) + 1), output_field=CharField())
