"""The row of this room on the page Account Security (settings.SECURITY_ROWS)."""

from typing import Any

from accounts.models import User
from orgs import policies
from twofactor import limits
from twofactor.models import Authenticator, BackupCode

_UNPROTECTED = (
    "Your account is protected by a password only",
    "Turn on two-factor authentication below. It takes about two minutes and an app on your phone.",
)
_NONE_LEFT = ("You have no backup codes left", "Make new ones, or a lost phone locks you out.")


def row(user: User) -> dict[str, Any]:
    """Return the template of the row and what it shows; `warning`: title and text for the head of the page, or None."""
    device = Authenticator.objects.filter(user=user).first()
    shown: dict[str, Any] = {
        "template": "twofactor/_row.html", "device": device, "rule": policies.second_factor_rule(user), "of": limits.BACKUP_CODES,
        "warning": _UNPROTECTED if device is None else None,
    }  # fmt: skip
    return shown if device is None else {**shown, **_codes(user)}


def _codes(user: User) -> dict[str, Any]:
    left = BackupCode.objects.of(user).left().count()
    few = (f"You have {left} backup code{'' if left == 1 else 's'} left", "Make new ones before the last one is used.")
    return {"left": left, "warning": None if left > limits.BACKUP_CODES_WARNED else few if left else _NONE_LEFT}
