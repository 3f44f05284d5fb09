"""State of the ground floor: people, their sessions and links, what was counted, what happened, what is to be mailed."""

from accounts.models.beats import WorkerBeat
from accounts.models.integrity import EventSeal, StateCheck
from accounts.models.logins import Counter, EmailChange, PasswordReset, StoppedLogin
from accounts.models.people import User, UserManager, UserQuerySet
from accounts.models.records import OutboxMail, SecurityEvent, SecurityEventQuerySet
from accounts.models.sessions import EndedSession, Session, SessionQuerySet, WhyEnded

__all__ = [
    "Counter",
    "EmailChange",
    "EndedSession",
    "EventSeal",
    "OutboxMail",
    "PasswordReset",
    "SecurityEvent",
    "SecurityEventQuerySet",
    "Session",
    "SessionQuerySet",
    "StateCheck",
    "StoppedLogin",
    "User",
    "UserManager",
    "UserQuerySet",
    "WhyEnded",
    "WorkerBeat",
]
