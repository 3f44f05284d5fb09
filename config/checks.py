"""Readers of settings: a text from the environment becomes a typed value, or a refusal that names the variable."""

import ipaddress
from typing import NoReturn
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

DEMO_SECRET_KEY = "gatehouse-demo-secret-key-for-development-only-0123456789"  # noqa: S105  (refused where DEBUG is off)
DEMO_DEVICE_COOKIE_KEY = "gatehouse-demo-device-cookie-key-for-development-only-0123"
DEMO_TOTP_KEY = "gatehouse-demo-totp-key-for-development-only-0123456789"
DEMO_BACKUP_CODE_KEY = "gatehouse-demo-backup-code-key-for-development-only-0123"
_DEMO_KEYS = {DEMO_SECRET_KEY, DEMO_DEVICE_COOKIE_KEY, DEMO_TOTP_KEY, DEMO_BACKUP_CODE_KEY}
KEY_MIN_CHARS = 50
KEY_MIN_DISTINCT_CHARS = 5
FAILPOINT_ACTIONS = ("kill", "raise", "pause:")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


def refuse(name: str, sentence: str) -> NoReturn:
    """Raise ImproperlyConfigured with a sentence that begins with the variable's name."""
    raise ImproperlyConfigured(f"{name} {sentence}")


def boolean(name: str, text: str) -> bool:
    """Return what `text` says; a spelling nobody agreed on is refused, for "DEBUG=flase" must not pass as either."""
    folded = text.strip().lower()
    if folded not in _TRUE | _FALSE:
        refuse(name, "must be one of 1, true, yes, on or 0, false, no, off")
    return folded in _TRUE


def integer(name: str, text: str, *, least: int, most: int) -> int:
    """Return the whole number in `text`, from `least` to `most`."""
    try:
        number = int(text)
    except ValueError:
        refuse(name, f"must be a whole number from {least} to {most}")
    if not least <= number <= most:
        refuse(name, f"must be a whole number from {least} to {most}")
    return number


def word(name: str, text: str, allowed: tuple[str, ...]) -> str:
    """Return `text` in capitals, if it is one of `allowed`."""
    if text.upper() not in allowed:
        refuse(name, f"must be one of {', '.join(allowed)}")
    return text.upper()


def names(text: str) -> list[str]:
    """Return the comma-separated parts of `text`, without blanks and empty ones."""
    return [part.strip() for part in text.split(",") if part.strip()]


def networks(name: str, text: str) -> list[str]:
    """Return the comma-separated addresses and networks in `text`."""
    for part in names(text):
        try:
            network = ipaddress.ip_network(part, strict=False)
        except ValueError:
            refuse(name, "must be addresses or networks, separated by commas, such as 10.0.0.0/8")
        if network.prefixlen == 0:
            refuse(name, "must not be every address: anybody could then say where they come from")
    return names(text)


def site_url(name: str, text: str, *, development: bool) -> str:
    """Return scheme, host and port of `text`, without a slash at the end; https is a must except on loopback."""
    if not text:
        refuse(name, "is missing: set it to the address that browsers use, such as https://gatehouse.example.org")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.path not in ("", "/") or parts.query:
        refuse(name, "must be the address that browsers use, such as https://gatehouse.example.org, without a path")
    if parts.scheme == "http" and not development and not is_loopback(parts.hostname):
        refuse(name, "must begin with https:// (http:// is for 127.0.0.1 and localhost only)")
    return f"{parts.scheme}://{parts.netloc}"


def contact(name: str, text: str) -> str:
    """Return the address of whoever finds a weakness shall turn to, as RFC 9116 wants it: a URI."""
    if not text.startswith(("mailto:", "https://", "tel:")) or not text.isascii() or any(char.isspace() for char in text):
        refuse(name, "must be an address such as mailto:security@example.org or https://example.org/security")
    return text


def is_loopback(host: str) -> bool:
    """Return whether only this machine can mean itself by `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def allowed_hosts(name: str, text: str, *, development: bool, site_host: str) -> list[str]:
    """Return the host names that requests may ask for; in development also loopback and the site."""
    hosts = names(text)
    if any(host in ("*", ".") for host in hosts):
        refuse(name, "must name the hosts, without *")
    if development:
        return list(dict.fromkeys([*hosts, site_host, "127.0.0.1", "localhost", "[::1]"]))
    if not hosts:
        refuse(name, "is missing: name the hosts that browsers and scripts use, separated by commas")
    if not any(_covers(host, site_host) for host in hosts):
        refuse(name, f"must hold the host of SITE_URL ({site_host}): the links in mails lead there")
    return hosts


def _covers(pattern: str, host: str) -> bool:
    """Return whether an entry of ALLOWED_HOSTS, such as `example.org` or `.example.org`, lets `host` in."""
    folded = pattern.lower().strip("[]")
    return host == folded or (folded.startswith(".") and (host.endswith(folded) or host == folded[1:]))


def key(name: str, text: str, *, demo: str, development: bool) -> str:
    """Return the secret in `text`, in development the demo one by default; a weak one is refused outside of it."""
    if text.startswith("$"):
        # django-environ takes such a value for a reference to another variable.
        refuse(name, "must not begin with $")
    if development:
        return text or demo
    if not text:
        refuse(name, "is missing: set it to a random text of 50 characters or more (or DEBUG=1 for a demo)")
    if text in _DEMO_KEYS:
        refuse(name, "is the demo key, which everybody knows: set it to a random text of 50 characters or more")
    if _is_weak(text):
        refuse(name, f"is too weak: {KEY_MIN_CHARS} characters at least, {KEY_MIN_DISTINCT_CHARS} different ones at least")
    return text


def _is_weak(text: str) -> bool:
    return len(text) < KEY_MIN_CHARS or len(set(text)) < KEY_MIN_DISTINCT_CHARS


def old_keys(name: str, text: str, *, development: bool) -> list[str]:
    """Return the comma-separated keys that still check but sign no more; demo and weak ones only in development."""
    keys = names(text)
    if not development and any(_is_weak(key) for key in keys):
        # What checks opens as much as what signs, and no key that a server ever ran with was weak.
        refuse(name, f"holds a weak key: {KEY_MIN_CHARS} characters at least, {KEY_MIN_DISTINCT_CHARS} different ones at least")
    if not development and _DEMO_KEYS & set(keys):
        refuse(name, "holds the demo key, which everybody knows")
    return keys


def all_different(keys: dict[str, str]) -> None:
    """Refuse two variables of `keys` with one value, naming both: one leak must not open two locks."""
    seen: dict[str, str] = {}
    for name, value in keys.items():
        if value in seen:
            refuse(name, f"must differ from {seen[value]}")
        seen[value] = name


def ports_differ(ports: dict[str, int]) -> None:
    """Refuse two variables of `ports` with one port, naming both; 0 is no port."""
    seen: dict[int, str] = {0: ""}
    for name, port in ports.items():
        if seen.get(port):
            refuse(name, f"must differ from {seen[port]}")
        seen.setdefault(port, name)


def failpoints(name: str, text: str, *, development: bool) -> dict[str, str]:
    """Return the actions by the name of their point, from "point=action" parts; empty outside of development."""
    if text and not development:
        refuse(name, "is for tests only: unset it, or set DEBUG=1")
    actions = dict(part.partition("=")[::2] for part in names(text))
    if not all(action.startswith(FAILPOINT_ACTIONS) for action in actions.values()):
        refuse(name, "must be point=action parts; actions are kill, raise, pause:<file>")
    return actions
