"""What the security log says of work: who ended what, and how much there was of it by then."""

from dataclasses import dataclass, field

from django.urls import reverse

from accounts import audit
from accounts.audit import Actor, Event, Payload
from accounts.credentials import NAMES_SHOWN, Casualties
from accounts.wording import counted
from orgs.projects.models import Project
from tokens.models import reason_words


@dataclass(frozen=True)
class JobStarted(Payload, event=Event.JOB_STARTED, title="Job started"):
    """A job was registered; `token_id` is its own token, `launched_with` the one that launched it ("" for a web session)."""

    job_id: str
    name: str
    project_id: str
    token_id: str
    launched_with: str = ""

    @property
    def about(self) -> str:
        """The job's public id."""
        return self.job_id

    @property
    def page(self) -> str:
        """The job's page."""
        return reverse("work:one", args=[self.job_id])

    def sentence(self) -> str:
        """Name the job."""
        return f"“{self.name}”"


@dataclass(frozen=True)
class WorkEnded(Payload, event=Event.WORK_ENDED, title="Running work ended"):
    """An act ended work that ran: how many of each kind, and the names of the first 20. `why` names the act."""

    why: str
    counts: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    work_id: str = ""
    message: str = ""

    @property
    def about(self) -> str:
        """The public id, where it was one."""
        return self.work_id

    @property
    def page(self) -> str:
        """The page of what ended, where it was one."""
        return reverse("work:one", args=[self.work_id]) if self.work_id else ""

    def sentence(self) -> str:
        """Name what ended, and the act."""
        ended = ", ".join(counted(number, noun) for noun, number in self.counts.items())
        named = ", ".join(f"“{name}”" for name in self.names)
        return f"{ended}: {named}; {reason_words(self.why)}"


@dataclass(frozen=True)
class FilesRemoved(Payload, event=Event.FILES_REMOVED, title="Files removed"):
    """Files were taken out of a project: how many, and the names of the first 20."""

    project_id: str
    project: str
    count: int
    names: list[str] = field(default_factory=list)

    @property
    def about(self) -> str:
        """The public id of the project, in whose history it stands."""
        return self.project_id

    def sentence(self) -> str:
        """How many, from where, and their names."""
        named = ", ".join(f"“{name}”" for name in self.names)
        return f"{counted(self.count, 'file')} of “{self.project}”: {named}{' and others' if self.count > len(self.names) else ''}"


def record_removed(project: Project, names: list[str], *, actor: Actor) -> None:
    """Write into the log of whoever acts that files of these names are gone from `project`; nothing where there are none."""
    if names:
        event = FilesRemoved(project.public_id, project.name, len(names), sorted(names)[:NAMES_SHOWN])
        audit.record(event, subject=actor.user, actor=actor)


def ended(casualties: list[Casualties], *, why: str, work_id: str = "", message: str = "") -> WorkEnded:
    """Return the event of an act that ended these."""
    return WorkEnded(
        why=why, counts={one.noun: one.count for one in casualties}, names=[name for one in casualties for name in one.names],
        work_id=work_id, message=message,
    )  # fmt: skip
