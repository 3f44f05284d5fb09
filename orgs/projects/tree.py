"""The folders of one project, as acts of this room and of those above find and make them, under the project's lock."""

from orgs.projects import limits, spelling
from orgs.projects.errors import FolderInTheWay, FolderNotFound
from orgs.projects.models import ROOT, Folder, Project


def folder_at(project: Project, path: str, *, make: bool = False) -> Folder | None:
    """Return the folder `path` of `project`, None for the root; with `make` it is made where it is missing, with those above it.

    Raises PathRefused, FolderNotFound, FolderInTheWay (too many).
    """
    path = spelling.clean_path(path)
    if path == ROOT:
        return None
    if make:
        make_missing(project, [*spelling.ancestors_of(path), path])
    folder = project.folders.filter(path=path).first()
    if folder is None:
        raise FolderNotFound(path=path)
    return folder


def require_there(project: Project, path: str) -> None:
    """Return where the folder is there; raise FolderNotFound otherwise."""
    if path != ROOT and not project.folders.filter(path=path).exists():
        raise FolderNotFound(path=path)


def make_missing(project: Project, paths: list[str]) -> None:
    """Make those of these folders that are missing. Raises FolderInTheWay where there would be too many."""
    there = set(project.folders.filter(path__in=paths).values_list("path", flat=True))
    missing = [path for path in paths if path not in there]
    if missing and project.folders.count() + len(missing) > limits.FOLDERS_PER_PROJECT:
        raise FolderInTheWay(reason=f"A project has at most {limits.FOLDERS_PER_PROJECT} folders. Remove some first")
    Folder.objects.bulk_create(Folder(project=project, path=path, parent=spelling.parent_of(path)) for path in missing)
