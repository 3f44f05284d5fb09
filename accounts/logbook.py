"""The security log as it is searched: filters that every door shares, and pages that count nothing (S9.1).

Names of filters and columns come from here alone; what somebody asks is only ever a value (API-03).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from ipaddress import ip_address
from typing import Any

from django.db.models import Q, QuerySet

from accounts.audit import Event, Payload
from accounts.errors import FilterRefused
from accounts.ids import ID_PATTERN
from accounts.models import SecurityEvent, User
from accounts.models.records import NOTHING
from accounts.spelling import USERNAME_PATTERN, fold_username

Events = QuerySet[SecurityEvent]
DOORS = {"web": "Pages", "rest": "REST", "dx": "dx", "admin": "Support console", "shell": "On the server", "worker": "By time"}
OWN = ("event", "since", "until", "door", "address")
OF_ORG = ("event", "since", "until", "actor", "door")  # no address, which would be a way to ask for those of members (ORG-05)
WHOLE = ("event", "since", "until", "actor", "subject", "door", "address", "request", "about")
NEWEST_FIRST, OLDEST_FIRST = ("-at", "-id"), ("at", "id")
_FAMILIES = {
    "account.": "Account", "backup-code.": "Backup codes", "backup-codes.": "New backup codes", "code.": "Wrong codes",
    "codes.": "Codes locked", "email.": "E-mail address", "job.": "Jobs", "log.": "Security log", "login.": "Sign-ins",
    "org.": "Organizations", "project.": "Projects", "server.": "The server", "session.": "Sessions",
    "support.": "Acts of support", "token.": "Tokens",
    "two-factor.": "Two-factor authentication", "two-factor-reset.": "Two-factor resets", "work.": "Work that was ended",
}  # fmt: skip
_NARROW = {"actor", "subject", "address", "request", "about"}
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)
_THING = re.compile(r"[a-z]+-[A-Za-z0-9._]{1,34}", re.ASCII)
_REQUEST = re.compile(r"\d{13}-\d{1,6}", re.ASCII)
_WHEN = "must be a day such as 2026-11-24, or a moment such as 2026-11-24T07:41Z"


@dataclass(frozen=True)
class Filters:
    """What is looked for. `asked` has what was asked by name, as it was written; `condition` what it comes to.

    `kinds` are the events of a family, where nothing else narrows the log and they are better looked for one by one.
    """

    asked: dict[str, str] = field(default_factory=dict)
    condition: Q = field(default_factory=Q)
    kinds: tuple[str, ...] = ()

    def of(self, events: Events) -> Events:
        """Return those of `events` that fit."""
        return events.filter(self.condition)

    def first(self, events: Events, order: tuple[str, ...], rows: int) -> list[SecurityEvent]:
        """Return the first `rows` that fit, in NEWEST_FIRST or OLDEST_FIRST."""
        fitting = self.of(events)
        if not self.kinds:
            return list(fitting.order_by(*order)[:rows])
        # In one statement a database reads the whole log for a family of which there is little: an index has each kind in
        # order, and no two together.
        found = [row for kind in self.kinds for row in fitting.filter(event=kind).order_by(*order)[:rows]]
        return sorted(found, key=lambda row: (row.at, row.pk), reverse=order == NEWEST_FIRST)[:rows]


def parse(asked: Mapping[str, str], names: Sequence[str]) -> Filters:
    """Return the filters in the parameters of an address; those of `names` may be there, and empty ones count for nothing.

    Raises FilterRefused, which says by field what is wrong, for a value that is none, and for a filter that this list does not have.
    """
    given = {name: value.strip() for name, value in asked.items() if name in _CONDITIONS and value.strip()}
    condition, wrong = Q(), dict[str, str]()
    for name, value in given.items():
        try:
            if name not in names:
                raise ValueError("is no filter of this list")
            condition &= _CONDITIONS[name](value)
        except (ValueError, OverflowError) as error:
            wrong[name] = str(error)
    if wrong:
        raise FilterRefused(wrong)
    alone = "subject" in names and not _NARROW & set(given)
    return Filters(given, condition, _kinds(given["event"]) if alone and given.get("event", "").endswith(".") else ())


@cache
def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what `event` may be, by families as a form offers them: for each its label, then value and label of all, and of each event."""
    return [(label, _choices_in(family, label)) for family, label in sorted(families().items(), key=lambda pair: pair[1])]


@cache
def families() -> dict[str, str]:
    """Return the labels of the families of events by what their names begin with, such as "token."."""
    heads = sorted({_family_of(event.value) for event in Event})
    return {head: _FAMILIES.get(head, head.rstrip(".").replace("-", " ").capitalize()) for head in heads}


@dataclass(frozen=True)
class LogPage:
    """Some entries, the newest first; `newer` and `older` are ids of events at which to go on, empty where there is nothing."""

    rows: list[SecurityEvent]
    newer: str = ""
    older: str = ""


