"""Files in their projects: named, moved, marked, removed, cloned. Each act is one transaction under the project's lock."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.audit import Actor
from orgs.projects import access, tree
from orgs.projects import flows as project_flows
from orgs.projects.access import HasAccess
from orgs.projects.models import Level, Project
from tokens.work import endings, events, finding, naming
from tokens.work.errors import FileNotClosed, FileNotFound, FileNotOpen, FileValueRefused, PhiLeaves
from tokens.work.limits import PROPERTIES_PER_FILE, WORDS_PER_FILE
from tokens.work.models import File, FileInProject, FileProperty, FileState, FileWord, WordKind


def rename(*, caller: HasAccess, file_id: str, project_id: str, name: str, actor: Actor) -> FileInProject:
    """Give a file another name in a project, and return it there. Raises FileNotFound, LevelTooLow below CONTRIBUTE, FileValueRefused."""
    name = naming.clean_file_name(name)
    with transaction.atomic():
        place = _locked(caller, file_id, project_id)
        place.name = name
        return _touched(place, "name")


def set_hidden(*, caller: HasAccess, file_id: str, project_id: str, hidden: bool, actor: Actor) -> FileInProject:
    """Hide a file from lists that do not ask for hidden ones, or show it; return it."""
    with transaction.atomic():
        place = _locked(caller, file_id, project_id)
        place.hidden = hidden
        return _touched(place, "hidden")


def set_details(*, caller: HasAccess, file_id: str, details: Any, actor: Actor) -> FileInProject:
    """Write the details of a file that is still open, and return it. Raises FileNotOpen."""
    details = naming.clean_details(details)
    with transaction.atomic():
        place = finding.place_of(caller, file_id)
        access.lock(caller, place.project.public_id, Level.CONTRIBUTE)
        if File.objects.filter(pk=place.file_id, state=FileState.OPEN).update(details=details) != 1:
            raise FileNotOpen(file=file_id)
        place.file.details = details
        return place


def set_tags(
    *, caller: HasAccess, file_id: str, project_id: str, add: Iterable[str] = (), remove: Iterable[str] = (), actor: Actor
) -> FileInProject:
    """Add tags and take others off, and return the file; what is so already stays. Raises FileValueRefused for too many."""
    added, gone = naming.clean_words(add), naming.clean_words(remove)
    with transaction.atomic():
        place = _locked(caller, file_id, project_id)
        tags = place.marks.filter(kind=WordKind.TAG)
        tags.filter(word__in=gone).delete()
        there = set(tags.values_list("word", flat=True))
        if len(there | added) > WORDS_PER_FILE:
            raise FileValueRefused(reason=f"A file has at most {WORDS_PER_FILE} tags. Remove some first")
        FileWord.objects.bulk_create(FileWord(place=place, kind=WordKind.TAG, word=word) for word in sorted(added - there))
        return _touched(place)


def set_properties(
    *, caller: HasAccess, file_id: str, project_id: str, properties: Mapping[str, str | None], actor: Actor
) -> FileInProject:
    """Set properties, None removes one; return the file."""
    wanted = naming.clean_properties(properties)
    with transaction.atomic():
        place = _locked(caller, file_id, project_id)
        place.properties.filter(key__in=wanted).delete()
        kept = [FileProperty(place=place, key=key, value=value) for key, value in wanted.items() if value is not None]
        if place.properties.count() + len(kept) > PROPERTIES_PER_FILE:
            raise FileValueRefused(reason=f"A file has at most {PROPERTIES_PER_FILE} properties. Remove some first")
        FileProperty.objects.bulk_create(kept)
        return _touched(place)


def move(*, caller: HasAccess, project_id: str, file_ids: Sequence[str], folders: Sequence[str], destination: str, actor: Actor) -> Project:
    """Move files and folders of a project into its folder `destination`, all or none, and return the project."""
    with transaction.atomic():
        project = project_flows.move_folders(caller=caller, project_id=project_id, paths=folders, destination=destination, actor=actor)
        folder = tree.folder_at(project, destination)
        places = _all_of(project, file_ids)
        FileInProject.objects.filter(pk__in=[place.pk for place in places]).update(folder=folder, modified=timezone.now())
        return project


def remove(*, caller: HasAccess, project_id: str, file_ids: Sequence[str], force: bool, actor: Actor) -> Project:
    """Take files out of a project, and return the project; with `force` what is not there is as good as removed.

    An upload of one of them ends. A file that stands in no project any more goes for good.
    """
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.CONTRIBUTE)
        places = _all_of(project, file_ids, lenient=force)
        endings.end_with_files(project, [place.file_id for place in places], actor=actor)
        FileInProject.objects.filter(pk__in=[place.pk for place in places]).delete()
        events.record_removed(project, [place.name for place in places], actor=actor)
        return project


def clone(*, caller: HasAccess, project_id: str, file_ids: Sequence[str], target_id: str, destination: str, actor: Actor) -> list[str]:
    """Let files of a project stand in another one, too: the same file, with what was written to it there; return who was there already.

    VIEW is enough where they are, CONTRIBUTE is needed where they go. Raises FileNotClosed: what is not whole stays where it is;
    and PhiLeaves: what is protected goes only where that is marked.
    """
    with transaction.atomic():
        source, target = access.find(caller, project_id), access.lock(caller, target_id, Level.CONTRIBUTE)
        if source.phi and not target.phi:
            raise PhiLeaves()
        folder = tree.folder_at(target, destination)
        # Locked before they are looked at: the sweeper takes away what stands in no project.
        list(File.objects.select_for_update(no_key=True).filter(public_id__in=finding.ids_among(file_ids)).order_by("pk"))
        places = _all_of(source, file_ids)
        there = set(target.files.filter(file__in=[place.file_id for place in places]).values_list("file", flat=True))
        for place in places:
            if not place.file.is_closed:
                raise FileNotClosed(file=place.file.public_id)
            if place.file_id not in there:
                _copy(place, FileInProject(file=place.file, project=target, folder=folder, name=place.name, hidden=place.hidden))
        return [place.file.public_id for place in places if place.file_id in there]


def _copy(place: FileInProject, copy: FileInProject) -> None:
    copy.save(force_insert=True)
    FileWord.objects.bulk_create(FileWord(place=copy, kind=one.kind, word=one.word) for one in place.marks.all())
    FileProperty.objects.bulk_create(FileProperty(place=copy, key=one.key, value=one.value) for one in place.properties.all())


def _locked(caller: HasAccess, file_id: str, project_id: str) -> FileInProject:
    project = access.lock(caller, project_id, Level.CONTRIBUTE)
    return _all_of(project, [file_id])[0]


def _all_of(project: Project, file_ids: Sequence[str], *, lenient: bool = False) -> list[FileInProject]:
    wanted = set(finding.ids_among(file_ids))
    places = list(FileInProject.objects.standing().whole().filter(project=project, file__public_id__in=wanted).order_by("pk"))
    if len(places) != len(set(file_ids)) and not lenient:
        raise FileNotFound()
    return places


def _touched(place: FileInProject, *fields: str) -> FileInProject:
    place.modified = timezone.now()
    place.save(update_fields=[*fields, "modified"])
    return place
