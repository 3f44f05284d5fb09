"""How scripts and dx sign in, for people who look for it on the login page."""

from typing import Any

from accounts import site
from accounts.pages import PageView, open_to_all


@open_to_all
class HelpView(PageView):
    """/help/"""

    template_name = "accounts/help.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add where this server is."""
        return super().get_context_data(site=site.address(), **kwargs)
