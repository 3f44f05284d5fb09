"""Support's door to this room: panels of account, sessions and history of a person, and the acts on them (S8.2, S8.3)."""

from django.http import QueryDict
from django.utils import timezone

from accounts import credentials, flows, history, throttle
from accounts.desk import Act, Panel
from accounts.models import EmailChange, Session, User
from accounts.support import Staff
from accounts.wording import counted

SESSIONS_SHOWN, EVENTS_SHOWN = 5, 10


def account(person: User) -> Panel:
    """Return who they are, and what keeps them from signing in."""
    pending = EmailChange.objects.alive(timezone.now()).filter(user=person).first()
    return {"template": "admin/_account.html", "lock": throttle.lock_of(person.username), "pending": pending}


def sessions(person: User) -> Panel:
    """Return where they are signed in."""
    rows = list(_live(person))
    shown = [history.show_session(row, None) for row in rows[:SESSIONS_SHOWN]]
    return {"template": "admin/_sessions.html", "sessions": shown, "count": len(rows), "more": len(rows) - len(shown)}


def log(person: User) -> Panel:
    """Return what happened last."""
    return {"template": "admin/_log.html", "entries": history.latest(person, EVENTS_SHOWN)}


def _live(person: User) -> list[Session]:
    # At most 50 of a person (SES-12).
    return list(Session.objects.of(person).live(timezone.now()).order_by("-last_activity", "pk"))


def _end_sessions(staff: Staff, person: User, given: QueryDict) -> str:
    ended = flows.end_sessions(staff=staff, person=person, actor=staff.actor)
    return f"Ended: {counted(sum(one.count for one in ended), 'session')}. Every browser is at the login page with its next click."


def _send_reset(staff: Staff, person: User, given: QueryDict) -> str:
    flows.send_reset(staff=staff, person=person, actor=staff.actor)
    return "A reset link is on its way to the stored address. It works for an hour, and once."


def _unlock(staff: Staff, person: User, given: QueryDict) -> str:
    forgotten = flows.unlock(staff=staff, person=person, actor=staff.actor)
    return f"Unlocked: {counted(forgotten, 'failed attempt')} forgotten."


def _deactivate(staff: Staff, person: User, given: QueryDict) -> str:
    ended = flows.deactivate(staff=staff, person=person, actor=staff.actor)
    counts = ", ".join(counted(count, noun) for noun, count in credentials.counts(ended).items())
    return f"Switched off. Ended: {counts}." if counts else "Switched off. Nothing was open, and nothing ran."


def _reactivate(staff: Staff, person: User, given: QueryDict) -> str:
    flows.reactivate(staff=staff, person=person, actor=staff.actor)
    return "Switched on. They can sign in as before."


END_SESSIONS = Act(
    name="end-sessions", title="End all sessions", template="admin/acts/_end_sessions.html", do=_end_sessions, keep="Keep them",
    weigh=lambda person, given: {"sessions": [history.show_session(row, None) for row in _live(person)]},
)  # fmt: skip
SEND_RESET = Act(
    name="send-reset", title="Mail a reset link", template="admin/acts/_send_reset.html", do=_send_reset, button="Mail the link",
    destroys=False,
)  # fmt: skip
UNLOCK = Act(
    name="unlock", title="Unlock", template="admin/acts/_unlock.html", do=_unlock, destroys=False,
    weigh=lambda person, given: {"lock": throttle.lock_of(person.username)},
)  # fmt: skip
DEACTIVATE = Act(
    name="deactivate", title="Switch the account off", template="admin/acts/_deactivate.html", do=_deactivate, button="Switch off",
    keep="Leave it on", weigh=lambda person, given: {"casualties": credentials.casualties(person), "sessions": len(_live(person))},
)  # fmt: skip
REACTIVATE = Act(
    name="reactivate", title="Switch the account on", template="admin/acts/_reactivate.html", do=_reactivate, button="Switch on",
    destroys=False,
)  # fmt: skip
ACTS = (END_SESSIONS, SEND_RESET, UNLOCK, DEACTIVATE, REACTIVATE)
