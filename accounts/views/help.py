"""How scripts and dx sign in, for people who look for it on the login page."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from accounts.pages import PageView, open_to_all

DEFAULT_PORTS = {"http": 80, "https": 443}


@open_to_all
class HelpView(PageView):
    """/help/"""

    template_name = "accounts/help.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add where this server is, as the client's variables want it."""
        parts = urlsplit(settings.SITE_URL)
        site = {"scheme": parts.scheme, "host": parts.hostname, "port": parts.port or DEFAULT_PORTS[parts.scheme]}
        return super().get_context_data(site=site, **kwargs)
