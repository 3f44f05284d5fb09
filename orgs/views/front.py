"""/orgs/<handle>/: one address, two pages."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from orgs.views.organizations import MemberPageView, OneOrganization
from orgs.views.policies import PoliciesView


class OrganizationView(OneOrganization):
    """Shows an admin the policies, to set them, and a MEMBER what holds for them."""

    http_method_names = ["get", "post", "head", "options"]

    def get(self, request: HttpRequest, handle: str) -> HttpResponseBase:
        """Answer as the page does that is meant."""
        view = PoliciesView if self.membership.is_admin else MemberPageView
        return view.as_view()(request, handle=handle)

    def post(self, request: HttpRequest, handle: str) -> HttpResponseBase:
        """Let the page of the policies answer, which refuses it to a MEMBER."""
        return PoliciesView.as_view()(request, handle=handle)
