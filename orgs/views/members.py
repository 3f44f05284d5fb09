"""People's door to the members of an organization, and to invitations under way."""

from functools import cached_property
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from accounts.forms import EmptyForm
from accounts.pages import DoneMixin, FlowView, PageView
from accounts.paging import OpenPage, page_of
from orgs import flows, limits, roster
from orgs.forms import InviteForm, LevelForm
from orgs.models import Membership
from orgs.roster import Entry
from orgs.views.organizations import OneOrganization

SEARCH_MAX_CHARS = 150


class MembersView(OneOrganization, PageView):
    """/orgs/<handle>/members/: who is in it; for admins with what they may know, and the invitations that nobody has answered."""

    template_name, tab = "orgs/members.html", "members"
    done_sentences: ClassVar[dict[str, str]] = {
        "invited": "Invited. The mail leaves now; the link in it is good for 7 days, and an earlier one to the same is dead.",
        "withdrawn": "Withdrawn. The link is dead.",
        "changed": "Changed. It holds from their next request on, and they are mailed.",
        "removed": "Removed. They, and their tokens, lose the projects of the organization with their next request, and are mailed.",
    }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add one page of members, those that fit the search; for admins also those to look at alone, and the invitations."""
        asked, is_admin = self.request.GET, self.membership.is_admin
        search = asked.get("q", "").replace("\x00", "").strip()[:SEARCH_MAX_CHARS]
        rows = roster.members(self.org, search=search)
        only = bool(is_admin and asked.get("show") == "look")
        page = page_of(roster.to_look_at(self.org, rows) if only else rows, asked.get("page"), limits.PAGE_ROWS)
        shown: dict[str, Any] = {"page": page, "entries": self._entries(page), "q": search, "only_to_look_at": only}
        if is_admin:
            shown["pending"] = page_of(flows.find_pending(org=self.org), asked.get("invitations"), limits.PAGE_ROWS)
        return super().get_context_data(stale_days=limits.STALE_TOKEN_DAYS, **shown, **kwargs)

    def _entries(self, page: OpenPage[Membership]) -> list[Entry]:
        if self.membership.is_admin:
            return roster.with_facts(self.org, page.object_list)
        return roster.without_facts(page.object_list)


class InviteView(OneOrganization, FlowView):
    """/orgs/<handle>/members/invite/: mails an invitation."""

    form_class, template_name, for_admins, tab = InviteForm, "orgs/invite.html", True, "members"

    def act(self, form: InviteForm) -> HttpResponse:
        """Invite them and go back to the members."""
        filled = form.cleaned_data
        flows.invite(caller=self.caller, handle=self.org.handle, invitee=filled["user"], level=filled["level"], actor=self.actor)
        return self.leave("invited", "orgs:members", self.org.handle)


class WithdrawInvitationView(OneOrganization, DoneMixin):
    """/orgs/<handle>/invitations/<id>/withdraw/ (POST): ends an invitation."""

    http_method_names = ["post", "options"]
    for_admins = True

    def post(self, request: HttpRequest, handle: str, public_id: str) -> HttpResponse:
        """End it and go back to the members."""
        flows.withdraw(caller=self.caller, handle=self.org.handle, public_id=public_id, actor=self.actor)
        return self.leave("withdrawn", "orgs:members", self.org.handle)


class _OneMember(OneOrganization):
    """A page of one member of an organization that the person administers; OrgMemberNotFound, a 404, for anybody else."""

    for_admins, tab = True, "members"

    @cached_property
    def member(self) -> Membership:
        """The member of the address."""
        return flows.find_member(org=self.org, username=self.kwargs["username"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the member."""
        return super().get_context_data(member=self.member, **kwargs)


class ChangeLevelView(_OneMember, FlowView):
    """/orgs/<handle>/members/<username>/: another level."""

    form_class, template_name = LevelForm, "orgs/change_level.html"

    def get_initial(self) -> dict[str, Any]:
        """Begin with the level of now."""
        return {"level": self.member.level}

    def act(self, form: LevelForm) -> HttpResponse:
        """Change it and go back to the members."""
        flows.change_level(
            caller=self.caller, handle=self.org.handle, username=self.member.user.username,
            level=form.cleaned_data["level"], actor=self.actor,
        )  # fmt: skip
        return self.leave("changed", "orgs:members", self.org.handle)


class RemoveMemberView(_OneMember, FlowView):
    """/orgs/<handle>/members/<username>/remove/: asks, and says what is lost; then takes the person out."""

    form_class, template_name = EmptyForm, "orgs/remove_member.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what they lose with it."""
        return super().get_context_data(losses=flows.find_losses(org=self.org, user=self.member.user), **kwargs)

    def act(self, form: EmptyForm) -> HttpResponse:
        """Remove them and go back to the members; whoever removes themself leaves, and goes to the organizations that are left."""
        if self.member.user == self.user:
            flows.leave(caller=self.caller, handle=self.org.handle, actor=self.actor)
            return self.leave("left", "orgs:list")
        flows.remove(caller=self.caller, handle=self.org.handle, username=self.member.user.username, actor=self.actor)
        return self.leave("removed", "orgs:members", self.org.handle)
