"""Who is at the other end of a request: address and device, as far as they can be known."""

import re
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest
from ua_parser import parse

USER_AGENT_MAX_CHARS = 512
_KNOWN = "gatehouse_client_address"  # asked for more than once by each request
_FORWARDED_MAX_CHARS = 512  # the end of the header, where the proxies wrote


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address: the peer's, or, from a peer in TRUSTED_PROXIES, the right-most untrusted entry of
    X-Forwarded-For. No other forwarding header is looked at (LOG-08). None where the server knows no peer (a socket file).

    An entry that is no address ends the search: what stands left of it may be anybody's invention.
    """
    known: dict[str, str | None] = request.__dict__
    if _KNOWN not in known:
        proxies, peer = tuple(settings.TRUSTED_PROXIES), request.META.get("REMOTE_ADDR", "")
        # Without a proxy a stranger's header is not even a key of the cache.
        forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")[-_FORWARDED_MAX_CHARS:] if proxies else ""
        known[_KNOWN] = _client(peer, forwarded, proxies)
    return known[_KNOWN]


# Asked several times for each request, and again and again for the same few clients.
@lru_cache(maxsize=4096)
def _client(peer: str, forwarded: str, proxies: tuple[str, ...]) -> str | None:
    client = None
    for hop in (peer, *reversed(forwarded.split(","))):
        address = _parsed(hop.strip())
        if address is None:
            break
        client = address
        if not _trusted_in(address, proxies):
            break
    return client


@lru_cache(maxsize=4096)
def network_of(address: str | None) -> str:
    """Return what failures are counted by: the address, of IPv6 its /64, of which one customer has all."""
    if not address:
        return "unknown"
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, 64), strict=False))
    return address


def user_agent(request: HttpRequest) -> str:
    """Return the User-Agent header, cut to 512 characters."""
    # Not request.headers, which is made of all of them when it is first asked for.
    return str(request.META.get("HTTP_USER_AGENT", ""))[:USER_AGENT_MAX_CHARS]


@lru_cache(maxsize=1024)
def device_name(agent: str) -> str:
    """Return a name people know, as "Firefox on Linux"; of a program the parser does not know the name before its version.

    Never more of a stranger's text than one word: these names stand in mails, where a reader makes a link of an address.
    """
    result = parse(agent)
    browser = result.user_agent.family if result.user_agent else ""
    system = result.os.family if result.os else ""
    program = browser or _first_word(agent)
    return f"{program} on {system}" if program and system else program or "Unknown device"


def _first_word(agent: str) -> str:
    word = re.match(r"[A-Za-z][A-Za-z0-9_-]{0,29}(?=[/ ]|$)", agent)
    return word[0] if word else ""


@lru_cache(maxsize=1024)
def device_icon(agent: str) -> str:
    """Return "terminal", "phone" or "screen", for the list of sessions."""
    if agent.startswith("dxpy/"):
        return "terminal"
    return "phone" if "Mobile" in agent or "iPhone" in agent else "screen"


def _parsed(hop: str) -> str | None:
    """Return the address in one entry, which may carry a port; an IPv4 address in its IPv6 form as what it is."""
    bare = re.sub(r"^\[(.*)\](?::\d+)?$|^([0-9.]+):\d+$", r"\1\2", hop)
    try:
        address = ip_address(bare)
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


@lru_cache(maxsize=1024)
def _trusted_in(address: str, networks: tuple[str, ...]) -> bool:
    return any(ip_address(address) in ip_network(network, strict=False) for network in networks)
