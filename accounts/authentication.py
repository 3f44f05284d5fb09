"""How REST knows a browser. In a module of its own: REST framework imports it while it imports itself."""

from rest_framework.authentication import SessionAuthentication as DrfSessionAuthentication
from rest_framework.request import Request


class SessionAuthentication(DrfSessionAuthentication):
    """A web session, with CSRF on every unsafe method. Its 401 asks for a bearer, as every 401 of the API does."""

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401 (RFC 6750, section 3)."""
        return "Bearer"
