"""Mails that did not arrive: to whom, about what, in which state. Never what they say: it may be a link (ADM-03)."""

from typing import Any

from django.db.models import QuerySet

from accounts import limits
from accounts.models import OutboxMail
from accounts.paging import page_of
from config.console.entrance import ConsolePage

_COLUMNS = ("to", "subject", "state", "created", "attempts", "next_try", "done_at", "user__username", "user__first_name", "user__last_name")


def failed() -> "QuerySet[OutboxMail]":
    """Return the mails that were given up, without their texts."""
    return OutboxMail.objects.filter(state=OutboxMail.State.FAILED).select_related("user").only(*_COLUMNS)


def late() -> "QuerySet[OutboxMail]":
    """Return the mails that were tried, and wait for the next try, without their texts."""
    waiting = OutboxMail.objects.filter(state=OutboxMail.State.WAITING, attempts__gt=0)
    return waiting.select_related("user").only(*_COLUMNS)


class MailsView(ConsolePage):
    """/admin/mails/: those that were given up; with `?late=1` those that are being tried."""

    section, template_name = "mails", "admin/mails.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add a page of them, the newest first."""
        is_late = self.request.GET.get("late") == "1"
        rows = late().order_by("next_try", "pk") if is_late else failed().order_by("-done_at", "-pk")
        page = page_of(rows, self.request.GET.get("page"), limits.PAGE_ROWS)
        return super().get_context_data(page=page, late=is_late, **kwargs)
