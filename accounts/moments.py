"""Moments as the dx protocol writes them: whole milliseconds since 1970, UTC."""

import math
from datetime import UTC, datetime, timedelta
from typing import TypeGuard

from accounts.errors import InvalidInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST = 2**53  # the largest whole number that JSON carries exactly (CLI-06)


def milliseconds(moment: datetime) -> int:
    """Return `moment` in milliseconds since 1970."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def whole_milliseconds(value: object, name: str) -> int:
    """Return `value` as milliseconds since 1970; raise InvalidInput, naming `name`, for what is no whole number up to 2^53."""
    if not _is_whole(value):
        raise InvalidInput(reason=f'"{name}" must be a whole number of milliseconds since 1970')
    if abs(value) > LARGEST:
        raise InvalidInput(reason=f'"{name}" is too large; give milliseconds since 1970')
    return int(value)


def moment_at(value: object, name: str) -> datetime:
    """Return the moment of `value`, milliseconds since 1970; raises InvalidInput as above, and for a year that no calendar has."""
    try:
        return EPOCH + timedelta(milliseconds=whole_milliseconds(value, name))
    except OverflowError:
        raise InvalidInput(reason=f'"{name}" is beyond the calendar; give milliseconds since 1970') from None


def _is_whole(value: object) -> TypeGuard[int | float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and value == int(value)
