"""An exact picture of all that a credential change may touch, to be compared with a later one."""

from typing import Any

from django.db import models

from accounts.models import Counter, EmailChange, EndedSession, OutboxMail, PasswordReset, SecurityEvent, Session, User
from tokens.models import Token
from twofactor.models import Authenticator, BackupCode, Enrolment, EnrolmentDue, ResetRequest

TABLES: tuple[type[models.Model], ...] = (
    User,
    Session,
    EndedSession,
    EmailChange,
    PasswordReset,
    OutboxMail,
    SecurityEvent,
    Token,
    Counter,
    Authenticator,
    BackupCode,
    Enrolment,
    EnrolmentDue,
    ResetRequest,
)

Picture = dict[str, list[dict[str, Any]]]


def picture() -> Picture:
    """Return every row of every table."""
    return {table.__name__: list(table._default_manager.order_by("pk").values()) for table in TABLES}
