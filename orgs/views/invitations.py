"""The page behind a mailed invitation: shown by GET, answered by POST; open to all, for there may be no account yet."""

from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from accounts import sessions
from accounts.digests import digest
from accounts.errors import EnrolmentNeeded, GatehouseError, LinkDead
from accounts.forms import EmptyForm
from accounts.ids import ID_PATTERN
from accounts.notices import ACCOUNT_MADE
from accounts.pages import DeadLinkMixin, FlowView, open_to_all
from accounts.returning import to_login
from orgs import access, flows
from orgs.errors import InvitationForOther
from orgs.forms import NewAccountForm
from orgs.models import Invitation, Membership

DECLINE = "decline"
OPENED = "invitation"  # which one this browser opened by its mailed link


@open_to_all
class InvitationView(DeadLinkMixin, FlowView):
    """/invitations/<key>/: accept, decline, or make an account; `act` says which.

    The key leaves the address bar at once, as that of a reset does (RST-04): the invitation's id takes its place, which opens it to
    this browser, and to the person whom it is for. So no login leads back to an address with the key in it.
    """

    template_name = "orgs/invitation.html"
    dead_link = {"action_url": "/orgs/", "action_label": "My organizations"}

    @property
    def is_known(self) -> bool:
        """Whether somebody is signed in."""
        return bool(self.request.user.is_authenticated)

    @cached_property
    def invitation(self) -> Invitation:
        """The invitation of the address; raises LinkDead."""
        return flows.find_invitation(link=self.link, user=self.user if self.is_known else None)

    @property
    def link(self) -> str:
        """What names the invitation to the flows: the digest of its key, or the id alone, where the key was not opened here."""
        named = self.kwargs["key"]
        if not ID_PATTERN.fullmatch(named):
            return digest(named)
        opened = self.request.session.get(OPENED) or {}
        return str(opened["link"]) if opened.get("id") == named else named

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Put the key's digest into the session and come back without the key; then show the invitation."""
        if not ID_PATTERN.fullmatch(self.kwargs["key"]):
            request.session[OPENED] = {"id": self.invitation.public_id, "link": self.link}
            return redirect("orgs:invitation", self.invitation.public_id)
        return super().get(request, *args, **kwargs)

    def get_form_class(self) -> type[Any]:
        """Return the form for a new account where one can be made: nobody is signed in, and an address was invited."""
        is_new = not self.is_known and self.invitation.user_id is None
        return NewAccountForm if is_new and self.request.POST.get("act") != DECLINE else EmptyForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the invitation, and what the person who looks can do with it."""
        shown: dict[str, Any] = {"invitation": self.invitation, "org": self.invitation.org, "refusal": self._refusal()}
        if self.is_known:
            shown["is_member"] = Membership.objects.filter(org=self.invitation.org, user=self.user).exists()
        elif self.invitation.user_id is None and self.request.POST.get("act") == DECLINE:
            shown["form"] = NewAccountForm()
        return super().get_context_data(**{**kwargs, **shown})

    def act(self, form: Any) -> HttpResponse:
        """Do what the button says."""
        if self.request.POST.get("act") == DECLINE:
            return self._decline()
        return self._accept() if self.is_known else self._join(form)

    def refuse(self, form: Any, error: GatehouseError) -> HttpResponse:
        """Let a dead link have its own page."""
        if isinstance(error, LinkDead):
            raise error
        return super().refuse(form, error)

    def _refusal(self) -> str:
        if not self.is_known:
            return ""
        try:
            access.require_invited(self.invitation, self.user)
        except InvitationForOther as error:
            return f"{error}."
        return ""

    def _accept(self) -> HttpResponse:
        row = self.store.row
        if row is not None and sessions.must_enrol(row):
            raise EnrolmentNeeded()
        membership = flows.accept(link=self.link, user=self.user, actor=self.actor)
        return self.leave("joined", "orgs:organization", membership.org.handle)

    def _join(self, form: Any) -> HttpResponse:
        if not isinstance(form, NewAccountForm):
            return redirect(f"{reverse('accounts:login')}?next={reverse('orgs:invitation', args=[self.invitation.public_id])}")
        filled = form.cleaned_data
        flows.accept_as_new(
            link=self.link, username=filled["username"], password=filled["new_password1"],
            first_name=filled["first_name"], last_name=filled["last_name"], actor=self.actor,
        )  # fmt: skip
        return to_login(ACCOUNT_MADE)

    def _decline(self) -> HttpResponse:
        flows.decline(link=self.link, user=self.user if self.is_known else None, actor=self.actor)
        if self.is_known:
            return self.leave("declined", "orgs:list")
        page = {"title": "Declined", "text": "Nothing has changed, and the link is dead. There is nothing more to do."}
        return render(self.request, "accounts/message.html", page)
