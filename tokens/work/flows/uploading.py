"""An upload: the file and its transfer begin together, parts come in any order, and only the last act makes the file whole."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils import timezone

from accounts import throttle
from accounts.audit import Actor
from accounts.digests import digest
from accounts.failpoints import failpoint
from orgs.projects import access, tree
from orgs.projects.models import Level, Project
from tokens.caller import Caller
from tokens.models import Token
from tokens.work import authority, endings, finding, grants, limits, naming, storage
from tokens.work.errors import (
    AccessEnded,
    FileNotFound,
    FileNotOpen,
    NonceReused,
    NotYourUpload,
    PartMissing,
    PartRefused,
    TooManyOpenFiles,
)
from tokens.work.models import (
    File,
    FileInProject,
    FileProperty,
    FileState,
    FileWord,
    Part,
    PartState,
    Transfer,
    TransferKind,
    TransferState,
    WordKind,
)

_MD5 = re.compile(r"[0-9a-f]{32}", re.ASCII)
HOUR_SECONDS = 3600


@dataclass(frozen=True)
class NewFile:
    """What is said of a new file. `nonce` and `asked` (the whole body, as text) tell a request that comes twice."""

    name: str
    folder: str = "/"
    parents: bool = False
    media: str = ""
    hidden: bool = False
    tags: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)
    properties: Mapping[str, str | None] = field(default_factory=dict)
    details: Any = field(default_factory=dict)
    nonce: str | None = None
    asked: str = ""


@dataclass(frozen=True)
class Ticket:
    """Where one part goes, and with which header: the transfer of it and its grant."""

    transfer: Transfer
    part: Part
    grant: str = field(repr=False)


def create_file(*, caller: Caller, project_id: str, new: NewFile, actor: Actor) -> FileInProject:
    """Begin an upload: return an open file in a project, and note its transfer, which the caller's token carries.

    Raises ProjectNotFound, LevelTooLow below UPLOAD, FolderNotFound, FileValueRefused, NonceReused, TooManyOpenFiles,
    TooManyAttempts, and a DeadToken where the token ended meanwhile.
    """
    said = _Said.of(new)
    if (before := _same_request(caller, new)) is not None:
        return before
    throttle.spend(f"files.made:{caller.user.pk}", limit=limits.FILES_MADE_PER_HOUR, window_seconds=HOUR_SECONDS)
    with transaction.atomic():
        project = access.lock(caller, project_id, Level.UPLOAD)
        authority.hold_live(caller.token)
        if (before := _same_request(caller, new)) is not None:
            return before
        if File.objects.filter(created_by=caller.user, state=FileState.OPEN).count() >= limits.OPEN_FILES_PER_PERSON:
            raise TooManyOpenFiles(limit=limits.OPEN_FILES_PER_PERSON)
        file = _insert_file(caller, new, said)
        folder = tree.folder_at(project, new.folder, make=new.parents)
        place = FileInProject.objects.create(file=file, project=project, folder=folder, name=said.name, hidden=new.hidden)
        said.mark(place)
        Transfer.objects.create(
            kind=TransferKind.UPLOAD, file=file, user=caller.user, token=caller.token, project=project, name=said.name,
            address=actor.ip, agent=actor.user_agent,
        )  # fmt: skip
        return place


@dataclass(frozen=True)
class _Said:
    """What was said of a new file, as it is stored."""

    name: str
    media: str
    details: Any
    words: list[tuple[WordKind, str]]
    properties: dict[str, str]

    @classmethod
    def of(cls, new: NewFile) -> "_Said":
        """Return it clean; raises FileValueRefused."""
        tags, types = naming.clean_words(new.tags), naming.clean_words(new.types)
        properties = naming.clean_properties(new.properties)
        return cls(
            naming.clean_file_name(new.name), naming.clean_media(new.media), naming.clean_details(new.details),
            [(WordKind.TAG, word) for word in sorted(tags)] + [(WordKind.TYPE, word) for word in sorted(types)],
            {key: value for key, value in properties.items() if value is not None},
        )  # fmt: skip

    def mark(self, place: FileInProject) -> None:
        """Write words and properties to a new file."""
        FileWord.objects.bulk_create(FileWord(place=place, kind=kind, word=word) for kind, word in self.words)
        FileProperty.objects.bulk_create(FileProperty(place=place, key=key, value=value) for key, value in self.properties.items())


def _insert_file(caller: Caller, new: NewFile, said: _Said) -> File:
    nonce = None if new.nonce is None else digest(new.nonce)
    if nonce is not None:
        # What an earlier request made with it is gone, or out of reach: the nonce names nothing any more.
        File.objects.filter(created_by=caller.user, nonce_digest=nonce).update(nonce_digest=None)
    try:
        # A savepoint: on PostgreSQL a violated constraint would spoil the whole transaction.
        with transaction.atomic():
            return File.objects.create(
                media=said.media, details=said.details, created_by=caller.user, nonce_digest=nonce, body_digest=digest(new.asked)
            )
    except IntegrityError as clash:
        # At the same moment, in another project: so it is another request.
        raise NonceReused() from clash


def begin_part(*, token: Token, file: File, index: int, size: int, md5: str, actor: Actor) -> Ticket:
    """Return the ticket with which the caller sends part `index` of its own upload: it holds for 15 minutes, for these bytes alone.

    The same index again begins anew, and the attempt that is whole last counts. Raises NotYourUpload, FileNotOpen, PartRefused, and a
    DeadToken or AuthorityEnded where the token, or the upload, is over.
    """
    _require_part(index, size, md5)
    storage.require_room(size)
    with _access_recorded(file), transaction.atomic():
        authority.hold_for_own(token)
        locked = _lock_own(file, token)
        _require_room(locked, index, size)
        transfer = _upload_of(locked)
        assert transfer.project is not None  # noqa: S101  (_lock_own looked)
        storage.require_quota(transfer.project.billed_to, size)
        part = Part.objects.create(file=locked, index=index, size=size, md5=md5)
        Transfer.objects.filter(pk=transfer.pk).update(last_at=timezone.now())
        return Ticket(transfer, part, grants.for_part(transfer, part))


def close(*, token: Token, file: File, actor: Actor) -> File:
    """Make a file whole, and return it: the one act after which it can be read (JOB-03).

    Raises NotYourUpload, FileNotOpen, PartMissing (a part is not whole, or too small), and a DeadToken where the token is over.
    """
    with _access_recorded(file), transaction.atomic():
        authority.hold_for_own(token)
        locked = _lock_own(file, token)
        parts = list(locked.parts.filter(state=PartState.COMPLETE).order_by("index"))
        _require_whole(locked, parts)
        now, size = timezone.now(), sum(part.size for part in parts)
        failpoint("work.closing")
        closed = File.objects.filter(pk=locked.pk, state=FileState.OPEN).update(state=FileState.CLOSED, size=size, closed_at=now)
        upload = Transfer.objects.running().filter(pk=_upload_of(locked).pk)
        if not closed or not upload.update(state=TransferState.DONE, ended_at=now, total=size, last_at=now):
            raise FileNotOpen(file=locked.public_id)
        locked.places.update(modified=now)
        failpoint("work.closed")
        locked.state, locked.size, locked.closed_at = FileState.CLOSED, size, now
        return locked


def complete_part(*, part: Part, transfer: Transfer, actor: Actor) -> None:
    """Let the bytes of `part`, which are stored and were checked, count. Raises as `close` does; then they do not."""
    with _access_recorded(part.file), transaction.atomic():
        authority.hold_for_own(transfer.token)
        file = _lock_own(part.file, transfer.token)
        Part.objects.filter(file=file, index=part.index, state=PartState.COMPLETE).update(state=PartState.REPLACED, touched=timezone.now())
        taken = Part.objects.filter(pk=part.pk, state=PartState.ARRIVING).update(state=PartState.COMPLETE, touched=timezone.now())
        if taken != 1:
            raise PartRefused(reason="This part has arrived before, or another attempt has taken its place. Ask for a new address")
        failpoint("work.part-complete")


@contextmanager
def _access_recorded(file: File) -> Iterator[None]:
    """Record, once the act is undone, that an upload ended because its person, or token, lost the project."""
    try:
        yield
    except AccessEnded as lost:
        endings.end_without_access(_upload_of(file), message=str(lost))
        raise


def _same_request(caller: Caller, new: NewFile) -> FileInProject | None:
    if new.nonce is None:
        return None
    file = File.objects.filter(created_by=caller.user, nonce_digest=digest(new.nonce)).first()
    if file is None:
        return None
    if file.body_digest != digest(new.asked):
        raise NonceReused()
    return finding.places(caller).filter(file=file).order_by("pk").first()


def _lock_own(file: File, token: Token) -> File:
    locked = File.objects.select_for_update(no_key=True).get(pk=file.pk)
    upload = _upload_of(locked)
    if upload.token_id != token.pk:
        raise NotYourUpload()
    if upload.state == TransferState.FAILED:
        raise finding.ended_error(upload)
    if locked.state != FileState.OPEN:
        raise FileNotOpen(file=locked.public_id)
    _require_project(upload, token)
    return locked


def _require_project(upload: Transfer, token: Token) -> None:
    project: Project | None = upload.project
    if project is None:
        raise FileNotFound()
    authority.require_access(upload, token)


def _upload_of(file: File) -> Transfer:
    return Transfer.objects.uploads().select_related("token", "user", "project__billed_to").get(file=file)


def _require_part(index: int, size: int, md5: str) -> None:
    if not 1 <= index <= limits.MAXIMUM_PARTS:
        raise PartRefused(reason=f"Parts are numbered from 1 to {limits.MAXIMUM_PARTS}")
    if not 0 <= size <= limits.MAXIMUM_PART_BYTES:
        raise PartRefused(reason=f"A part has at most {limits.MAXIMUM_PART_BYTES} bytes")
    if not _MD5.fullmatch(md5):
        raise PartRefused(reason='"md5" must be the MD5 of the part, 32 hexadecimal digits')


def _require_room(file: File, index: int, size: int) -> None:
    attempts = file.parts.filter(index=index)
    if size == 0 and attempts.filter(state=PartState.COMPLETE, size__gt=0).exists():
        # `dx close` of a client that has sent nothing itself would else empty the first part (DX_PROTOCOL 6.2).
        raise FileNotOpen(file=file.public_id)
    if attempts.count() >= limits.ATTEMPTS_PER_PART:
        raise PartRefused(reason=f"Part {index} was begun {limits.ATTEMPTS_PER_PART} times. Upload the file anew")
    if file.parts.filter(state__in=[PartState.PENDING, PartState.ARRIVING]).count() >= limits.ANNOUNCED_MOST:
        raise PartRefused(reason=f"{limits.ANNOUNCED_MOST} parts of this file were announced and have not come. Send those first")
    held = file.parts.exclude(state=PartState.REPLACED).exclude(index=index).aggregate(held=Sum("size"))["held"] or 0
    if held + size > limits.MAXIMUM_FILE_BYTES:
        raise PartRefused(reason=f"A file has at most {limits.MAXIMUM_FILE_BYTES} bytes")


def _require_whole(file: File, parts: list[Part]) -> None:
    whole = {part.index for part in parts}
    pending = file.parts.filter(state__in=[PartState.PENDING, PartState.ARRIVING]).exclude(index__in=whole).order_by("index").first()
    if pending is not None:
        raise PartMissing(reason=f"Part {pending.index} of {file.public_id} has not arrived whole. Send it again, then close")
    small = next((part for part in parts[:-1] if part.size < limits.MINIMUM_PART_BYTES), None)
    if small is not None:
        raise PartMissing(
            reason=f"Part {small.index} of {file.public_id} has {small.size} bytes; all but the last need {limits.MINIMUM_PART_BYTES}"
        )
