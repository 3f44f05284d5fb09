"""What somebody wants the policies of an organization to be, and what that changes: nothing is stored here."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.utils import timezone

from accounts.wording import SECONDS_PER_MINUTE, counted, spell_moment
from orgs import limits
from orgs.errors import PolicyRefused
from orgs.models import Organization, Policy, Rehearsal

GRACE, RESET_WAIT = "gracePeriodDays", "resetWaitHours"  # the names in REST of what is no Policy by itself
OFF = "off"


class Unsaid(Enum):
    """The wish of somebody who says nothing of a policy; None is a wish, where a policy can be none."""

    UNSAID = "unsaid"


UNSAID = Unsaid.UNSAID
Tried = Mapping[Policy, int | bool | None]  # minutes or days; True where it is a yes or no; None: not tried out any more


@dataclass(frozen=True)
class PolicyWishes:
    """The policies as they shall be. `report_only` names those that shall only be tried out; others stay as they are.

    Minutes (1 to 1440), days (grace 0 to 90, token life 1 to 365), hours (1 to 24). None: no such policy.
    """

    auto_logout_after: int | None | Unsaid = UNSAID
    require_second_factor: bool | Unsaid = UNSAID
    grace_days: int | Unsaid = UNSAID
    longest_token_life: int | None | Unsaid = UNSAID
    tokens_allowed: bool | Unsaid = UNSAID
    reset_wait_hours: int | None | Unsaid = UNSAID
    report_only: Tried = field(default_factory=dict)


@dataclass(frozen=True)
class PolicyChange:
    """One policy that is to be, or was, another; `policy` is its name in REST."""

    policy: str
    label: str
    before: str
    after: str
    report_only: bool = False

    @property
    def words(self) -> str:
        """The change as people read it."""
        return f"{self.label}: {self.before} → {self.after}"


@dataclass(frozen=True)
class Draft:
    """An organization as the wishes would make it: `org` is a copy that is not stored, `tried` what it would try out then."""

    org: Organization
    changes: tuple[PolicyChange, ...]
    tried: dict[Policy, int | None]
    tried_before: dict[Policy, int | None]

    @property
    def changed(self) -> set[Policy]:
        """The policies that would be others; the grace period counts as two-factor authentication."""
        return self._of(report_only=False)

    @property
    def tried_changed(self) -> set[Policy]:
        """The policies that would be tried out, or no longer, or with another value."""
        return self._of(report_only=True)

    def _of(self, *, report_only: bool) -> set[Policy]:
        names = {change.policy for change in self.changes if change.report_only == report_only}
        own = {Policy(name) for name in names & set(Policy.values)}
        return own | ({Policy.SECOND_FACTOR} if GRACE in names else set())


def draft(org: Organization, wishes: PolicyWishes) -> Draft:
    """Return what `wishes` make of `org`. One query, for what it tries out now. Raises PolicyRefused for a value out of bounds."""
    now, after = timezone.now(), copy.copy(org)
    _take_number(
        after, "auto_logout_after_minutes", wishes.auto_logout_after, Policy.AUTO_LOGOUT, limits.AUTO_LOGOUT_MOST_MINUTES, "minutes"
    )
    _take_number(after, "longest_token_life_days", wishes.longest_token_life, Policy.TOKEN_LIFE, limits.TOKEN_LIFE_MOST_DAYS, "days")
    _take_number(after, "reset_wait_hours", wishes.reset_wait_hours, RESET_WAIT, limits.RESET_WAIT_MOST_HOURS, "hours")
    if wishes.tokens_allowed is not UNSAID:
        after.tokens_allowed = wishes.tokens_allowed
    _take_second_factor(after, wishes, now)
    before = {row.policy: row for row in Rehearsal.objects.filter(org=org)}
    tried_before = {Policy(name): row.value for name, row in before.items()}
    tried = _tried(after, tried_before, wishes.report_only)
    changes = (*_changes(org, after), *_tried_changes(tried_before, tried))
    return Draft(after, changes, tried, tried_before)


def spell_after(policy: str, org: Organization) -> str:
    """Return the value of a policy of `org` as people read it."""
    if policy == Policy.AUTO_LOGOUT:
        minutes = org.auto_logout_after_minutes
        house = counted(settings.IDLE_LIMIT_SECONDS // SECONDS_PER_MINUTE, "minute")
        return counted(minutes, "minute") if minutes else f"as elsewhere ({house})"
    if policy == Policy.SECOND_FACTOR:
        return "optional" if org.second_factor_from is None else f"required from {spell_moment(org.second_factor_from)}"
    if policy == GRACE:
        return counted(org.second_factor_grace_days, "day")
    if policy == Policy.TOKEN_LIFE:
        return counted(org.longest_token_life_days, "day") if org.longest_token_life_days else "no limit of its own"
    if policy == Policy.TOKENS:
        return "allowed" if org.tokens_allowed else "not allowed"
    return counted(org.reset_wait_hours, "hour") if org.reset_wait_hours else "as elsewhere"


_LABELS = {**dict(Policy.choices), GRACE: "Grace period", RESET_WAIT: "Time to object to a reset"}
_UNITS = {Policy.AUTO_LOGOUT: "minute", Policy.TOKEN_LIFE: "day"}
_MOST = {Policy.AUTO_LOGOUT: limits.AUTO_LOGOUT_MOST_MINUTES, Policy.TOKEN_LIFE: limits.TOKEN_LIFE_MOST_DAYS}


def spell_tried(policy: Policy, value: int | None) -> str:
    """Return what is tried out of `policy`, as people read it."""
    return counted(value or 0, _UNITS[policy]) if policy in _UNITS else {Policy.SECOND_FACTOR: "required"}.get(policy, "not allowed")


def _take_number(org: Organization, column: str, wish: int | None | Unsaid, policy: str, most: int, unit: str) -> None:
    if wish is UNSAID:
        return
    _require_within(wish, policy, 1, most, unit)
    setattr(org, column, wish)


def _require_within(wish: object, policy: str, least: int, most: int, unit: str) -> None:
    if wish is not None and (isinstance(wish, bool) or not isinstance(wish, int) or not least <= wish <= most):
        raise PolicyRefused(policy, f"{_LABELS[policy]} takes {least} to {most} {unit}, as a whole number")


def _take_second_factor(org: Organization, wishes: PolicyWishes, now: datetime) -> None:
    grace = org.second_factor_grace_days if wishes.grace_days is UNSAID else wishes.grace_days
    if grace is None:
        raise PolicyRefused(GRACE, f"Grace period takes 0 to {limits.GRACE_MOST_DAYS} days, as a whole number")
    _require_within(grace, GRACE, 0, limits.GRACE_MOST_DAYS, "days")
    since = org.second_factor_from
    # The rule was made when it was turned on: another grace period counts from then.
    made = now if since is None else since - timedelta(days=org.second_factor_grace_days)
    required = since is not None if wishes.require_second_factor is UNSAID else wishes.require_second_factor
    if required != (since is not None) or grace != org.second_factor_grace_days:
        org.second_factor_from = made + timedelta(days=grace) if required else None
    org.second_factor_grace_days = grace


def _tried(after: Organization, before: dict[Policy, int | None], wishes: Tried) -> dict[Policy, int | None]:
    tried = dict(before)
    for policy, wish in wishes.items():
        tried.pop(policy, None)
        if wish is None or wish is False:
            continue
        if policy in _UNITS:
            _require_within(wish, policy, 1, _MOST[policy], f"{_UNITS[policy]}s")
        value = int(wish) if policy in _UNITS else None
        if not _is_stricter(after, policy, value):
            reason = f"{_LABELS[policy]}: report only is for what would be stricter than {spell_after(policy, after)}"
            raise PolicyRefused(policy, reason, report_only=True)
        tried[policy] = value
    # What holds by now need not be tried out any more.
    return {policy: value for policy, value in tried.items() if _is_stricter(after, policy, value)}


def _is_stricter(org: Organization, policy: Policy, value: int | None) -> bool:
    if policy == Policy.SECOND_FACTOR:
        return org.second_factor_from is None
    if policy == Policy.TOKENS:
        return org.tokens_allowed
    if policy == Policy.TOKEN_LIFE:
        return (value or 0) < (org.longest_token_life_days or limits.TOKEN_LIFE_MOST_DAYS + 1)
    own = org.auto_logout_after_minutes
    return (value or 0) * SECONDS_PER_MINUTE < (own * SECONDS_PER_MINUTE if own else settings.IDLE_LIMIT_SECONDS)


def _changes(before: Organization, after: Organization) -> list[PolicyChange]:
    named = (Policy.AUTO_LOGOUT, Policy.SECOND_FACTOR, GRACE, Policy.TOKEN_LIFE, Policy.TOKENS, RESET_WAIT)
    spelt = ((policy, spell_after(policy, before), spell_after(policy, after)) for policy in named if _differs(policy, before, after))
    return [PolicyChange(str(policy), _LABELS[policy], was, will_be) for policy, was, will_be in spelt]


_COLUMNS = {
    Policy.AUTO_LOGOUT: "auto_logout_after_minutes", Policy.SECOND_FACTOR: "second_factor_from", GRACE: "second_factor_grace_days",
    Policy.TOKEN_LIFE: "longest_token_life_days", Policy.TOKENS: "tokens_allowed", RESET_WAIT: "reset_wait_hours",
}  # fmt: skip
COLUMNS = sorted(_COLUMNS.values())


def _differs(policy: str, before: Organization, after: Organization) -> bool:
    return bool(getattr(before, _COLUMNS[policy]) != getattr(after, _COLUMNS[policy]))


def _tried_changes(before: dict[Policy, int | None], after: dict[Policy, int | None]) -> list[PolicyChange]:
    def spelt(tried: dict[Policy, int | None], policy: Policy) -> str:
        return spell_tried(policy, tried[policy]) if policy in tried else OFF

    names = [policy for policy in Policy if spelt(before, policy) != spelt(after, policy)]
    return [
        PolicyChange(str(policy), f"{policy.label}, report only", spelt(before, policy), spelt(after, policy), report_only=True)
        for policy in names
    ]
