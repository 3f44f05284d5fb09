"""What the security log says of the second factor. Never a code, never a key."""

from dataclasses import dataclass

from accounts.audit import Event, Payload
from accounts.events import CredentialEnds
from accounts.reporting import report_page
from accounts.wording import counted


@dataclass(frozen=True)
class CodeRefused(Payload, event=Event.CODE_REFUSED, title="Wrong code after the right password"):
    """Somebody knew the password and not the code."""

    def sentence(self) -> str:
        """That nobody got in."""
        return "nobody got in, and nothing has changed"


@dataclass(frozen=True)
class CodesLocked(Payload, event=Event.CODES_LOCKED, title="Codes locked for a day"):
    """The budget of a day is spent."""

    wrong_codes: int

    def sentence(self) -> str:
        """How many there were."""
        return f"{self.wrong_codes} wrong codes in 24 hours"


@dataclass(frozen=True)
class BackupCodeUsed(Payload, event=Event.BACKUP_CODE_USED, title="Backup code used"):
    """A backup code stood where a code of the app would have."""

    left: int

    def sentence(self) -> str:
        """How many are left."""
        return f"{counted(self.left, 'backup code')} left"


@dataclass(frozen=True)
class BackupCodesRenewed(Payload, event=Event.BACKUP_CODES_RENEWED, title="New backup codes made"):
    """New codes replaced all old ones."""

    def sentence(self) -> str:
        """What became of the old ones."""
        return "the old ones no longer work"


@dataclass(frozen=True)
class TwoFactorTurnedOn(CredentialEnds, event=Event.TWO_FACTOR_ON, title="Two-factor authentication turned on"):
    """From now on a login needs a code."""

    app: str = ""


@dataclass(frozen=True)
class TwoFactorTurnedOff(CredentialEnds, event=Event.TWO_FACTOR_OFF, title="Two-factor authentication turned off"):
    """The password alone is enough again."""


@dataclass(frozen=True)
class OfReset:
    """What every event of a reset by support says: which one, and who of support asked for it, and why."""

    reset_id: str
    asked_by: str
    asked_reason: str

    def sentence(self) -> str:
        """Who asked, and why."""
        return f"{self.asked_by} of support asked: “{self.asked_reason}”"


@dataclass(frozen=True)
class OfAgreedReset(OfReset):
    """Somebody else of support may have agreed by then."""

    agreed_by: str = ""
    agreed_reason: str = ""

    def sentence(self) -> str:
        """Who asked and who agreed, and why."""
        agreed = f"; {self.agreed_by} of support agreed: “{self.agreed_reason}”" if self.agreed_by else ""
        return f"{super().sentence()}{agreed}"


@dataclass(frozen=True)
class ResetAsked(OfReset, Payload, event=Event.TWO_FACTOR_RESET_ASKED, title="Reset of two-factor authentication asked for"):
    """Somebody of support wants to take it off; nothing has changed."""


@dataclass(frozen=True)
class ResetAgreed(OfAgreedReset, Payload, event=Event.TWO_FACTOR_RESET_AGREED, title="Reset of two-factor authentication agreed to"):
    """A second one agreed; `due_at` is when it comes about, unless the person objects."""

    due_at: str = ""


@dataclass(frozen=True)
class ResetWithdrawn(OfAgreedReset, Payload, event=Event.TWO_FACTOR_RESET_WITHDRAWN, title="Reset of two-factor authentication withdrawn"):
    """Support changed its mind; `reason` says why."""

    withdrawn_by: str = ""
    reason: str = ""

    def sentence(self) -> str:
        """Who withdrew it, and why."""
        by = f"{self.withdrawn_by} of support withdrew it" if self.withdrawn_by else "withdrawn"
        return f"{by}: “{self.reason}”; two-factor authentication stays on"


@dataclass(frozen=True)
class ResetObjected(OfAgreedReset, Payload, event=Event.TWO_FACTOR_RESET_OBJECTED, title="Reset of two-factor authentication objected to"):
    """The person, or whoever reads their mail, said no."""

    by_link: bool = False

    def sentence(self) -> str:
        """By which way, and what became of it."""
        return f"{'by the link in the mail' if self.by_link else 'on Account Security'}; two-factor authentication stays on"


@dataclass(frozen=True)
class ResetOvertaken(OfAgreedReset, Payload, event=Event.TWO_FACTOR_RESET_OVERTAKEN, title="Reset of two-factor authentication is void"):
    """The person showed that they need none: `by` a code at a login, or a credential change."""

    by: str = ""

    def sentence(self) -> str:
        """What made it void."""
        return f"{self.by}: the reset that support prepared will not come about"


@dataclass(frozen=True)
class ResetDone(CredentialEnds, event=Event.TWO_FACTOR_RESET_DONE, title="Two-factor authentication taken off by support"):
    """Two of support agreed, and the wait went by without an objection."""

    reset_id: str = ""
    asked_by: str = ""
    asked_reason: str = ""
    agreed_by: str = ""
    agreed_reason: str = ""

    def sentence(self) -> str:
        """Who asked, who agreed, and what ended."""
        asked = f"{self.asked_by} of support asked: “{self.asked_reason}”; {self.agreed_by} agreed: “{self.agreed_reason}”"
        return f"{asked}; {super().sentence()}"


@dataclass(frozen=True)
class AccountSecured(CredentialEnds, event=Event.ACCOUNT_SECURED, title="Account secured after a suspicion"):
    """The one act of somebody who may be compromised; `since` is from when on they doubt."""

    since: str = ""
    two_factor_renewed: bool = False
    email_change_withdrawn: bool = False

    @property
    def page(self) -> str:
        """The report of what was touched since then."""
        return report_page(self.since)

    def sentence(self) -> str:
        """What ended, and what has to be set up anew."""
        return super().sentence() + ("; two-factor authentication has to be set up anew" if self.two_factor_renewed else "")
