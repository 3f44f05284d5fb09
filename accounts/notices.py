"""What the login page says about how the last session ended."""

from django.conf import settings
from django.http import HttpRequest

from accounts.credentials import Change
from accounts.models import WhyEnded
from accounts.wording import spell_wait

SHOWN_MAX_SECONDS = 86_400
SIGNED_OUT_EVERYWHERE = "You were signed out everywhere."

TOO_MANY_CODES = "codes"
ACCOUNT_MADE = "account-made"
FRESH_CODE = "fresh-code"  # the one reason that brings somebody here who is signed in

Notice = tuple[str, str, str]  # tone, title, text
_NOTICES: dict[str, Notice] = {
    **{change.value: ("ok", change.notice, f"{SIGNED_OUT_EVERYWHERE} {change.then}") for change in Change},
    WhyEnded.IDLE: ("info", "You were signed out", "{after} passed without activity. Sign in to go back to where you were."),
    WhyEnded.EXPIRED: ("info", "You were signed out", "A session lasts 24 hours at most. Sign in to go back to where you were."),
    WhyEnded.SIGNED_OUT: ("ok", "You are signed out", "This session has ended on the server."),
    WhyEnded.ENDED: ("info", "This session was ended", "It was ended from another session of your account. Its history says from where."),
    WhyEnded.SUPPORT: ("info", "Support ended this session", "A mail to you says who did, and why. Sign in to go on."),
    WhyEnded.CREDENTIALS: ("info", "Your account changed", f"A credential of your account changed. {SIGNED_OUT_EVERYWHERE}"),
    WhyEnded.CROWDED: ("info", "This session was ended", "You opened more than 50 sessions; the oldest ones end."),
    WhyEnded.RESTORED: ("info", "You were signed out", "The server was restored from a backup. Sign in again."),
    WhyEnded.DEACTIVATED: ("warn", "This account is switched off", "Contact support to switch it on again."),
    FRESH_CODE: ("info", "Sign in again for the console", "It opens with a code that was given in the last 12 hours."),
    ACCOUNT_MADE: ("ok", "Your account is there", "You are a member of the organization. Sign in with your username and password."),
    TOO_MANY_CODES: ("warn", "Five wrong codes", "Begin again with the password. A code counts once, and for about a minute."),
}


def notice_for(request: HttpRequest) -> dict[str, str] | None:
    """Return tone, title and text for the reason in the address (`?why=`); None where there is nothing to say.

    The address is anybody's to write; it chooses among these sentences and a number of seconds, and nothing else.
    """
    found = _NOTICES.get(request.GET.get("why", ""))
    if found is None:
        return None
    tone, title, text = found
    return {"tone": tone, "title": title, "text": text.format(after=_spelt_limit(request.GET.get("after", "")))}


def _spelt_limit(seconds: str) -> str:
    known = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) <= len(str(SHOWN_MAX_SECONDS)) else 0
    return spell_wait(known if 0 < known <= SHOWN_MAX_SECONDS else settings.IDLE_LIMIT_SECONDS)
