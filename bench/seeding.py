"""Bulk SQL that SQLite and PostgreSQL both take."""

import itertools
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection, models, transaction

SEED = 20260101  # of every shuffle: two runs ask for the same rows in the same order
BATCH_ROWS = 10_000
SEEDING_CACHE_KIB = 1_000_000


def session_key(number: int) -> str:
    """Return what stands in the cookie of session `number`."""
    return f"bench-session-{number}"


def shuffled(first: int, last: int) -> Iterator[int]:
    """Yield the numbers from `first` to `last` in a random order, again and again."""
    order = list(range(first, last + 1))
    random.Random(SEED).shuffle(order)
    return itertools.cycle(order)


def numbers(last: int) -> str:
    """Return a source for `copies`: the rows `n.i`, 1 to `last`."""
    count = f"SELECT 0 UNION ALL SELECT i + 1 FROM counted WHERE i < {last}"  # noqa: S608  (a number of ours)
    return f"(WITH RECURSIVE counted(i) AS ({count}) SELECT i FROM counted WHERE i > 0) AS n"  # noqa: S608  (as above)


def hexadecimal(algorithm: str, expression: str) -> str:
    """Return SQL for a digest of a text, in hex, by "sha256" or "sha512"."""
    if connection.vendor == "sqlite":
        return f"{algorithm.upper()}({expression})"  # functions that Django gives to SQLite
    return f"encode({algorithm}(convert_to({expression}, 'UTF8')), 'hex')"


def copies(like: models.Model, given: Mapping[str, str], source: str) -> None:
    """Insert a row for each row of `source` (what may stand after FROM): the columns in `given` by their SQL, the rest as in `like`.

    `like` is not saved. Columns and their values come from its model, so that a column with a default needs no word here. A per
    cent sign in SQL is written twice.
    """
    own = {column: value for column, value in _values_of(like).items() if column not in given}
    columns = ", ".join(connection.ops.quote_name(column) for column in (*given, *own))
    chosen = ", ".join([*given.values(), *["%s"] * len(own)])
    fill(
        f"INSERT INTO {like._meta.db_table} ({columns}) SELECT {chosen} FROM {source}",  # noqa: S608  (names and numbers of ours)
        list(own.values()),
    )


def _values_of(like: models.Model) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in like._meta.concrete_fields:
        value = field.pre_save(like, add=True)
        # The database itself knows its keys and its own defaults.
        if not (field.primary_key and value is None) and not hasattr(value, "resolve_expression"):
            values[str(field.column)] = field.get_db_prep_save(value, connection)
    return values


def temporary(table: str, columns: str, rows: Iterator[tuple[int, str]]) -> None:
    """Make a table of two columns (as in CREATE TABLE) that this connection alone sees, and fill it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {table} ({columns})")
        if connection.vendor == "postgresql":
            _copy_in(cursor, table, rows)
            return
        while batch := list(itertools.islice(rows, BATCH_ROWS)):
            cursor.executemany(f"INSERT INTO {table} VALUES (%s, %s)", batch)  # noqa: S608  (as above)


def _copy_in(cursor: Any, table: str, rows: Iterator[tuple[int, str]]) -> None:
    # INSERT of a million rows, one at a time, would take minutes.
    cursor.execute("SET LOCAL statement_timeout = 0")
    with cursor.copy(f"COPY {table} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


@contextmanager
def roomy() -> Iterator[None]:
    """Let SQLite hold in memory what is being filled: random keys would else be written to the disk again and again."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA cache_size")
        usual: Any = cursor.fetchone()
        cursor.execute(f"PRAGMA cache_size = -{SEEDING_CACHE_KIB}")
        yield
        cursor.execute(f"PRAGMA cache_size = {usual[0]}")


def fill(sql: str, parameters: list[Any]) -> None:
    """Run one statement, for as long as it takes."""
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(sql, parameters)
