"""What the worker does, and how often."""

from dataclasses import dataclass

from accounts.wording import spell_span


@dataclass(frozen=True)
class Task:
    """A function of a room, by its dotted path; it does one small round and returns how many things it did."""

    name: str
    target: str
    period_seconds: float

    @property
    def period(self) -> str:
        """How often, in words: "2 s", "5 min"."""
        return spell_span(int(self.period_seconds))


TASKS = (
    Task("mails", "accounts.outbox.deliver_due", 1),
    Task("tokens", "tokens.flows.expire_due", 2),
    Task("replaced tokens", "tokens.flows.retire_due", 5),
    Task("reminders", "tokens.flows.remind_due", 300),
    Task("idempotency keys", "tokens.idempotency.sweep", 300),
    Task("stopped logins", "accounts.stopped.report_due", 60),
    Task("resets by support", "twofactor.flows.carry_out_due", 10),
    Task("second factor", "twofactor.sweeping.sweep", 300),
    Task("jobs", "tokens.work.flows.fail_vanished_due", 2),
    Task("uploads", "tokens.work.flows.give_up_uploads_due", 60),
    Task("downloads", "tokens.work.flows.end_downloads_due", 30),
    Task("bytes", "tokens.work.sweeping.sweep", 60),
    Task("idle limits", "orgs.settling.settle_recent", 5),
    Task("second factor rules", "twofactor.gate.settle_recent", 5),
    Task("token lives", "tokens.settling.settle_recent", 5),
    Task("rehearsals", "orgs.rehearsals.sweep", 300),
    Task("invitations", "orgs.sweeping.sweep", 300),
    Task("sessions", "accounts.sessions.sweep", 30),
    Task("leftovers", "accounts.sweeping.sweep", 300),
    Task("write-ahead log", "config.wal.checkpoint", 60),
    Task("seals", "accounts.seals.seal_due", 2),
    Task("state", "accounts.verifying.check_due", 600),
)
