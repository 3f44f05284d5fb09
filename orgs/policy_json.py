"""JSON of policies in REST (DESIGN 5): one serializer for input, one for output."""

from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal, TypedDict, cast

from rest_framework import serializers

from accounts.rest import Input, Output, StrictBooleanField, StrictIntegerField
from orgs import limits, rehearsals
from orgs.drafting import GRACE, RESET_WAIT, UNSAID, PolicyWishes, Tried
from orgs.flows import PoliciesSet
from orgs.impact import Hit
from orgs.models import Membership, Organization, Policy, Rehearsal
from orgs.rehearsals import Tally

PolicyName = Literal["autoLogoutAfter", "require2fa", "longestTokenLife", "tokensAllowed"]
_NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


class ReportOnlyJSON(TypedDict, total=False):
    """Policies that do nothing and count whom they would hit; null: not tried out."""

    autoLogoutAfter: Annotated[int | None, "Minutes; stricter than what holds."]
    require2fa: Annotated[bool | None, "True: it is tried out."]
    longestTokenLife: Annotated[int | None, "Days; stricter than what holds."]
    tokensAllowed: Annotated[bool | None, "False: it is tried out to allow none."]


class MostHitJSON(TypedDict):
    """A member whom a policy would have hit."""

    user: str
    times: int
    last: datetime


class TallyJSON(TypedDict):
    """What a policy that is only tried out would have done within 14 days."""

    since: datetime
    members: int
    times: int
    mostHit: Annotated[list[MostHitJSON], "The first twenty."]


class PoliciesJSON(TypedDict):
    """What an organization demands of its members."""

    autoLogoutAfter: Annotated[int | None, "After so many minutes of inactivity a session ends; null: as elsewhere."]
    require2fa: bool
    require2faFrom: Annotated[datetime | None, "From then on a member without it can do nothing before setting it up."]
    gracePeriodDays: int
    longestTokenLife: Annotated[int | None, "Days that a new token lives at most; null: a year."]
    tokensAllowed: Annotated[bool, "Whether members can make API tokens; `dx login` always works."]
    resetWaitHours: Annotated[
        int | None, "How long a member can object before support takes two-factor authentication off; null: as elsewhere."
    ]
    reportOnly: ReportOnlyJSON
    tally: Annotated[dict[PolicyName, TallyJSON] | None, "For admins alone; null for any other member."]


class PolicyChangeJSON(TypedDict):
    """A policy that is another one now, or would be."""

    policy: str
    before: str
    after: str
    reportOnly: bool


class HitJSON(TypedDict):
    """Whom a change hits."""

    policy: str
    kind: Annotated[str, "Such as `sessions-ended` or `members-without-2fa`."]
    count: int
    members: Annotated[list[str], "The first five by username, with a number where it says how many."]
    sentence: str
    reportOnly: bool


class PoliciesOutcomeJSON(PoliciesJSON):
    """The policies after a change, and what it did; with `preview` those of now, and what it would do."""

    preview: bool
    changes: list[PolicyChangeJSON]
    hits: list[HitJSON]


class ReportOnlyField(serializers.Field[Tried, Any, Any, Any]):
    """`reportOnly`: what shall be tried out, by the name of the policy."""

    shape = ReportOnlyJSON
    default_error_messages: ClassVar[dict[str, Any]] = {
        "shape": "Must be an object of policies: autoLogoutAfter and longestTokenLife with a whole number, require2fa and tokensAllowed "
        "with true or false; null ends it"
    }

    def to_internal_value(self, data: Any) -> Tried:
        """Return the wishes by policy; refuse unknown names and values of another type."""
        if not isinstance(data, dict) or not set(data) <= set(Policy.values):
            self.fail("shape")
        return {Policy(name): self._wish(Policy(name), value) for name, value in data.items()}

    def _wish(self, policy: Policy, value: Any) -> int | bool | None:
        is_number = policy in (Policy.AUTO_LOGOUT, Policy.TOKEN_LIFE)
        if value is not None and isinstance(value, bool) == is_number or not isinstance(value, int | None):
            self.fail("shape")
        return (not value) if policy == Policy.TOKENS and value is not None else value


def _number(most: int, text: str, *, least: int = 1, null: bool = True) -> StrictIntegerField:
    return StrictIntegerField(required=False, allow_null=null, min_value=least, max_value=most, help_text=text)


