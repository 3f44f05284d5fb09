"""The tab Security log: what happened in an organization, for its admins (S9.1)."""

from django.http import HttpRequest, StreamingHttpResponse

from accounts import exporting, flows, history, logbook
from accounts.history import ShownEvent
from accounts.logbook import Events
from accounts.models import SecurityEvent
from accounts.pages import PageView
from accounts.views.log import LogMixin
from orgs.serializers import OrgEventOutput
from orgs.views.organizations import OneOrganization


class LogView(OneOrganization, LogMixin, PageView):
    """/orgs/<handle>/log/: the events about the organization, the newest first."""

    template_name, filter_names = "orgs/log.html", logbook.OF_ORG
    for_admins, tab = True, "log"

    def events(self) -> Events:
        """Return those of the organization of the address."""
        return history.of_thing(self.org.public_id)

    def show(self, row: SecurityEvent) -> ShownEvent:
        """Return what an admin may see of an event."""
        return history.show_between(row)


class ExportLogView(OneOrganization):
    """/orgs/<handle>/log/export/ (POST): the same as a file, the oldest first."""

    http_method_names = ["post", "options"]
    for_admins = True

    def post(self, request: HttpRequest, handle: str) -> StreamingHttpResponse:
        """Hand out the entries that fit the filters of the form. Raises FilterRefused and TooManyAttempts."""
        org, filters = self.org, logbook.parse(request.POST, logbook.OF_ORG)
        flows.begin_export(
            whose=f"that of “{org.name}”", filters=filters, subject=self.user, actor=self.actor, org_id=org.public_id
        )  # fmt: skip
        return exporting.answer(history.of_thing(org.public_id), filters, OrgEventOutput.of, name=f"security-log-{org.public_id}")
