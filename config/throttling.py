"""How often the expensive routes of REST can be asked (API-08): a view names its `throttle_scope`, settings have the rates.

The counts are in the cache, which may lose them, and without Redis each process has its own: they bound work. What guards secrets
is counted in the database (accounts.throttle).
"""

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle

from accounts.clients import client_address, network_of


class Limit(ScopedRateThrottle):
    """Base of the limits below. A view without a scope costs nothing, a scope without a rate of this kind is not limited by it."""

    per: str
    duration: int

    def get_rate(self) -> str | None:
        """Return the rate of "<scope> per <kind>", such as "60/min"; None where settings have none."""
        rate: str | None = self.THROTTLE_RATES.get(f"{self.scope} per {self.per}")
        return rate

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """Return the key of the count; None where there is nobody to count for."""
        who = self.who(request)
        return None if who is None else f"throttle:{self.scope}:{self.per}:{who}"

    def who(self, request: Request) -> str | None:
        """Return whom the request is counted for."""
        raise NotImplementedError

    def wait(self) -> float:
        """Return the seconds until the next request; DRF knows none where a rate was lowered meanwhile."""
        return super().wait() or float(self.duration)


class PersonLimit(Limit):
    """Counts what one person asks, with whatever token or session."""

    per = "person"

    def who(self, request: Request) -> str | None:
        """Return the person; None for a stranger."""
        return str(request.user.pk) if request.user and request.user.is_authenticated else None


class AddressLimit(Limit):
    """Counts what comes from one address. Not DRF's way to it, which believes any X-Forwarded-For (LOG-08)."""

    per = "address"

    def who(self, request: Request) -> str | None:
        """Return the address, of IPv6 its network."""
        return network_of(client_address(request._request))
