"""The first page of the console: the search, and what waits for support."""

from typing import Any

from config.console.entrance import ConsolePage
from config.console.mails import failed
from config.console.resets import resets

WAITING_SHOWN = 5


class IndexView(ConsolePage):
    """/admin/"""

    section, template_name = "", "admin/home.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the resets that are under way, and the mails that did not arrive."""
        waiting = list(resets().open().order_by("state", "-pk")[: WAITING_SHOWN + 1])
        mails = list(failed().order_by("-done_at", "-pk")[: WAITING_SHOWN + 1])
        return super().get_context_data(
            resets=waiting[:WAITING_SHOWN], more_resets=len(waiting) > WAITING_SHOWN,
            mails=mails[:WAITING_SHOWN], more_mails=len(mails) > WAITING_SHOWN, **kwargs,
        )  # fmt: skip
