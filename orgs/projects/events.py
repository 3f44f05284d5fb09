"""What the security log says of projects. Events of members stand in the history of the member."""

from dataclasses import dataclass

from accounts.audit import Event, Payload


class AboutProject:
    """An event of one project, which stands in that project's own history."""

    project_id: str

    @property
    def about(self) -> str:
        """The project's public id."""
        return self.project_id


@dataclass(frozen=True)
class OfProject(AboutProject):
    """What every event of a project says: which one, and how it was called then."""

    project_id: str
    name: str

    def sentence(self) -> str:
        """Name the project."""
        return f"“{self.name}”"


@dataclass(frozen=True)
class ProjectCreated(OfProject, Payload, event=Event.PROJECT_CREATED, title="Project made"):
    """A project was made; `org` is the id of the organization that it belongs to, if it does."""

    phi: bool = False
    org: str = ""


@dataclass(frozen=True)
class ProjectChanged(OfProject, Payload, event=Event.PROJECT_CHANGED, title="Project changed"):
    """Name, texts or the PHI mark were changed; `changed` names the fields, `name_before` the former name."""

    changed: tuple[str, ...] = ()
    name_before: str = ""

    def sentence(self) -> str:
        """Name the project, and what is new."""
        renamed = f", called “{self.name_before}” before" if self.name_before else ""
        others = [field for field in self.changed if field != "name"]
        return f"“{self.name}”{renamed}{': ' if others else ''}{', '.join(others)}"


@dataclass(frozen=True)
class ProjectDeleted(OfProject, Payload, event=Event.PROJECT_DELETED, title="Project deleted"):
    """A project was deleted, with all that was in it; `members` says how many people lost it."""

    members: int = 0


@dataclass(frozen=True)
class OfMember(OfProject):
    """What every event of a member says: the level that they have now, or had last."""

    level: str


@dataclass(frozen=True)
class ProjectMemberAdded(OfMember, Payload, event=Event.PROJECT_MEMBER_ADDED, title="Added to a project"):
    """A person became a member."""

    def sentence(self) -> str:
        """Name the project and the level."""
        return f"“{self.name}”, with {self.level}"


@dataclass(frozen=True)
class ProjectMemberChanged(OfMember, Payload, event=Event.PROJECT_MEMBER_CHANGED, title="Level in a project changed"):
    """A member has another level."""

    level_before: str = ""

    def sentence(self) -> str:
        """Name the project and both levels."""
        return f"“{self.name}”, from {self.level_before} to {self.level}"


@dataclass(frozen=True)
class ProjectMemberRemoved(OfMember, Payload, event=Event.PROJECT_MEMBER_REMOVED, title="Removed from a project"):
    """A person is no longer a member; `left` says that they went by themselves."""

    left: bool = False

    def sentence(self) -> str:
        """Name the project and the level that is gone."""
        return f"{'left ' if self.left else ''}“{self.name}”, {self.level} before"