def page_of(events: Events, filters: Filters, asked: Mapping[str, str], size: int) -> LogPage:
    """Return the page of those `events` that fit that `asked` names: `before` the event of an id, `after` it, or else the newest.

    A position by an id is the same page whatever comes meanwhile, and no page is slow to reach. An id of no event of the list
    gives the newest.
    """
    older_than, newer_than = (_position(events, asked.get(name, "")) for name in ("before", "after"))
    if newer_than is not None:
        found = filters.first(after(events, newer_than), OLDEST_FIRST, size + 1)
        if len(found) > size:
            rows = found[size - 1 :: -1]
            return LogPage(rows, newer=rows[0].public_id, older=rows[-1].public_id)
        older_than = None  # fewer than a page are newer: the newest page has them all
    found = filters.first(events if older_than is None else _before(events, older_than), NEWEST_FIRST, size + 1)
    rows = found[:size]
    if older_than is not None and not rows:
        return page_of(events, filters, {}, size)
    return LogPage(rows, newer=rows[0].public_id if rows and older_than else "", older=rows[-1].public_id if len(found) > size else "")


def after(events: Events, position: SecurityEvent) -> Events:
    """Return those of `events` that come after `position`, in the order of OLDEST_FIRST."""
    # The first condition says nothing new, but an index can begin with it.
    return events.filter(Q(at__gte=position.at) & (Q(at__gt=position.at) | Q(at=position.at, id__gt=position.pk)))


def _before(events: Events, position: SecurityEvent) -> Events:
    return events.filter(Q(at__lte=position.at) & (Q(at__lt=position.at) | Q(at=position.at, id__lt=position.pk)))


def _position(events: Events, public_id: str) -> SecurityEvent | None:
    return events.filter(public_id=public_id).first() if ID_PATTERN.fullmatch(public_id) else None


def _family_of(event: str) -> str:
    return event.partition(".")[0] + "."


def _kinds(family: str) -> tuple[str, ...]:
    return tuple(event.value for event in Event if event.value.startswith(family))


def _choices_in(family: str, label: str) -> list[tuple[str, str]]:
    names = _kinds(family)
    titles = [(name, Payload.by_event[name].title if name in Payload.by_event else name) for name in names]
    return titles if len(names) == 1 else [(family, f"{label}: all"), *titles]


def _event(text: str) -> Q:
    if text in families():
        return Q(event__in=_kinds(text))
    if text not in {event.value for event in Event}:
        raise ValueError("must be the name of an event such as token.created, or of a family such as token.")
    return Q(event=text)


def _moment(text: str) -> tuple[datetime, bool]:
    """Return the moment that a text names, a day as its beginning, and whether it is a day. What has no zone is UTC."""
    try:
        if _DAY.fullmatch(text):
            return datetime.combine(date.fromisoformat(text), time(), UTC), True
        # In an address a plus sign that nobody has quoted is a space.
        quoted = re.sub(r" (?=\d\d:?\d\d\Z)", "+", text) if "T" in text else text
        if _MOMENT.fullmatch(quoted):
            moment = datetime.fromisoformat(quoted)
            return (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)), False
    except (ValueError, OverflowError):
        pass
    raise ValueError(_WHEN)


def _since(text: str) -> Q:
    return Q(at__gte=_moment(text)[0])


def _until(text: str) -> Q:
    moment, is_day = _moment(text)
    # A day is looked at to its end.
    return Q(at__lt=moment + timedelta(days=1)) if is_day else Q(at__lte=moment)


def _door(text: str) -> Q:
    if text not in DOORS:
        raise ValueError(f"must be one of {', '.join(DOORS)}")
    return Q(door=text)


def _address(text: str) -> Q:
    try:
        if "%" in text:  # the zone of an IPv6 address may be any text
            raise ValueError
        return Q(ip=str(ip_address(text)))
    except ValueError:
        raise ValueError("must be one IPv4 or IPv6 address") from None


def _request(text: str) -> Q:
    if not _REQUEST.fullmatch(text):
        raise ValueError("must be the id of a request, such as 1795518048545-596165")
    return Q(request_id=text)


def _about(text: str) -> Q:
    if not _THING.fullmatch(text):
        raise ValueError("must be the id of an organization, a project or a token, such as org-acme")
    return Q(about=text) & ~Q(about=NOTHING)


def _actor(text: str) -> Q:
    found = person(text)
    # Nobody of this name, and nobody who did anything here, are one answer: an empty list (ORG-01).
    return Q(pk__in=[]) if found is None else Q(actor=found)


def _subject(text: str) -> Q:
    found = person(text)
    return Q(pk__in=[]) if found is None else Q(subject=found)


def person(text: str) -> User | None:
    """Return the person whom a filter names, as "user-amy" or "amy" in any case; None where there is nobody of this name."""
    name = fold_username(text).removeprefix("user-")
    return User.objects.filter(username=name).first() if USERNAME_PATTERN.fullmatch(name) else None


_CONDITIONS: dict[str, Callable[[str], Any]] = {
    "event": _event,
    "since": _since,
    "until": _until,
    "actor": _actor,
    "subject": _subject,
    "door": _door,
    "address": _address,
    "request": _request,
    "about": _about,
}
