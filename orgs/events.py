"""What the security log says of organizations. Each event stands in the log of its organization, and with a person in theirs, too."""

from dataclasses import dataclass, field

from accounts.audit import Event, Payload


@dataclass(frozen=True)
class OfOrg:
    """What every event of an organization says: which one, how it was called then, and the reason where support acted."""

    org_id: str
    name: str
    reason: str = ""

    @property
    def about(self) -> str:
        """The organization's public id."""
        return self.org_id

    @property
    def why(self) -> str:
        """The reason of support, as the end of a sentence; empty where nobody had to give one."""
        return f". Support says: {self.reason}" if self.reason else ""

    def sentence(self) -> str:
        """Name the organization."""
        return f"“{self.name}”{self.why}"


@dataclass(frozen=True)
class OrgCreated(OfOrg, Payload, event=Event.ORG_CREATED, title="Organization made"):
    """Support made an organization; its first admin is the subject."""


@dataclass(frozen=True)
class OrgRenamed(OfOrg, Payload, event=Event.ORG_RENAMED, title="Organization renamed"):
    """An organization has another name."""

    name_before: str = ""

    def sentence(self) -> str:
        """Both names."""
        return f"“{self.name}”, called “{self.name_before}” before{self.why}"


@dataclass(frozen=True)
class OfInvitation(OfOrg):
    """What every event of an invitation says: whom it is for, as it was asked for, a username or an address, and the level."""

    invitee: str = ""
    level: str = ""

    def sentence(self) -> str:
        """Name the organization, whom the invitation is for, and the level."""
        return f"{self.invitee} to “{self.name}” as {self.level}{self.why}"


@dataclass(frozen=True)
class OrgInvited(OfInvitation, Payload, event=Event.ORG_INVITED, title="Invited to an organization"):
    """An invitation was mailed. Nobody is a member by it."""


@dataclass(frozen=True)
class OrgInvitationWithdrawn(OfInvitation, Payload, event=Event.ORG_INVITATION_WITHDRAWN, title="Invitation withdrawn"):
    """An invitation is dead before it was answered."""


@dataclass(frozen=True)
class OrgInvitationDeclined(OfInvitation, Payload, event=Event.ORG_INVITATION_DECLINED, title="Invitation declined"):
    """Whoever was invited does not want to be a member."""


@dataclass(frozen=True)
class OfOrgMember(OfOrg):
    """What every event of a member says: the level that they have now, or had last."""

    level: str = ""


@dataclass(frozen=True)
class OrgMemberAdded(OfOrgMember, Payload, event=Event.ORG_MEMBER_ADDED, title="Member of an organization"):
    """A person became a member."""

    def sentence(self) -> str:
        """Name the organization and the level."""
        return f"“{self.name}”, as {self.level}{self.why}"


@dataclass(frozen=True)
class OrgMemberChanged(OfOrgMember, Payload, event=Event.ORG_MEMBER_CHANGED, title="Level in an organization changed"):
    """A member has another level."""

    level_before: str = ""

    def sentence(self) -> str:
        """Name the organization and both levels."""
        return f"“{self.name}”, from {self.level_before} to {self.level}{self.why}"


@dataclass(frozen=True)
class OrgMemberRemoved(OfOrgMember, Payload, event=Event.ORG_MEMBER_REMOVED, title="Removed from an organization"):
    """A person is no longer a member; `left` says that they went by themselves, `lost` how many things of the organization they lost."""

    left: bool = False
    lost: int = 0

    def sentence(self) -> str:
        """Name the organization, the level that is gone, and what went with it."""
        lost = f"; lost {self.lost} project{'' if self.lost == 1 else 's'} of it" if self.lost else ""
        return f"{'left ' if self.left else ''}“{self.name}”, {self.level} before{lost}{self.why}"


@dataclass(frozen=True)
class OrgPoliciesChanged(OfOrg, Payload, event=Event.ORG_POLICIES_CHANGED, title="Policies of an organization changed"):
    """Policies are others: each with what it was and is by now, as words and by its name in REST; and whom that hit."""

    changes: list[dict[str, str]] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)

    def sentence(self) -> str:
        """Every change, from what to what."""
        return f"“{self.name}”: {'; '.join(change['words'] for change in self.changes)}{self.why}"
