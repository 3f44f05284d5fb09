"""The write-ahead log of SQLite, cut when it has grown (REL-01).

SQLite writes the log back by itself, and begins it anew once nobody reads in it. With a long reader, or many short ones that overlap, it
only grows until then; nothing would ever make it wait for that moment.
"""

from pathlib import Path

from django.db import connection

from config.services import SQLITE_BUSY_SECONDS, SQLITE_WAL_MAX_BYTES

WORTH_BYTES = SQLITE_WAL_MAX_BYTES // 4
WAIT_MS = 500  # for readers, while writers wait: a long reader must not hold up everybody


def checkpoint() -> int:
    """Cut the log where it has grown; return 1 if that was done, 0 if not: the next round tries again. PostgreSQL looks after its own."""
    if connection.vendor != "sqlite":
        return 0
    log = Path(f"{connection.settings_dict['NAME']}-wal")
    if not log.exists() or log.stat().st_size < WORTH_BYTES:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")  # the most of it, while nobody waits
        cursor.execute(f"PRAGMA busy_timeout = {WAIT_MS}")
        try:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            (is_held, *_) = cursor.fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_SECONDS * 1000}")
    return int(not is_held)
