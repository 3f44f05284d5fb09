"""Where this server is, in the pieces that the dx client's variables want."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

DEFAULT_PORTS = {"http": 80, "https": 443}


def address() -> dict[str, Any]:
    """Return scheme, host and port of SITE_URL."""
    parts = urlsplit(settings.SITE_URL)
    return {"scheme": parts.scheme, "host": parts.hostname, "port": parts.port or DEFAULT_PORTS[parts.scheme]}
