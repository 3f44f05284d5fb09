"""What this room shows elsewhere: its row on Account Security (settings.SECURITY_ROWS), and who has a second factor (MEMBER_FACTS)."""

from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest

from accounts.models import User
from accounts.wording import spell_moment
from orgs import policies
from orgs.models import Organization
from twofactor import flows, limits
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
    return shown if device is None else {**shown, **_codes(user), **_reset(user)}


def _reset(user: User) -> dict[str, Any]:
    found = flows.find_open_reset(user=user)
    if found is None:
        return {}
    when = f"It happens after {spell_moment(found.due_at)}" if found.due_at else "A second member of support has to agree first"
    text = f"{found.asked_by.display_name} of support asked: “{found.asked_reason}” {when}. You have your codes? Object to it below."
    return {"reset": found, "warning": ("Support wants to turn your two-factor authentication off", text)}


def home(request: HttpRequest, user: User) -> dict[str, Any]:
    """Return the section of the home page for somebody who will have to set it up: by when, and for whom. No query for others."""
    rule = policies.second_factor_rule(user) if user.must_enrol_at is not None else None
    return {"template": "twofactor/_home.html", "rule": rule}


def member_facts(org: Organization, users: list[User]) -> dict[int, dict[str, Any]]:
    """Return by id of user whether they have a second factor. One query."""
    having = set(Authenticator.objects.filter(user__in=users).values_list("user", flat=True))
    return {user.pk: {"second_factor": user.pk in having} for user in users}


def to_look_at(org: Organization) -> Q:
    """Return the condition, on members of `org`, that they have no second factor."""
    return Q(~Exists(Authenticator.objects.filter(user=OuterRef("user"))))


def _codes(user: User) -> dict[str, Any]:
    left = BackupCode.objects.of(user).left().count()
    few = (f"You have {left} backup code{'' if left == 1 else 's'} left", "Make new ones before the last one is used.")
    return {"left": left, "warning": None if left > limits.BACKUP_CODES_WARNED else few if left else _NONE_LEFT}