class PolicyWishesInput(Input):
    """What the policies shall be."""

    autoLogoutAfter = _number(limits.AUTO_LOGOUT_MOST_MINUTES, "Minutes; null: none of its own.")
    require2fa = StrictBooleanField(required=False)
    gracePeriodDays = _number(limits.GRACE_MOST_DAYS, "Days, counted from when it was required.", least=0, null=False)
    longestTokenLife = _number(limits.TOKEN_LIFE_MOST_DAYS, "Days; null: none of its own.")
    tokensAllowed = StrictBooleanField(required=False)
    resetWaitHours = _number(limits.RESET_WAIT_MOST_HOURS, "Hours; null: as elsewhere.")
    reportOnly = ReportOnlyField(required=False, help_text="What shall only be tried out; others stay.")
    preview = StrictBooleanField(required=False, default=False, help_text="Change nothing, and say whom it would hit.")

    example: ClassVar[dict[str, Any]] = {"autoLogoutAfter": 10, "reportOnly": {"require2fa": True}, "preview": True}

    @property
    def wishes(self) -> PolicyWishes:
        """The wishes that the body, which is valid, holds."""
        said = self.validated_data.get
        return PolicyWishes(
            auto_logout_after=said(Policy.AUTO_LOGOUT.value, UNSAID), require_second_factor=said(Policy.SECOND_FACTOR.value, UNSAID),
            grace_days=said(GRACE, UNSAID), longest_token_life=said(Policy.TOKEN_LIFE.value, UNSAID),
            tokens_allowed=said(Policy.TOKENS.value, UNSAID), reset_wait_hours=said(RESET_WAIT, UNSAID), report_only=said("reportOnly", {}),
        )  # fmt: skip


class PoliciesOutput(Output[Membership]):
    """Policies, as a member of the organization may see them."""

    example: ClassVar[PoliciesJSON] = {
        "autoLogoutAfter": 15, "require2fa": True, "require2faFrom": _NOON, "gracePeriodDays": 14, "longestTokenLife": 90,
        "tokensAllowed": True, "resetWaitHours": None, "reportOnly": {"autoLogoutAfter": 10},
        "tally": {"autoLogoutAfter": {
            "since": _NOON, "members": 1, "times": 3, "mostHit": [{"user": "user-ben", "times": 3, "last": _NOON}],
        }},
    }  # fmt: skip

    def to_representation(self, instance: Membership) -> PoliciesJSON:
        """Return what an answer says."""
        return policies_json(instance)


class PoliciesOutcomeOutput(Output[tuple[Membership, bool, PoliciesSet]]):
    """The outcome of a change, or of the question what it would do: who asks, whether it was a question, what was found."""

    example: ClassVar[PoliciesOutcomeJSON] = {
        **PoliciesOutput.example, "preview": True,
        "changes": [{"policy": "autoLogoutAfter", "before": "15 minutes", "after": "10 minutes", "reportOnly": False}],
        "hits": [{
            "policy": "autoLogoutAfter", "kind": "sessions-ended", "count": 1, "members": ["ben"], "sentence": "1 ends at once (ben)",
            "reportOnly": False,
        }],
    }  # fmt: skip

    def to_representation(self, instance: tuple[Membership, bool, PoliciesSet]) -> PoliciesOutcomeJSON:
        """Return what an answer says."""
        membership, preview, done = instance
        changes: list[PolicyChangeJSON] = [
            {"policy": one.policy, "before": one.before, "after": one.after, "reportOnly": one.report_only} for one in done.changes
        ]
        return {**policies_json(membership), "preview": preview, "changes": changes, "hits": [_hit(hit) for hit in done.hits]}


def policies_json(membership: Membership) -> PoliciesJSON:
    """Return the policies of the organization of `membership` as JSON; with the tallies where it is an admin's."""
    org = membership.org
    tallies = rehearsals.tallies(org) if membership.is_admin else None
    return {
        "autoLogoutAfter": org.auto_logout_after_minutes, "require2fa": org.second_factor_from is not None,
        "require2faFrom": org.second_factor_from, "gracePeriodDays": org.second_factor_grace_days,
        "longestTokenLife": org.longest_token_life_days, "tokensAllowed": org.tokens_allowed, "resetWaitHours": org.reset_wait_hours,
        "reportOnly": _report_only(org, tallies),
        "tally": None if tallies is None else {cast(PolicyName, tally.policy.value): _tally(tally) for tally in tallies},
    }  # fmt: skip


def _report_only(org: Organization, tallies: list[Tally] | None) -> ReportOnlyJSON:
    rows = Rehearsal.objects.filter(org=org) if tallies is None else tallies
    values = {str(row.policy): {Policy.SECOND_FACTOR: True, Policy.TOKENS: False}.get(Policy(row.policy), row.value) for row in rows}
    return cast(ReportOnlyJSON, values)


def _tally(tally: Tally) -> TallyJSON:
    most: list[MostHitJSON] = [{"user": hit.user.public_id, "times": hit.times, "last": hit.last_at} for hit in tally.most_hit]
    return {"since": tally.since, "members": tally.members, "times": tally.times, "mostHit": most}


def _hit(hit: Hit) -> HitJSON:
    return {
        "policy": hit.policy, "kind": hit.kind, "count": hit.count, "members": list(hit.names), "sentence": hit.sentence,
        "reportOnly": hit.report_only,
    }  # fmt: skip
