"""Connections to the database in answers that take long."""

from django.db import connection


def release() -> None:
    """Give the connection back to its pool: a stream may take hours, and needs one for a moment now and then."""
    if connection.settings_dict["OPTIONS"].get("pool") and not connection.in_atomic_block:
        connection.close()
