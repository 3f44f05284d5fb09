"""Where a login leads: only ever to a page of this host (WEB-05)."""

from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import Resolver404, resolve, reverse
from django.utils.http import url_has_allowed_host_and_scheme

NEXT_MAX_CHARS = 2000
HOME = "/"


def safe_next(request: HttpRequest, wanted: str | None) -> str:
    """Return `wanted` if it is a path of this host, else "/"."""
    if not wanted or len(wanted) > NEXT_MAX_CHARS or not wanted.startswith("/") or wanted.startswith("//"):
        return HOME
    # Browsers take a backslash for a slash, and drop control characters wherever they stand.
    if "\\" in wanted or not wanted.isprintable():
        return HOME
    if not url_has_allowed_host_and_scheme(wanted, allowed_hosts=None, require_https=request.is_secure()):
        return HOME
    return wanted


def page_to_return_to(request: HttpRequest) -> str:
    """Return the page a person was on: the one asked for, or, for a form that was sent, the one the form stood on."""
    if request.method in ("GET", "HEAD"):
        return safe_next(request, request.get_full_path())
    try:
        referer = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return HOME
    if referer.netloc != request.get_host():
        return HOME
    return safe_next(request, referer.path + (f"?{referer.query}" if referer.query else ""))


def is_login_page(path: str) -> bool:
    """Return whether `path` belongs to signing in or out, where a login must not lead back to."""
    try:
        match = resolve(urlsplit(path).path)
    except Resolver404:
        return False
    return match.view_name in {"accounts:login", "accounts:verify", "accounts:logout", "accounts:session"}


def after_login(request: HttpRequest, wanted: str | None) -> str:
    """Return where a complete login leads: the page wanted, or the home page."""
    path = safe_next(request, wanted)
    return settings.LOGIN_REDIRECT_URL if is_login_page(path) else path


def to_login(why: str, wanted: str = "") -> HttpResponse:
    """Return the way to the login page, which says what happened (S3.8), and leads to the path `wanted`, by default Home.

    `why` is a WhyEnded or a credential change.
    """
    asked = {"why": str(why), **({"next": wanted} if wanted else {})}
    return HttpResponseRedirect(f"{reverse('accounts:login')}?{urlencode(asked)}")
