"""Files: what they hold (parts), and where they stand (projects). Bytes are in the storage, one object for each part."""

from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Left
from django.utils import timezone

from accounts.ids import is_public_id, new_id, new_public_id
from orgs.projects.limits import PROPERTY_KEY_MAX_CHARS, PROPERTY_VALUE_MAX_CHARS, TAG_MAX_CHARS
from orgs.projects.models import ROOT, Folder, Project, ProjectQuerySet
from tokens.work import limits


def new_file_id() -> str:
    """Return a fresh `file-…` id."""
    return new_public_id("file")


class FileState(models.TextChoices):
    """`open`: parts may come. `closed`: whole, and never changed again. `dropped`: its upload ended before that; it will be swept."""

    OPEN = "open"
    CLOSED = "closed"
    DROPPED = "dropped"


class File(models.Model):
    """What a file holds. Where it stands, and how it is called there, says FileInProject."""

    public_id = models.CharField(max_length=32, unique=True, default=new_file_id, editable=False)
    state = models.CharField(max_length=7, choices=FileState.choices, default=FileState.OPEN)
    size = models.BigIntegerField(null=True)
    media = models.CharField(max_length=limits.MEDIA_MAX_CHARS, blank=True)
    details = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    # A request that came twice makes one file (DX_PROTOCOL 12.5): the digests of its nonce and of its body.
    nonce_digest = models.CharField(max_length=64, null=True)  # noqa: DJ001  (unique where there is one)
    body_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["created_by", "nonce_digest"], name="work_file_nonce_once"),
            models.CheckConstraint(
                condition=(models.Q(state="closed") & models.Q(size__isnull=False)) | (~models.Q(state="closed") & models.Q(size=None)),
                name="work_file_size_when_closed",
            ),
        ]
        indexes = [
            models.Index(fields=["created_by"], condition=models.Q(state="open"), name="work_file_open_of"),
            models.Index(fields=["state"], condition=models.Q(state="dropped"), name="work_file_dropped"),
            models.Index(fields=["created"], condition=models.Q(nonce_digest__isnull=False), name="work_file_nonce_age"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def is_closed(self) -> bool:
        """Whether it is whole, and can be read."""
        return self.state == FileState.CLOSED


class FileInProjectQuerySet(models.QuerySet["FileInProject"]):
    """Questions about files in projects."""

    def standing(self) -> Self:
        """Those that are there: not those whose upload was cut."""
        return self.exclude(file__state=FileState.DROPPED)

    def reached_in(self, projects: ProjectQuerySet) -> Self:
        """Those in one of `projects`, which carry the asking person's level."""
        return self.standing().filter(project__in=projects.order_by().values("pk"))

    def of_id(self, public_id: str) -> Self:
        """Those of the file of this id, if it can be one at all."""
        return self.filter(file__public_id=public_id) if is_public_id(public_id, "file") else self.none()

    def inside(self, path: str) -> Self:
        """Those directly in the folder `path`."""
        return self.filter(folder=None) if path == ROOT else self.filter(folder__path=path)

    def below(self, path: str) -> Self:
        """Those in the folder `path`, and in all below it."""
        if path == ROOT:
            return self
        inner = models.Q(folder__path=path) | models.Q(head=f"{path}/")
        return self.annotate(head=Left("folder__path", len(path) + 1)).filter(inner)

    def whole(self) -> Self:
        """The same, with what a description says, but for words, properties and parts."""
        return self.select_related("file", "file__created_by", "project", "folder")


class FileInProject(models.Model):
    """A file in a project, once at most: folder (None: the root), name, and what people wrote to it there."""

    file = models.ForeignKey(File, on_delete=models.CASCADE, related_name="places")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="files")
    folder = models.ForeignKey(Folder, on_delete=models.CASCADE, null=True, related_name="files")
    name = models.CharField(max_length=limits.FILE_NAME_MAX_CHARS)
    hidden = models.BooleanField(default=False)
    created = models.DateTimeField(default=timezone.now)
    modified = models.DateTimeField(default=timezone.now)

    objects = FileInProjectQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["file", "project"], name="work_file_in_project_once")]
        indexes = [
            models.Index(fields=["project", "folder", "name"], name="work_file_by_name"),
            models.Index(fields=["project", "id"], name="work_file_by_age"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """The path of its folder."""
        return ROOT if self.folder is None else self.folder.path

    def words(self, kind: "WordKind") -> list[str]:
        """Return its tags, or its types."""
        return sorted(one.word for one in self.marks.all() if one.kind == kind)


class WordKind(models.TextChoices):
    """What a word on a file is."""

    TAG = "tag"
    TYPE = "type"


class FileWord(models.Model):
    """A word by which files are found again; the same one once at most."""

    place = models.ForeignKey(FileInProject, on_delete=models.CASCADE, related_name="marks")
    kind = models.CharField(max_length=4, choices=WordKind.choices)
    word = models.CharField(max_length=TAG_MAX_CHARS)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "kind", "word"], name="work_word_once")]

    def __str__(self) -> str:
        return self.word


class FileProperty(models.Model):
    """A key with a value, for programs."""

    place = models.ForeignKey(FileInProject, on_delete=models.CASCADE, related_name="properties")
    key = models.CharField(max_length=PROPERTY_KEY_MAX_CHARS)
    value = models.CharField(max_length=PROPERTY_VALUE_MAX_CHARS, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["place", "key"], name="work_property_once")]

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class PartState(models.TextChoices):
    """`pending`: announced. `arriving`: its bytes come, or came to nothing. `replaced`: another attempt has taken its place."""

    PENDING = "pending"
    ARRIVING = "arriving"
    COMPLETE = "complete"
    REPLACED = "replaced"


class Part(models.Model):
    """One attempt at a part of a file. Its row is there before its bytes are, so that no byte is without an owner."""

    file = models.ForeignKey(File, on_delete=models.CASCADE, related_name="parts")
    index = models.PositiveIntegerField()
    key = models.CharField(max_length=24, unique=True, default=new_id, editable=False)
    size = models.BigIntegerField()
    md5 = models.CharField(max_length=32)
    state = models.CharField(max_length=8, choices=PartState.choices, default=PartState.PENDING)
    announced = models.DateTimeField(default=timezone.now)
    touched = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["file", "index"], condition=models.Q(state="complete"), name="work_part_complete_once"),
            models.CheckConstraint(condition=models.Q(size__gte=0), name="work_part_size_known"),
        ]
        indexes = [
            models.Index(fields=["file", "index"], name="work_part_of_file"),
            models.Index(fields=["touched"], condition=~models.Q(state="complete"), name="work_part_leftover"),
        ]

    def __str__(self) -> str:
        return f"part {self.index} of {self.file_id}"

    @property
    def stored_as(self) -> str:
        """The name of its bytes in the storage: of ids alone, never of what somebody typed (JOB-07)."""
        return f"{self.file.public_id}/{self.key}"

    def as_json(self) -> dict[str, Any]:
        """Return what the dx protocol says of it (DX_PROTOCOL 6.3)."""
        state = PartState.COMPLETE if self.state == PartState.COMPLETE else PartState.PENDING
        return {"md5": self.md5, "size": self.size, "state": state.value}
