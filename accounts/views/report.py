"""The report of what was touched in one's account (N7)."""

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse

from accounts import reporting
from accounts.forms import SinceForm
from accounts.pages import PageView

DEFAULT = "week"


class ReportView(PageView):
    """/security/report/?since=…: sign-ins, changes, tokens, projects, files and jobs since then. Changes nothing."""

    template_name = "accounts/report.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the report; a moment that is none gets no report, and 422."""
        form = SinceForm({"since": request.GET.get("since", DEFAULT), "moment": request.GET.get("moment", "")})
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=HTTPStatus.UNPROCESSABLE_ENTITY)
        since = form.cleaned_data["from_when"]
        return self.render_to_response(self.get_context_data(form=form, since=since, sections=reporting.sections(self.user, since)))
