"""What the events of this room say (see accounts.audit.Payload)."""

from dataclasses import dataclass, field

from accounts.audit import Event, Payload
from accounts.clients import device_name
from accounts.credentials import label_of
from accounts.wording import counted


@dataclass(frozen=True)
class AccountCreated(Payload, event=Event.ACCOUNT_CREATED, title="Account made"):
    """An account came into being."""


@dataclass(frozen=True)
class LoginPassed(Payload, event=Event.LOGIN_PASSED, title="Signed in"):
    """A login passed its last stage."""

    how: str = "password"
    new_device: bool = False
    failures_before: int = 0

    def sentence(self) -> str:
        """How, from what kind of browser, and after how many failures."""
        parts = [f"with {self.how}"]
        if self.new_device:
            parts.append("from a new device")
        if self.failures_before:
            parts.append(f"after {self.failures_before} failed attempt{'' if self.failures_before == 1 else 's'}")
        return ", ".join(parts)


@dataclass(frozen=True)
class LoginFailed(Payload, event=Event.LOGIN_FAILED, title="Sign-in failed"):
    """A wrong password."""

    def sentence(self) -> str:
        """That nobody got in."""
        return "wrong password; nobody got in"


@dataclass(frozen=True)
class LoginRefused(Payload, event=Event.LOGIN_REFUSED, title="Sign-in refused"):
    """Too many attempts: no password was looked at."""

    wait: str = ""

    def sentence(self) -> str:
        """Why nothing was checked."""
        return f"too many attempts; the next one was possible after {self.wait}" if self.wait else "the password is switched off"


@dataclass(frozen=True)
class LoginStopped(Payload, event=Event.LOGIN_STOPPED, title="Sign-in stopped after the password"):
    """The password was right, and what had to follow did not: a code, or the set-up of one where it is required."""

    def sentence(self) -> str:
        """That nobody got in."""
        return "the password was right; what had to follow did not, and nobody got in"


@dataclass(frozen=True)
class SessionEnded(Payload, event=Event.SESSION_ENDED, title="Session ended"):
    """A web session is over."""

    session_id: str
    why: str
    started: str
    device: str = ""
    address: str | None = None

    def sentence(self) -> str:
        """Which one, and why."""
        return f"{device_name(self.device)}: {label_of(self.why)}"


@dataclass(frozen=True)
class CredentialEnds(Payload, event=Event.PASSWORD_CHANGED, title="Password changed"):
    """What a credential change ended, by noun."""

    ended: dict[str, int] = field(default_factory=dict)
    tokens_revoked: bool = False

    def sentence(self) -> str:
        """Counts of what ended, and what was kept."""
        counts = [f"{count} {noun}{'' if count == 1 else 's'}" for noun, count in self.ended.items() if count]
        fate = "active tokens revoked" if self.tokens_revoked else "API tokens kept"
        return f"{', '.join(counts)} ended; {fate}" if counts else fate


@dataclass(frozen=True)
class PasswordReset(CredentialEnds, event=Event.PASSWORD_RESET, title="Password reset"):
    """A reset link was used."""


@dataclass(frozen=True)
class EmailChanged(CredentialEnds, event=Event.EMAIL_CHANGED, title="E-mail address changed"):
    """A new address was confirmed."""

    old: str = ""
    new: str = ""

    def sentence(self) -> str:
        """From which to which, and what ended."""
        return f"from {self.old} to {self.new}; {super().sentence()}"


@dataclass(frozen=True)
class ResetAsked(Payload, event=Event.PASSWORD_RESET_ASKED, title="Password reset asked for"):
    """A reset link was mailed."""

    def sentence(self) -> str:
        """That nothing changed yet."""
        return "a link was mailed to the account's address; nothing has changed"


@dataclass(frozen=True)
class ConfirmationFailed(Payload, event=Event.CONFIRMATION_FAILED, title="Wrong password given to confirm a change"):
    """A wrong current password in a form of a signed-in person."""


