"""Times as people say them, for sentences outside of templates: errors, the security log, mails."""

from datetime import UTC, datetime

SECONDS_PER_MINUTE = 60
SECONDS_PER_HOUR = 3600


def spell_wait(seconds: int) -> str:
    """Return `seconds` as people say it: "45 seconds", "2 minutes", "24 hours" (rounded up, so that waiting it out is enough)."""
    if seconds < SECONDS_PER_MINUTE:
        return counted(seconds, "second")
    if seconds >= 2 * SECONDS_PER_HOUR and seconds % SECONDS_PER_HOUR == 0:
        return counted(seconds // SECONDS_PER_HOUR, "hour")
    return counted(-(-seconds // SECONDS_PER_MINUTE), "minute")


def counted(number: int, noun: str) -> str:
    """Return "1 token", "2 tokens"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def spell_moment(moment: datetime) -> str:
    """Return a moment as "24 Nov 2026, 07:41 UTC"."""
    in_utc = moment.astimezone(UTC)
    return f"{in_utc.day} {in_utc:%b %Y, %H:%M} UTC"
