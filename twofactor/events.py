"""What the security log says of the second factor. Never a code, never a key."""

from dataclasses import dataclass

from accounts.audit import Event, Payload
from accounts.events import CredentialEnds
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
