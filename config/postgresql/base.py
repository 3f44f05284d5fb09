"""Django's PostgreSQL, and two things more: a reserve in the pool (F06), and a note of each COMMIT, whose answer may be lost (REL-04)."""

import time
from typing import Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from psycopg_pool import PoolTimeout

from config import admission, outcomes
from config.admission import Rank, Reserve

_reserves: dict[str, Reserve] = {}


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection for one thread."""

    _place: Rank | None = None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection of the pool; raise PoolTimeout where there is none within the pool's time, for the rank of this thread."""
        pool: Any = self.pool
        if not pool:
            return super().get_new_connection(conn_params)
        reserve, place = _reserve_of(self.alias, pool.max_size), admission.rank.get()
        deadline = time.monotonic() + pool.timeout
        if not reserve.take(place, pool.timeout):
            raise PoolTimeout(f"no connection for a request of rank {place.name} after {pool.timeout} s")
        try:
            # As Django does it, but with what is left of the time.
            self.isolation_level = IsolationLevel.READ_COMMITTED
            pool.open()
            connection = pool.getconn(deadline - time.monotonic())
        except BaseException:
            reserve.give_back(place)
            raise
        self._place = place
        return connection

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # the stubs leave it out
        finally:
            place, self._place = self._place, None
            if place is not None:
                _reserves[self.alias].give_back(place)

    def _commit(self) -> None:
        outcomes.committing()
        super()._commit()  # type: ignore[misc]


def _reserve_of(alias: str, size: int) -> Reserve:
    return _reserves.get(alias) or _reserves.setdefault(alias, admission.connections(size))
