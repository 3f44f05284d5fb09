"""Resets of two-factor authentication: those that wait, and what became of the others (ADM-05)."""

from typing import Any

from accounts import limits
from accounts.paging import page_of
from config.console.entrance import ConsolePage
from twofactor.models import ResetRequest, ResetRequestQuerySet

OPEN_SHOWN = 100


def resets() -> ResetRequestQuerySet:
    """Return all, each with the people that it names."""
    return ResetRequest.objects.select_related("user", "asked_by", "agreed_by")


class ResetsView(ConsolePage):
    """/admin/resets/"""

    section, template_name = "resets", "admin/resets.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the open ones, those that wait for a colleague first, and a page of the others, the newest first."""
        waiting = list(resets().open().order_by("-state", "pk")[:OPEN_SHOWN])
        over = resets().exclude(state__in=ResetRequest.OPEN).order_by("-pk")
        page = page_of(over, self.request.GET.get("page"), limits.PAGE_ROWS)
        return super().get_context_data(waiting=waiting, page=page, **kwargs)
