"""People's door to the policies of an organization: each says whom it hits before it is saved (S7.2)."""

from functools import cached_property
from typing import Any, ClassVar

from django.http import HttpResponse

from accounts.errors import GatehouseError
from accounts.pages import FlowView
from orgs import drafting, flows, impact, limits, rehearsals, roster
from orgs.drafting import Draft
from orgs.errors import PolicyRefused
from orgs.flows import PoliciesSet
from orgs.impact import Hit
from orgs.models import Membership, Policy
from orgs.policy_form import FIELD_OF, REPORT_FIELD_OF, PoliciesForm, field_of
from orgs.rehearsals import Tally
from orgs.views.organizations import OneOrganization

LOOK_AT_ROWS = 5
TOLD_HITS = 6


class PoliciesView(OneOrganization, FlowView):
    """/orgs/<handle>/ as an admin sees it: the policies, whom they hit, what was only tried out, and members to look at.

    A POST saves what it holds if that is what the page has shown the hits of (`reviewed`); else it shows them, and saves nothing yet.
    With JavaScript they are shown while somebody types (`preview`).
    """

    form_class, template_name, for_admins, tab = PoliciesForm, "orgs/policies.html", True, "policies"
    done_sentences: ClassVar[dict[str, str]] = {
        "joined": "You are a member. The policies below hold for you from now on.",
        "saved": "Saved. It holds from now on, and the admins are mailed.",
        "same": "Nothing was changed, so nothing was saved.",
    }
    hints = ("same",)

    @cached_property
    def tallies(self) -> list[Tally]:
        """What the organization tries out."""
        return rehearsals.tallies(self.org)

    def get_form_kwargs(self) -> dict[str, Any]:
        """Add the policies of now."""
        return {**super().get_form_kwargs(), "org": self.org, "tried": {tally.policy: tally.value for tally in self.tallies}}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add whom the policies of now hit, or those of the form; the tallies; the first members to look at."""
        form: PoliciesForm = kwargs.get("form") or self.get_form()
        draft: Draft | None = kwargs.pop("draft", None)
        found: list[Hit] = kwargs.pop("hits", [])
        changed = draft.changed if draft else set()
        found += [hit for hit in impact.standing(self.org) if Policy(hit.policy) not in changed]
        look_at = roster.with_facts(self.org, list(roster.to_look_at(self.org, roster.members(self.org))[:LOOK_AT_ROWS]))
        return super().get_context_data(**{
            **kwargs, "form": form, "rows": rows_of(draft, found), "tallies": self.tallies, "entries": look_at,
            "changes": draft.changes if draft else (), "reviewed": form.as_reviewed if draft or not form.is_bound else "",
            "admins": Membership.objects.filter(org=self.org).admins().count(), "stale_days": limits.STALE_TOKEN_DAYS,
        })  # fmt: skip

    def act(self, form: PoliciesForm) -> HttpResponse:
        """Save the values if their hits were shown; else show them."""
        if "preview" in self.request.POST or form.cleaned_data["reviewed"] != form.as_reviewed:
            draft = drafting.draft(self.org, form.wishes)
            hits = impact.ask(draft, user=self.user, actor=self.actor)
            return self.render_to_response(self.get_context_data(form=form, draft=draft, hits=hits))
        done = flows.set_policies(caller=self.caller, handle=self.org.handle, wishes=form.wishes, actor=self.actor)
        return self.leave("saved" if done.changes else "same", "orgs:organization", self.org.handle, told=told_of(done))

    def refuse(self, form: PoliciesForm, error: GatehouseError) -> HttpResponse:
        """Put what is refused of a policy beside its field."""
        if isinstance(error, PolicyRefused):
            error.field = field_of(error)
        return super().refuse(form, error)


def rows_of(draft: Draft | None, hits: list[Hit]) -> dict[str, dict[str, Any]]:
    """Return for each field of the form what changes with it and whom that hits."""
    names = (*FIELD_OF.values(), *(_field(policy, report_only=True) for policy in Policy))
    rows: dict[str, dict[str, Any]] = {name: {"hits": []} for name in names}
    for change in draft.changes if draft else ():
        rows[_field(change.policy, report_only=change.report_only)]["change"] = change
    if "change" in rows["fa"]:
        del rows["grace"]  # the day says it
    for hit in hits:
        rows[_field(hit.policy, report_only=hit.report_only)]["hits"].append(hit)
    return rows


def _field(policy: str, *, report_only: bool) -> str:
    return REPORT_FIELD_OF.get(policy, f"{FIELD_OF[policy]}_tried") if report_only else FIELD_OF[policy]


def told_of(done: PoliciesSet) -> str:
    said = [f"{change.words}." for change in done.changes]
    hits = [hit.sentence.rstrip(".") for hit in done.hits if not hit.report_only][:TOLD_HITS]
    return " ".join([*said, *[f"{hit}." for hit in hits]])
