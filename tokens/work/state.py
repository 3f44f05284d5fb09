"""What must hold of this room's state (accounts.verifying): nothing runs on a dead token, and a file has all its bytes."""

from collections.abc import Iterator

from django.db.models import Q, QuerySet, Sum

from accounts.batches import in_batches
from accounts.verifying import Depth, long_ago
from tokens.models import TokenState
from tokens.work import storage
from tokens.work.errors import StorageLost
from tokens.work.models import File, FileState, Job, Part, PartState, Transfer

_DEAD = [TokenState.REVOKED, TokenState.EXPIRED]


def running_work(depth: Depth) -> Iterator[str]:
    """What runs has a token that may still do something; a job is heard of; a job's token ends with it."""
    for rows in (Transfer.objects.running(), Job.objects.running()):
        dead = rows.filter(Q(token__state__in=_DEAD) | Q(token__expires__lte=long_ago()))
        for work in in_batches(dead.select_related("token", "user")):
            named = f"{work.noun.capitalize()} {work.public_id} of {work.user}"
            yield f"{named} runs on {work.token.public_id}, which is {work.token.state_word}."
    for job in in_batches(Job.objects.running().filter(leased_until__lte=long_ago()).select_related("user")):
        yield f"Job {job.public_id} of {job.user} runs, though its executor was last heard of at {job.heard_at:%Y-%m-%d %H:%M:%S} UTC."
    over = Job.objects.exclude(state="running").filter(token__state__in=[TokenState.ACTIVE, TokenState.RETIRED], ended_at__lte=long_ago())
    for job in in_batches(over.filter(token__expires__gt=long_ago()).select_related("token")):
        yield f"Job {job.public_id} has ended, and its token {job.token.public_id} is {job.token.state}."


def files(depth: Depth) -> Iterator[str]:
    """A closed file is as long as its parts together, and every part that counts is in the storage, whole."""
    if not depth.is_whole:
        return
    closed = File.objects.filter(state=FileState.CLOSED).annotate(held=Sum("parts__size", filter=Q(parts__state=PartState.COMPLETE)))
    for file in in_batches(closed.only("public_id", "size")):
        if (file.held or 0) != file.size:
            yield f"File {file.public_id} should have {file.size} bytes; its parts have {file.held or 0}."
    for transfer in in_batches(Transfer.objects.running().uploads().filter(file__state=FileState.CLOSED)):
        yield f"Upload {transfer.public_id} runs, though its file is closed."
    for part in in_batches(_that_count().select_related("file")):
        yield from _wrong_bytes(part, depth)


def _that_count() -> QuerySet[Part]:
    return Part.objects.filter(state=PartState.COMPLETE).exclude(file__state=FileState.DROPPED)


def _wrong_bytes(part: Part, depth: Depth) -> Iterator[str]:
    held = storage.held(part)
    if held == part.size and (depth is not Depth.BYTES or _md5(part) == part.md5):
        return
    # The part may have been replaced, or the file removed, since it was read.
    if not _that_count().filter(pk=part.pk).exists():
        return
    named = f"Part {part.index} of {_named(part.file)}"
    if held is None:
        yield f"{named} has lost its bytes: {part.stored_as} is not in the storage."
    elif held != part.size:
        yield f"{named} should have {part.size} bytes; {part.stored_as} has {held}."
    else:
        yield f"{named} was changed in the storage: the MD5 of {part.stored_as} is not {part.md5}."


def orphans() -> Iterator[str]:
    """Name what is in the storage and belongs to no part, such as bytes that are newer than a restored database. One query a file."""
    for folder, names in storage.folders():
        known = set(Part.objects.filter(file__public_id=folder).values_list("key", flat=True))
        for name in sorted(set(names) - known):
            # Bytes go before their row: what is still there now has no row that will ever end it.
            path = f"{folder}/{name}" if folder else name
            if storage.is_there(path):
                yield f"{path} is in the storage and belongs to no file."


def _named(file: File) -> str:
    places = file.places.select_related("folder", "project").order_by("pk")[:3]
    named = ", ".join(f"{place.path.rstrip('/')}/{place.name} in {place.project.public_id}" for place in places)
    return f"{file.public_id} ({file.state}; {named or 'in no project'})"


def _md5(part: Part) -> str:
    try:
        return storage.md5(part)
    except StorageLost:
        return ""
