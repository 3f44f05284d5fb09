"""The policies of an organization, set by its admins or by support (S2.4, ORG-02)."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts import audit
from accounts.audit import Actor
from accounts.callers import HasAccount
from accounts.failpoints import failpoint
from orgs import access, drafting, emails, impact, rehearsals, settling
from orgs.drafting import PolicyChange, PolicyWishes
from orgs.events import OrgPoliciesChanged
from orgs.impact import Hit
from orgs.models import Organization, Policy
from orgs.signals import policies_changed


@dataclass(frozen=True)
class PoliciesSet:
    """The organization as it is now, what of it changed, and whom that hit."""

    org: Organization
    changes: tuple[PolicyChange, ...]
    hits: tuple[Hit, ...]


def set_policies(*, caller: HasAccount, handle: str, wishes: PolicyWishes, actor: Actor) -> PoliciesSet:
    """Let an organization have the policies that are wished for, at once, also for live sessions; return what changed and whom it hit.

    What is as it was changes nothing, and then there is no event and no mail. `caller` is an admin, or `Staff`, whose reason is
    recorded. Raises OrgNotFound, AdminNeeded, AccountOutOfReach, PolicyRefused.
    """
    with transaction.atomic():
        org = access.lock(caller, handle)
        draft = drafting.draft(org, wishes)
        if not draft.changes:
            return PoliciesSet(org, (), ())
        settling.take_time()
        hits = impact.weigh_draft(draft)
        org = draft.org
        org.policies_changed = timezone.now()
        org.save(update_fields=[*drafting.COLUMNS, "policies_changed"])
        rehearsals.store(org, draft)
        # The rows of people before those of sessions: the order of every act.
        policies_changed.send(Organization, org=org, changed=draft.changed, actor=actor)
        if Policy.AUTO_LOGOUT in draft.changed | draft.tried_changed:
            settling.settle_idle_limits(settling.sessions_of_members(org))
        failpoint("orgs.policies_set")
        _tell(org, draft.changes, hits, access.reason_of(caller), actor)
        return PoliciesSet(org, draft.changes, tuple(hits))


def _tell(org: Organization, changes: tuple[PolicyChange, ...], hits: list[Hit], reason: str, actor: Actor) -> None:
    event = OrgPoliciesChanged(
        org.public_id, org.name, reason,
        changes=[{"policy": change.policy, "before": change.before, "after": change.after, "words": change.words} for change in changes],
        hits=[hit.sentence for hit in hits if not hit.report_only],
    )  # fmt: skip
    audit.record(event, subject=None, actor=actor)
    emails.policies_changed(org, changes=changes, hits=hits, actor=actor, reason=reason)