@dataclass(frozen=True)
class EmailChangeAsked(Payload, event=Event.EMAIL_CHANGE_ASKED, title="E-mail change asked for"):
    """A wish for a new address."""

    new: str

    def sentence(self) -> str:
        """To which address, and that nothing changed yet."""
        return f"to {self.new}; nothing changes until it is confirmed there"


@dataclass(frozen=True)
class EmailChangeCancelled(Payload, event=Event.EMAIL_CHANGE_CANCELLED, title="E-mail change cancelled"):
    """The wish is dead."""

    new: str

    def sentence(self) -> str:
        """Which address it was for."""
        return f"{self.new} will not become your address"


@dataclass(frozen=True)
class SupportAppointed(Payload, event=Event.SUPPORT_APPOINTED, title="Made a member of support"):
    """Whoever runs the server let somebody into the console."""


@dataclass(frozen=True)
class SupportDismissed(Payload, event=Event.SUPPORT_DISMISSED, title="No longer a member of support"):
    """The console is shut to them."""


@dataclass(frozen=True)
class BySupport:
    """What every act of support says: who of them, and why (ADM-04)."""

    by: str
    reason: str

    def sentence(self) -> str:
        """Who of support, and their reason."""
        return f"by {self.by} of support: “{self.reason}”"


@dataclass(frozen=True)
class EndedBySupport(BySupport):
    """An act of support that ended something, by noun."""

    ended: dict[str, int] = field(default_factory=dict)

    def sentence(self) -> str:
        """What ended, who of support, and their reason."""
        counts = ", ".join(counted(count, noun) for noun, count in self.ended.items() if count)
        return f"{counts} ended, {super().sentence()}" if counts else super().sentence()


class SupportEndedSessions(EndedBySupport, Payload, event=Event.SUPPORT_ENDED_SESSIONS, title="Sessions ended by support"):
    """Support ended every session."""


class SupportDeactivated(EndedBySupport, Payload, event=Event.SUPPORT_DEACTIVATED, title="Account switched off by support"):
    """Nobody signs in to it, and no token of it works."""


class SupportReactivated(BySupport, Payload, event=Event.SUPPORT_REACTIVATED, title="Account switched on by support"):
    """The person can sign in again; what ended stays ended."""


class SupportMailedReset(BySupport, Payload, event=Event.SUPPORT_MAILED_RESET, title="Password reset mailed by support"):
    """A reset link went to the account's address. Support does not see it."""


@dataclass(frozen=True)
class SupportUnlocked(BySupport, Payload, event=Event.SUPPORT_UNLOCKED, title="Account unlocked by support"):
    """Failures of passwords and codes are forgotten."""

    failures: int = 0

    def sentence(self) -> str:
        """How many failures were forgotten, who of support, and their reason."""
        return f"{counted(self.failures, 'failed attempt')} forgotten, {super().sentence()}"


@dataclass(frozen=True)
class LogExported(Payload, event=Event.LOG_EXPORTED, title="Security log exported"):
    """Entries of a security log were handed out as a file: one's own, those of an organization, or by support, who say why."""

    whose: str
    filters: dict[str, str] = field(default_factory=dict)
    org_id: str = ""
    reason: str = ""

    def sentence(self) -> str:
        """Whose log it was, which part of it, and why."""
        parts = ", ".join(f"{name} {value}" for name, value in self.filters.items())
        why = f". Support says: {self.reason}" if self.reason else ""
        return f"{self.whose}; {f'only {parts}' if parts else 'all of it'}{why}"

    @property
    def about(self) -> str:
        """The organization whose log it was."""
        return self.org_id


@dataclass(frozen=True)
class ServerRestored(Payload, event=Event.SERVER_RESTORED, title="Server restored from a backup"):
    """The database is that of a backup: what was of a login then was ended. Events between the backup and this one are not in this log."""

    ended: dict[str, int] = field(default_factory=dict)
    tokens_revoked_since: str = ""

    def sentence(self) -> str:
        """What was ended."""
        return ", ".join(f"{noun}: {count}" for noun, count in self.ended.items())
