"""The sections of this room in the report of what was touched (accounts.reporting): sign-ins, and the account itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Q

from accounts import reporting
from accounts.audit import Event
from accounts.clients import device_name
from accounts.models import SecurityEvent, User
from accounts.reporting import Row, Section
from accounts.wording import counted

_STOPPED = (Event.LOGIN_STOPPED, Event.CODE_REFUSED)
_FAILED = (Event.LOGIN_FAILED, Event.LOGIN_REFUSED)
_LOGINS = [event.value for event in (Event.LOGIN_PASSED, *_STOPPED, *_FAILED)]
_ACCOUNT = [
    event.value
    for event in (
        Event.ACCOUNT_CREATED, Event.ACCOUNT_SECURED, Event.PASSWORD_CHANGED, Event.PASSWORD_RESET_ASKED, Event.PASSWORD_RESET,
        Event.CONFIRMATION_FAILED, Event.EMAIL_CHANGE_ASKED, Event.EMAIL_CHANGE_CANCELLED, Event.EMAIL_CHANGED,
    )
]  # fmt: skip


@dataclass
class _From:
    """What came from one address and kind of browser."""

    last: datetime
    passed: int = 0
    stopped: int = 0
    failed: int = 0

    def add(self, event: str, times: int, last: datetime) -> None:
        self.last = max(self.last, last)
        if event == Event.LOGIN_PASSED:
            self.passed += times
        elif event in _STOPPED:
            self.stopped += times
        else:
            self.failed += times

    @property
    def title(self) -> str:
        """ "Signed in 3 times", or that nobody did."""
        return f"Signed in {counted(self.passed, 'time')}" if self.passed else "Nobody got in"

    @property
    def text(self) -> str:
        """What failed from there."""
        stopped = f"{counted(self.stopped, 'time')} the password was right and what had to follow did not" if self.stopped else ""
        failed = f"{counted(self.failed, 'attempt')} failed at the password" if self.failed else ""
        return "; ".join(part for part in (failed, stopped) if part)


def sign_ins(user: User, since: datetime) -> Section:
    """Return the sign-ins and failures by address and kind of browser, those marked from which nobody signed in before. Two queries."""
    logins = SecurityEvent.objects.filter(subject=user, event__in=_LOGINS, at__gte=since)
    groups = logins.values("ip", "user_agent", "event").annotate(times=Count("pk"), last=Max("at"))
    found = list(groups.order_by("-last")[: reporting.ROWS + 1])
    places = _folded(found)
    known = _known_before(user, since, found)
    rows = [
        Row(one.last, one.title, one.text, place=reporting.place_of(ip, device), mark=_mark(one, ip, device, known))
        for (ip, device), one in places.items()
    ]
    more = reporting.history_page(since, "login.") if len(found) > reporting.ROWS else ""
    return Section("Sign-ins", "Nobody signed in or tried to.", reporting.cut(rows)[0], more)


def account(user: User, since: datetime) -> Section:
    """Return what became of password and address. One query."""
    events = SecurityEvent.objects.filter(subject=user, event__in=_ACCOUNT)
    return reporting.of_events(events, since=since, title="Password and e-mail", empty="Neither was touched.")


def _folded(found: Sequence[Mapping[str, Any]]) -> dict[tuple[str | None, str], _From]:
    places: dict[tuple[str | None, str], _From] = {}
    for group in found:
        key = (group["ip"], device_name(group["user_agent"]))
        places.setdefault(key, _From(group["last"])).add(group["event"], group["times"], group["last"])
    return places


def _known_before(user: User, since: datetime, found: Sequence[Mapping[str, Any]]) -> tuple[set[str | None], set[str]]:
    """Return the addresses and kinds of browsers among those found from which the person signed in before."""
    ips, agents = {group["ip"] for group in found}, {group["user_agent"] for group in found}
    before = SecurityEvent.objects.filter(subject=user, event=Event.LOGIN_PASSED.value, at__lt=since)
    rows = list(before.filter(Q(ip__in=ips - {None}) | Q(user_agent__in=agents)).values_list("ip", "user_agent").distinct())
    return {ip for ip, _ in rows}, {device_name(agent) for _, agent in rows}


def _mark(one: _From, ip: str | None, device: str, known: tuple[set[str | None], set[str]]) -> str:
    if not one.passed and not one.stopped:
        return ""
    new = [word for word, is_known in (("address", ip in known[0]), ("device", device in known[1])) if not is_known]
    return f"New {' and '.join(new)}" if new else ""
