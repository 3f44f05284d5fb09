"""People's door to organizations: which are mine, one of them as a member sees it, and what every page of one shares."""

from functools import cached_property
from typing import Any, ClassVar

from django.http import HttpResponse

from accounts.forms import EmptyForm
from accounts.pages import ActorMixin, FlowView, PageView
from accounts.paging import page_of
from orgs import access, drafting, flows, limits
from orgs.access import Person
from orgs.models import Membership, Organization, Policy


class OrgsMixin(ActorMixin):
    """Tells a page of this room who calls: the person, whom nothing narrows."""

    @property
    def caller(self) -> Person:
        """The person, as acts want to know them."""
        return Person(user=self.user, actor=self.actor)


class OneOrganization(OrgsMixin):
    """A page of one organization of the person's; OrgNotFound, a 404, for any other, and AdminNeeded, a 403, where `for_admins`.

    `tab` names the tab that the page belongs to: "policies", "members", "log".
    """

    for_admins = False
    tab = ""

    @cached_property
    def membership(self) -> Membership:
        """The person's membership in the organization of the address."""
        found = access.find(self.caller, self.kwargs["handle"])
        return access.require_admin(found) if self.for_admins else found

    @property
    def org(self) -> Organization:
        """The organization of the address."""
        return self.membership.org

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the organization, the person's membership, how many members there are, and the tab."""
        known = {"org": self.org, "membership": self.membership, "tab": self.tab, "members_count": self.org.memberships.count()}
        context: dict[str, Any] = super().get_context_data(**known, **kwargs)  # type: ignore[misc]
        return context


class OrganizationsView(OrgsMixin, PageView):
    """/orgs/: my organizations, and the invitations that I can accept."""

    template_name = "orgs/list.html"
    done_sentences: ClassVar[dict[str, str]] = {
        "left": "You are no longer a member. Projects and policies of the organization are gone.",
        "declined": "Declined. Nothing has changed.",
    }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of memberships, and the invitations."""
        rows = access.memberships(self.caller).order_by("org__name", "pk")
        page = page_of(rows, self.request.GET.get("page"), limits.PAGE_ROWS)
        invitations = list(flows.find_invitations_for(user=self.user)[: limits.PAGE_ROWS])
        return super().get_context_data(page=page, invitations=invitations, **kwargs)


class MemberPageView(OneOrganization, PageView):
    """/orgs/<handle>/ as a MEMBER sees it: what holds for them, and who decides it."""

    template_name = "orgs/organization.html"
    tab = "organization"
    done_sentences: ClassVar[dict[str, str]] = {"joined": "You are a member. The policies below hold for you from now on."}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the policies in words, and the admins."""
        policies = [(policy.label, drafting.spell_after(policy, self.org)) for policy in Policy]
        admins = Membership.objects.filter(org=self.org).admins().select_related("user").order_by("user__username")
        return super().get_context_data(policies=policies, admins=admins[: limits.PAGE_ROWS], **kwargs)


class LeaveView(OneOrganization, FlowView):
    """/orgs/<handle>/leave/: asks, and says what is lost; then gives up one's own membership."""

    form_class, template_name = EmptyForm, "orgs/leave.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what is lost with it."""
        return super().get_context_data(losses=flows.find_losses(org=self.org, user=self.user), **kwargs)

    def act(self, form: EmptyForm) -> HttpResponse:
        """Leave, and go to the organizations that are left."""
        flows.leave(caller=self.caller, handle=self.org.handle, actor=self.actor)
        return self.leave("left", "orgs:list")
