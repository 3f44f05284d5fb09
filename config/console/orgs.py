"""Organizations: list and search, a new one, the policies of one."""

from functools import cached_property
from http import HTTPStatus
from typing import Any

from django.forms import Form
from django.http import HttpResponse

from accounts.errors import GatehouseError, ReasonNeeded
from accounts.paging import page_of
from accounts.searching import starting
from accounts.support import Staff, acting
from config.console.entrance import ConsoleForm, ConsolePage
from config.console.forms import NewOrgForm, OrgInviteForm, OrgLevelForm, OrgPoliciesForm, ReasonForm
from orgs import access, drafting, flows, impact, limits, rehearsals
from orgs.drafting import Draft
from orgs.errors import OrgNotFound, PolicyRefused
from orgs.impact import Hit
from orgs.models import Membership, Organization
from orgs.policy_form import field_of
from orgs.views import policies

QUERY_MAX_CHARS = 100


class OrgsView(ConsolePage):
    """/admin/orgs/: by handle, or those whose handle or name begins with `?q=`."""

    section, template_name = "orgs", "admin/orgs.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add a page of them."""
        asked = self.request.GET.get("q", "")
        q = "".join(char for char in asked if char.isprintable()).strip()[:QUERY_MAX_CHARS]
        if not q:
            page = page_of(Organization.objects.order_by("handle"), self.request.GET.get("page"), limits.PAGE_ROWS)
            return super().get_context_data(q="", rows=page.object_list, page=page, **kwargs)
        found = {org.pk: org for column in ("handle", "name") for org in self._starting(column, q)}
        return super().get_context_data(q=q, rows=sorted(found.values(), key=lambda org: org.handle), **kwargs)

    @staticmethod
    def _starting(column: str, q: str) -> list[Organization]:
        words = q.lower().removeprefix("org-") if column == "handle" else q
        return list(starting(Organization.objects.all(), column, words)[: limits.PAGE_ROWS])


class NewOrgView(ConsoleForm):
    """/admin/orgs/new/: makes one, and invites its first admin."""

    section, form_class, template_name = "orgs", NewOrgForm, "admin/new_org.html"

    def act(self, form: NewOrgForm) -> HttpResponse:
        """Make it and go to its page."""
        sent = form.cleaned_data
        staff = acting(reason=sent["reason"], actor=self.actor)
        org = flows.found(staff=staff, handle=sent["handle"], name=sent["name"], admin_username=sent["admin"], actor=staff.actor)
        return self.done(f"{org.name} is there, and its first admin is invited by mail.", "admin:org", org.handle)


