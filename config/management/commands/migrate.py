"""`manage.py migrate`, beside the traffic: nobody waits long behind a migration that waits (F17)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from accounts.migrating import LOCK_TIMEOUT_MS

ATTEMPTS = 60
PAUSE_SECONDS = 1.0
_LOCKED = ("55P03", "40P01")  # lock_not_available, deadlock_detected


class Command(migrate.Command):
    """Django's. On PostgreSQL it waits less than a second for each lock, lets the others go on, and tries again; it may work for long."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate. Raises OperationalError where a table stayed locked for a minute; what was done by then stays done."""
        connection = connections[options["database"]]
        if connection.vendor != "postgresql":
            super().handle(*args, **options)
            return
        with _patient(connection):
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    super().handle(*args, **options)
                    return
                except OperationalError as error:
                    if attempt == ATTEMPTS or getattr(error.__cause__, "sqlstate", None) not in _LOCKED:
                        raise
                    self.stderr.write(f"A table is locked; once more in {PAUSE_SECONDS:g} s")
                    time.sleep(PAUSE_SECONDS)


@contextmanager
def _patient(connection: BaseDatabaseWrapper) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
        cursor.execute("SET statement_timeout = 0")  # an index of a million rows takes longer than any request may
    try:
        yield
    finally:
        with suppress(OperationalError), connection.cursor() as cursor:  # a lost connection has nothing to be reset
            cursor.execute("RESET lock_timeout")
            cursor.execute("RESET statement_timeout")
