"""When a token ends: the default, the longest, and what is refused (DESIGN 3); no later than an organization allows (S7.2)."""

import calendar
from datetime import datetime, timedelta

from accounts.wording import counted
from orgs.policies import TokenRules
from tokens import limits
from tokens.errors import ExpiryRefused

NO_RULES = TokenRules()


def months_after(moment: datetime, months: int) -> datetime:
    """Return the same moment of the day `months` calendar months later, clipped to that month's last day."""
    years, month0 = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month0 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def default(now: datetime, rules: TokenRules = NO_RULES) -> datetime:
    """Return when a token ends that nobody gave an end: one calendar month from `now`, or earlier where an organization says so."""
    return min(months_after(now, limits.DEFAULT_LIFE_MONTHS), longest(now, rules))


def longest(now: datetime, rules: TokenRules = NO_RULES) -> datetime:
    """Return the latest end a token can have: one year from `now`, or what the organizations of its person allow."""
    year = months_after(now, limits.LONGEST_LIFE_MONTHS)
    return year if rules.days is None else min(year, now + timedelta(days=rules.days))


def chosen(wish: datetime | None, *, now: datetime, rules: TokenRules = NO_RULES) -> datetime:
    """Return when a token made at `now` ends; raises ExpiryRefused where `wish` is past, or later than the latest end."""
    if wish is None:
        return default(now, rules)
    if wish <= now:
        raise ExpiryRefused(reason="The expiry is in the past. Choose a later one")
    if wish > longest(now):
        raise ExpiryRefused(reason="A token lives for one year at most. Choose an earlier expiry")
    if wish > longest(now, rules):
        raise ExpiryRefused(reason=f"{allowance(rules)}. Choose an earlier expiry")
    return wish


def allowance(rules: TokenRules) -> str:
    """Return what the organizations allow, as a sentence without its full stop; empty where none says."""
    return "" if rules.days is None else f"{rules.limited_by} allows at most {counted(rules.days, 'day')}"


def renewed(wish: datetime | None, *, life: timedelta, now: datetime, rules: TokenRules = NO_RULES) -> datetime:
    """Return when the successor of a token ends: as wished, else after as long a `life` as the old one was given."""
    return min(now + life, longest(now, rules)) if wish is None else chosen(wish, now=now, rules=rules)


def of_login(wish: datetime | None, *, now: datetime, rules: TokenRules = NO_RULES) -> datetime:
    """Return when a command-line login ends: as wished, 30 days at most (CLI-06), and no later than an organization allows."""
    latest = min(now + timedelta(seconds=limits.LOGIN_LIFE_SECONDS), longest(now, rules))
    return latest if wish is None else min(wish, latest)