class OneOrg(ConsoleForm):
    """A page of the organization that the address names; raises OrgNotFound, a 404, for any other handle."""

    section = "orgs"

    @cached_property
    def org(self) -> Organization:
        """The organization of the address."""
        found: Organization | None = Organization.objects.filter(handle=access.handle_of(self.kwargs["handle"])).first()
        if found is None:
            raise OrgNotFound()
        return found

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the organization."""
        return super().get_context_data(org=self.org, **kwargs)

    def staff(self, form: Form) -> Staff:
        """Return who of support acts, and why. Raises ReasonNeeded."""
        return acting(reason=form.cleaned_data["reason"], actor=self.actor)


class OrgView(OneOrg):
    """/admin/orgs/<handle>/: its policies, whom others would hit, and its members.

    As on the page of its admins, a POST saves only what the page has shown the hits of (orgs.views.policies).
    """

    form_class, template_name = OrgPoliciesForm, "admin/org.html"

    def get_form_kwargs(self) -> dict[str, Any]:
        """Add the policies of now."""
        tried = {tally.policy: tally.value for tally in rehearsals.tallies(self.org)}
        return {**super().get_form_kwargs(), "org": self.org, "tried": tried}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add whom the policies of the form would hit, and a page of the members."""
        form: OrgPoliciesForm = kwargs.get("form") or self.get_form()
        draft: Draft | None = kwargs.pop("draft", None)
        hits: list[Hit] = kwargs.pop("hits") if draft else impact.standing(self.org)
        members = Membership.objects.filter(org=self.org).select_related("user").order_by("level", "user__username")
        return super().get_context_data(**{
            **kwargs, "form": form, "rows": policies.rows_of(draft, hits), "changes": draft.changes if draft else (),
            "reviewed": form.as_reviewed if draft or not form.is_bound else "", "is_review": draft is not None,
            "page": page_of(members, self.request.GET.get("page"), limits.PAGE_ROWS),
        })  # fmt: skip

    def act(self, form: OrgPoliciesForm) -> HttpResponse:
        """Save the values if their hits were shown; else show them."""
        if form.cleaned_data["reviewed"] != form.as_reviewed:
            return self._reviewed(form)
        staff = self.staff(form)
        done = flows.set_policies(caller=staff, handle=self.org.handle, wishes=form.wishes, actor=staff.actor)
        if not done.changes:
            return self.done("Nothing was changed, so nothing was saved.", "admin:org", self.org.handle, happened=False)
        return self.done(f"Saved, and its admins are mailed. {policies.told_of(done)}", "admin:org", self.org.handle)

    def refuse(self, form: OrgPoliciesForm, error: GatehouseError) -> HttpResponse:
        """Put what is refused of a policy beside its field; where only the reason is missing, what was shown stays shown."""
        if isinstance(error, ReasonNeeded):
            form.add_error(error.field, f"{error}.")
            return self._reviewed(form, status=error.status)
        if isinstance(error, PolicyRefused):
            error.field = field_of(error)
        return super().refuse(form, error)

    def _reviewed(self, form: OrgPoliciesForm, status: int = HTTPStatus.OK) -> HttpResponse:
        draft = drafting.draft(self.org, form.wishes)
        hits = impact.ask(draft, user=self.user, actor=self.actor)
        return self.render_to_response(self.get_context_data(form=form, draft=draft, hits=hits), status=status)


class InviteView(OneOrg):
    """/admin/orgs/<handle>/invite/: mails an invitation."""

    form_class, template_name = OrgInviteForm, "admin/org_invite.html"

    def act(self, form: OrgInviteForm) -> HttpResponse:
        """Invite and go back to the organization."""
        staff, sent = self.staff(form), form.cleaned_data
        flows.invite(caller=staff, handle=self.org.handle, invitee=sent["user"], level=sent["level"], actor=staff.actor)
        return self.done("The invitation is on its way. Nothing happens before it is accepted.", "admin:org", self.org.handle)


class OneMember(OneOrg):
    """A page of one member; raises OrgMemberNotFound, a 404, for anybody else."""

    @cached_property
    def member(self) -> Membership:
        """The member of the address."""
        return flows.find_member(org=self.org, username=self.kwargs["username"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the member."""
        return super().get_context_data(member=self.member, **kwargs)


class MemberLevelView(OneMember):
    """/admin/orgs/<handle>/members/<username>/: another level."""

    form_class, template_name = OrgLevelForm, "admin/org_level.html"

    def get_initial(self) -> dict[str, Any]:
        """Begin with the level of now."""
        return {"level": self.member.level}

    def act(self, form: OrgLevelForm) -> HttpResponse:
        """Change it and go back to the organization."""
        staff, level, username = self.staff(form), form.cleaned_data["level"], self.member.user.username
        flows.change_level(caller=staff, handle=self.org.handle, username=username, level=level, actor=staff.actor)
        return self.done(f"{self.member.user.display_name} is {level} now.", "admin:org", self.org.handle)


class RemoveMemberView(OneMember):
    """/admin/orgs/<handle>/members/<username>/remove/: says what they lose; then takes the person out."""

    form_class, template_name = ReasonForm, "admin/org_remove.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what they lose with it."""
        return super().get_context_data(losses=flows.find_losses(org=self.org, user=self.member.user), **kwargs)

    def act(self, form: ReasonForm) -> HttpResponse:
        """Remove them and go back to the organization."""
        staff, user = self.staff(form), self.member.user
        flows.remove(caller=staff, handle=self.org.handle, username=user.username, actor=staff.actor)
        return self.done(f"{user.display_name} is no member any more, and is told.", "admin:org", self.org.handle)
