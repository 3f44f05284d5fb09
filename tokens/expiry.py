"""When a token ends: the default, the longest, and what is refused (DESIGN 3)."""

import calendar
from datetime import datetime, timedelta

from tokens import limits
from tokens.errors import ExpiryRefused


def months_after(moment: datetime, months: int) -> datetime:
    """Return the same moment of the day `months` calendar months later, clipped to that month's last day."""
    years, month0 = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month0 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def default(now: datetime) -> datetime:
    """Return when a token ends that nobody gave an end: one calendar month from `now`."""
    return months_after(now, limits.DEFAULT_LIFE_MONTHS)


def longest(now: datetime) -> datetime:
    """Return the latest end a token can have: one year from `now`."""
    return months_after(now, limits.LONGEST_LIFE_MONTHS)


def chosen(wish: datetime | None, *, now: datetime) -> datetime:
    """Return when a token made at `now` ends; raises ExpiryRefused where `wish` is past or more than a year away."""
    if wish is None:
        return default(now)
    if wish <= now:
        raise ExpiryRefused(reason="The expiry is in the past. Choose a later one")
    if wish > longest(now):
        raise ExpiryRefused(reason="A token lives for one year at most. Choose an earlier expiry")
    return wish


def renewed(wish: datetime | None, *, life: timedelta, now: datetime) -> datetime:
    """Return when the successor of a token ends: as wished, else after as long a `life` as the old one was given."""
    return min(now + life, longest(now)) if wish is None else chosen(wish, now=now)


def of_login(wish: datetime | None, *, now: datetime) -> datetime:
    """Return when a command-line login ends: as wished, 30 days at most (CLI-06)."""
    latest = now + timedelta(seconds=limits.LOGIN_LIFE_SECONDS)
    return latest if wish is None else min(wish, latest)
