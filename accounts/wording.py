"""Times as people say them, for sentences outside of templates: errors, the security log, mails."""

from datetime import UTC, datetime

SECONDS_PER_MINUTE = 60
SECONDS_PER_HOUR = 3600
HOURS_PER_DAY = 24
BYTES_STEP = 1000


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


def spell_bytes(count: int) -> str:
    """Return a number of bytes as people read it: "0 B", "640 kB", "18.4 GB" (powers of ten, SI)."""
    size = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < BYTES_STEP or unit == "TB":
            break
        size /= BYTES_STEP
    return f"{int(size)} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"  # noqa: PLR2004  (three digits)


def spell_span(seconds: int) -> str:
    """Return how long something took: "40 s", "12 min", "3 h 10 min", "2 d 4 h"."""
    if seconds < SECONDS_PER_MINUTE:
        return f"{seconds} s"
    if seconds < SECONDS_PER_HOUR:
        return f"{seconds // SECONDS_PER_MINUTE} min"
    if seconds < HOURS_PER_DAY * SECONDS_PER_HOUR:
        return f"{seconds // SECONDS_PER_HOUR} h {seconds % SECONDS_PER_HOUR // SECONDS_PER_MINUTE} min"
    days, rest = divmod(seconds, HOURS_PER_DAY * SECONDS_PER_HOUR)
    return f"{days} d {rest // SECONDS_PER_HOUR} h"
