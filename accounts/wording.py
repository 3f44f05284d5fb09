"""Times as people say them, for sentences outside of templates: errors, the security log, mails."""

from datetime import UTC, datetime

SECONDS_PER_MINUTE = 60


def spell_wait(seconds: int) -> str:
    """Return `seconds` as people say it: "45 seconds", "2 minutes" (rounded up, so that waiting it out is enough)."""
    if seconds < SECONDS_PER_MINUTE:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    minutes = -(-seconds // SECONDS_PER_MINUTE)
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def spell_moment(moment: datetime) -> str:
    """Return a moment as "24 Nov 2026, 07:41 UTC"."""
    in_utc = moment.astimezone(UTC)
    return f"{in_utc.day} {in_utc:%b %Y, %H:%M} UTC"
