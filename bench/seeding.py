"""Bulk SQL that SQLite and PostgreSQL both take."""

from typing import Any

from django.db import connection, transaction

SEED = 20260101  # of every shuffle: two runs ask for the same rows in the same order


def session_key(number: int) -> str:
    """Return what stands in the cookie of session `number`."""
    return f"bench-session-{number}"


def numbers(last: int) -> str:
    """Return the head of a statement that can select `i` from `n`, 1 to `last`."""
    return f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last})"  # noqa: S608  (a number of ours)


def sha256(expression: str) -> str:
    """Return SQL for the SHA-256 of a text, in hex."""
    if connection.vendor == "sqlite":
        return f"SHA256({expression})"  # a function that Django gives to SQLite
    return f"encode(sha256(convert_to({expression}, 'UTF8')), 'hex')"


def fill(sql: str, parameters: list[Any]) -> None:
    """Run one statement, for as long as it takes."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(sql, parameters)
