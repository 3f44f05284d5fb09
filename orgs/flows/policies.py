"""The policies of an organization, set by its admins or by support (S2.4, ORG-02)."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from accounts import audit, throttle
from accounts.audit import Actor
from accounts.callers import HasAccount
from accounts.errors import NotForSupport
from accounts.failpoints import failpoint
from accounts.support import Staff
from orgs import access, drafting, emails, impact, limits, rehearsals, settling
from orgs.drafting import PolicyChange, PolicyWishes
from orgs.errors import PolicyRefused
from orgs.events import OrgPoliciesChanged
from orgs.impact import Hit
from orgs.models import Membership, Organization, Policy
from orgs.signals import policies_changed, policies_settled


@dataclass(frozen=True)
class PoliciesSet:
    """The organization as it is now, what of it changed, and whom that hit."""

    org: Organization
    changes: tuple[PolicyChange, ...]
    hits: tuple[Hit, ...]


def set_policies(*, caller: HasAccount, handle: str, wishes: PolicyWishes, actor: Actor) -> PoliciesSet:
    """Let an organization have the policies that are wished for, at once, also for live sessions; return what changed and whom it hit.

    What is as it was changes nothing, and then there is no event and no mail. `caller` is an admin, or `Staff`, whose reason is
    recorded. Raises OrgNotFound, AdminNeeded, AccountOutOfReach, PolicyRefused, TooManyAttempts, and NotForSupport
    for organizations of their own. Support shortens nobody's time to object to a reset.
    """
    throttle.spend(f"orgs.policies:{caller.user.pk}", limit=limits.POLICIES_PER_HOUR, window_seconds=limits.HOUR_SECONDS)
    with transaction.atomic():
        org = access.lock(caller, handle)
        draft = drafting.draft(org, wishes)
        if isinstance(caller, Staff):
            _require_support_may_set(caller, org, draft.org)
        if not draft.changes:
            return PoliciesSet(org, (), ())
        settling.take_time()
        hits = impact.weigh_draft(draft)
        org = draft.org
        org.policies_changed = timezone.now()
        org.save(update_fields=[*drafting.COLUMNS, "policies_changed"])
        # People, then sessions, then tokens: the order of every act.
        policies_changed.send(Organization, org=org, changed=draft.changed, actor=actor)
        rehearsals.store(org, draft)
        if Policy.AUTO_LOGOUT in draft.changed | draft.tried_changed:
            settling.settle_idle_limits(settling.sessions_of_members(org))
        policies_settled.send(Organization, org=org, changed=draft.changed, actor=actor)
        failpoint("orgs.policies_set")
        _tell(org, draft.changes, hits, access.reason_of(caller), actor)
        return PoliciesSet(org, draft.changes, tuple(hits))


def _require_support_may_set(staff: Staff, org: Organization, after: Organization) -> None:
    if Membership.objects.filter(org=org, user=staff.user).exists():
        raise NotForSupport(reason="You are a member of this organization. Ask a colleague")
    hours = org.reset_wait_hours or settings.RESET_WAIT_HOURS
    if (after.reset_wait_hours or settings.RESET_WAIT_HOURS) < hours:
        # Support resets what it would shorten the wait for (ADM-05).
        raise PolicyRefused(drafting.RESET_WAIT, f"Only an admin of the organization can make this shorter than {hours} hours")


def _tell(org: Organization, changes: tuple[PolicyChange, ...], hits: list[Hit], reason: str, actor: Actor) -> None:
    event = OrgPoliciesChanged(
        org.public_id, org.name, reason,
        changes=[{"policy": change.policy, "before": change.before, "after": change.after, "words": change.words} for change in changes],
        hits=[hit.sentence for hit in hits if not hit.report_only],
    )  # fmt: skip
    audit.record(event, subject=None, actor=actor)
    emails.policies_changed(org, changes=changes, hits=hits, actor=actor, reason=reason)
