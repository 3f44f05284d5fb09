"""Security logs on pages: filters, entries page by page, a file of them."""

from http import HTTPStatus
from typing import Any, ClassVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.generic.base import ContextMixin, TemplateResponseMixin, View

from accounts import exporting, flows, history, limits, logbook
from accounts.forms import LogForm
from accounts.history import ShownEvent
from accounts.logbook import Events
from accounts.models import SecurityEvent
from accounts.pages import ActorMixin, PageView
from accounts.serializers import SecurityEventOutput


class LogMixin(TemplateResponseMixin, ContextMixin, View):
    """A page with a log: say whose `events`, by which filters, and how an entry is shown."""

    filter_names: ClassVar[tuple[str, ...]]

    def events(self) -> Events:
        """Return all entries that this page is about."""
        raise NotImplementedError

    def show(self, row: SecurityEvent) -> ShownEvent:
        """Return how the page shows an entry."""
        return history.show_event(row)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the filters, and one page of the entries that fit; of filters that are wrong their sentences, and no entries."""
        form = LogForm(self.request.GET, self.filter_names)
        page = logbook.LogPage([])
        if form.is_valid():
            page = logbook.page_of(self.events(), form.filters, self.request.GET, limits.PAGE_ROWS)
        asked = form.filters.asked if form.is_valid() else {}
        return super().get_context_data(
            form=form, entries=[self.show(row) for row in page.rows], asked=asked,
            newer_url=f"?{urlencode({**asked, 'after': page.newer})}" if page.newer else None,
            older_url=f"?{urlencode({**asked, 'before': page.older})}" if page.older else None, **kwargs,
        )  # fmt: skip

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        """Render the page; as 422 where a filter is wrong."""
        return super().render_to_response(context, status=HTTPStatus.UNPROCESSABLE_ENTITY if context["form"].errors else HTTPStatus.OK)


class HistoryView(LogMixin, PageView):
    """/security/history/: the person's own security log, newest first."""

    template_name, filter_names = "accounts/history.html", logbook.OWN

    def events(self) -> Events:
        """Return the person's own."""
        return history.of(self.user)


class ExportHistoryView(ActorMixin):
    """/security/history/export/ (POST): the same as a file, the oldest first."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> StreamingHttpResponse:
        """Hand out the entries that fit the filters of the form. Raises FilterRefused and TooManyAttempts."""
        filters = logbook.parse(request.POST, logbook.OWN)
        flows.begin_export(whose="your own", filters=filters, subject=self.user, actor=self.actor)
        events = history.of(self.user).select_related("actor")
        return exporting.answer(events, filters, SecurityEventOutput.of, name=f"security-log-{self.user.username}")
