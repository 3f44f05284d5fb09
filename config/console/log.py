"""The whole security log, for support: searched, one event with all its data, a file (S9.1)."""

import json
from typing import Any, cast
from urllib.parse import urlencode

from django.http import Http404, HttpResponse, QueryDict

from accounts import exporting, flows, history, logbook, support
from accounts.history import ShownEvent
from accounts.ids import ID_PATTERN
from accounts.logbook import Events, Filters
from accounts.models import SecurityEvent
from accounts.serializers import WholeEventOutput
from accounts.views.log import LogMixin
from config.console.entrance import ConsoleForm, ConsolePage
from config.console.forms import ExportForm


def _all() -> Events:
    return SecurityEvent.objects.select_related("actor", "subject")


class LogView(LogMixin, ConsolePage):
    """/admin/log/: all events, the newest first."""

    section, template_name, filter_names = "log", "admin/log.html", logbook.WHOLE

    def events(self) -> Events:
        """Return all there are."""
        return _all()

    def show(self, row: SecurityEvent) -> ShownEvent:
        """Return who did what to whom, and from where."""
        return history.show_whole(row)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what stands behind the address of the form that exports."""
        context = super().get_context_data(**kwargs)
        return context | {"query": urlencode(context["asked"])}


class EventView(ConsolePage):
    """/admin/log/<id>/: one event, with all its data."""

    section, template_name = "log", "admin/event.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the event, and its data as programs see it. Raises Http404."""
        public_id = self.kwargs["event_id"]
        row = _all().filter(public_id=public_id).first() if ID_PATTERN.fullmatch(public_id) else None
        if row is None:
            raise Http404
        data = [(name, json.dumps(value, ensure_ascii=False)) for name, value in row.data.items()]
        return super().get_context_data(row=row, entry=history.show_whole(row), data=data, **kwargs)


class ExportLogView(ConsoleForm):
    """/admin/log/export/: asks why, then hands out the entries that fit as a file, the oldest first."""

    section, form_class, template_name = "log", ExportForm, "admin/export_log.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the filters of the list, which the form keeps."""
        asked = {name: value for name, value in self._given.items() if name in logbook.WHOLE and value}
        return super().get_context_data(asked=asked, query=urlencode(asked), **kwargs)

    @property
    def _given(self) -> QueryDict:
        return self.request.POST if self.request.method == "POST" else self.request.GET

    def act(self, form: ExportForm) -> HttpResponse:
        """Record it with the reason, then hand the file out. Raises ReasonNeeded, FilterRefused, TooManyAttempts."""
        filters = logbook.parse(self._given, logbook.WHOLE)
        staff = support.acting(reason=form.cleaned_data["reason"], actor=self.actor)
        subject = self._subject(filters)
        flows.begin_export(whose="the whole log", filters=filters, subject=subject, actor=staff.actor, reason=staff.reason)
        return cast(HttpResponse, exporting.answer(_all(), filters, WholeEventOutput.of, name="security-log"))

    def _subject(self, filters: Filters) -> Any:
        """Return in whose log the export itself stands: theirs, where it is the log of one person."""
        named = filters.asked.get("subject")
        return logbook.person(named) if named else None
