"""Django's SQLite, but whoever waits to write has the same chance as everybody else who waits (REL-01, F07).

SQLite itself asks ever more seldom, down to ten times a second: among many writers those that came last get their turn, and those that
waited longest are told after 20 s that the database is locked.
"""

import random
import sqlite3
import time
from typing import Any

from django.db.backends.sqlite3 import base

from config.services import SQLITE_BUSY_SECONDS

_BEGINS_TO_WRITE = ("BEGIN IMMEDIATE", "INSERT", "UPDATE", "DELETE")
_POLL_SECONDS = (0.002, 0.012)
_PRIMARY = 0xFF  # of an extended result code


class FairCursor(base.SQLiteCursorWrapper):
    """Waits itself where writing begins. Within a transaction nobody waits: it has the write lock from its beginning."""

    def execute(self, query: str, params: Any = None) -> Any:
        """Run a statement; raise OperationalError after 20 s in which there was no turn for it."""
        if self.connection.in_transaction or not query.startswith(_BEGINS_TO_WRITE):
            return super().execute(query, params)
        self.connection.execute("PRAGMA busy_timeout = 0")
        try:
            return self._in_turn(query, params)
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_SECONDS * 1000}")

    def _in_turn(self, query: str, params: Any) -> Any:
        deadline = time.monotonic() + SQLITE_BUSY_SECONDS
        while True:
            try:
                return super().execute(query, params)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    raise
            time.sleep(random.uniform(*_POLL_SECONDS))  # noqa: S311  (no secret)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection for one thread."""

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor that waits as above."""
        return self.connection.cursor(factory=FairCursor)
