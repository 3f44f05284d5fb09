"""Support's door to this room: the panel of a person's second factor, and its reset by two of support (S6.11, ADM-05)."""

from typing import Any

from django.http import QueryDict

from accounts.desk import Act, Panel
from accounts.models import User
from accounts.support import Staff
from accounts.templatetags.gatehouse import when_text
from orgs import policies
from twofactor import budget, flows, limits
from twofactor.models import Authenticator, BackupCode

RESET = "request"  # the field that names the request which the page showed


def panel(person: User) -> Panel:
    """Return since when it is on, how many backup codes are left, which codes were wrong, and a reset that is under way."""
    device = Authenticator.objects.filter(user=person).first()
    return {
        "template": "admin/_second_factor.html", "device": device, "of": limits.BACKUP_CODES,
        "left": BackupCode.objects.of(person).left().count(), "spent": budget.spent(person),
        "rule": policies.second_factor_rule(person), "reset": flows.find_open_reset(user=person),
    }  # fmt: skip


def _weigh_request(person: User, given: QueryDict) -> dict[str, Any]:
    return {"wait_hours": policies.reset_wait_hours_for(person), "device": Authenticator.objects.filter(user=person).first()}


def _weigh_open(person: User, given: QueryDict) -> dict[str, Any]:
    reset = flows.find_open_reset(user=person)
    return {"reset": reset, "wait_hours": reset.wait_hours if reset else policies.reset_wait_hours_for(person)}


def _ask(staff: Staff, person: User, given: QueryDict) -> str:
    flows.ask(staff=staff, person=person, actor=staff.actor)
    return "Asked for. The person is told, and somebody else of support has to agree."


def _agree(staff: Staff, person: User, given: QueryDict) -> str:
    agreed = flows.agree(staff=staff, request_id=given.get(RESET, ""), actor=staff.actor, person=person)
    return f"Agreed. The person can object until {when_text(agreed.due_at)}; then two-factor authentication goes off."


def _withdraw(staff: Staff, person: User, given: QueryDict) -> str:
    flows.withdraw(staff=staff, request_id=given.get(RESET, ""), actor=staff.actor, person=person)
    return "Withdrawn. Two-factor authentication stays on."


ASK = Act(
    name="ask-2fa-reset", title="Ask for a two-factor reset", template="admin/acts/_ask_2fa_reset.html", do=_ask,
    button="Ask for the reset", weigh=_weigh_request,
)  # fmt: skip
AGREE = Act(
    name="agree-2fa-reset", title="Agree to the two-factor reset", template="admin/acts/_agree_2fa_reset.html", do=_agree,
    button="Agree", weigh=_weigh_open,
)  # fmt: skip
WITHDRAW = Act(
    name="withdraw-2fa-reset", title="Withdraw the two-factor reset", template="admin/acts/_withdraw_2fa_reset.html", do=_withdraw,
    button="Withdraw it", destroys=False, weigh=_weigh_open,
)  # fmt: skip
ACTS = (ASK, AGREE, WITHDRAW)
