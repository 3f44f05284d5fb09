"""How REST knows a browser. In a module of its own: REST framework imports it while it imports itself."""

from typing import Any, cast

from rest_framework.authentication import SessionAuthentication as DrfSessionAuthentication
from rest_framework.request import Request

from accounts import sessions
from accounts.errors import EnrolmentNeeded
from accounts.sessions import SessionStore


class SessionAuthentication(DrfSessionAuthentication):
    """A web session, with CSRF on every unsafe method. Its 401 asks for a bearer, as every 401 of the API does."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        """Return the person of the session, or None. Raises EnrolmentNeeded where they must set a second factor up first."""
        found = super().authenticate(request)
        row = cast(SessionStore, request._request.session).row if found else None
        if row is not None and sessions.must_enrol(row):
            raise EnrolmentNeeded()
        return found

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401 (RFC 6750, section 3)."""
        return "Bearer"
