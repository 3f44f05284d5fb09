"""Redis, as something that may vanish (REL-03): when it refuses, hangs, crawls or is full, the cache is empty, and nobody waits twice."""

import logging
import time
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from accounts import meters

logger = logging.getLogger("gatehouse.cache")

REST_SECONDS = 5.0  # after a failure Redis is left alone for so long
SLOW_SECONDS = 0.125  # an answer that took longer is the last for as long: two of them would be all that a request may lose
TOLD_AGAIN_SECONDS = 60.0
T = TypeVar("T")


class Circuit:
    """Whether a server is asked at all, for every thread of this process: Django gives each a cache of its own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._resting_until = 0.0
        self._tell_from = 0.0

    def is_open(self) -> bool:
        """Return whether the server is left alone now. When the rest is over, one thread alone is told so until it came back."""
        if not self._resting_until:
            return False
        with self._lock:
            now = time.monotonic()
            if now < self._resting_until:
                return True
            self._resting_until = now + REST_SECONDS
            return False

    def rest(self, why: str) -> None:
        """Leave it alone for a while. One line a minute, not one per thread that ran into it and not one per try."""
        meters.cache_failure()
        with self._lock:
            now = time.monotonic()
            self._resting_until = now + REST_SECONDS
            tell = now >= self._tell_from
            if tell:
                self._tell_from = now + TOLD_AGAIN_SECONDS
        if tell:
            logger.warning("cache does not answer", extra={"error": why})

    def close(self) -> None:
        """Ask it again."""
        self._resting_until = 0.0


_circuits: dict[str, Circuit] = {}


class TolerantRedisCache(RedisCache):
    """Django's RedisCache, except that a failure of Redis reads as a miss and a write to nowhere.

    `add` then says True: who asks whether they are the first goes on, and the database decides.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._circuit = _circuits.setdefault(server, Circuit())

    def _try(self, ask: Callable[[], T], otherwise: T) -> T:
        if self._circuit.is_open():
            return otherwise
        started = time.monotonic()
        try:
            found = ask()
        except (RedisError, OSError) as error:
            self._circuit.rest(type(error).__name__)
            return otherwise
        if time.monotonic() - started > SLOW_SECONDS:
            self._circuit.rest("SlowAnswer")
        else:
            self._circuit.close()
        return found

    def add(self, key: Any, *args: Any, **kwargs: Any) -> bool:
        """Return whether the key was absent; True where Redis is away."""
        return self._try(lambda: super(TolerantRedisCache, self).add(key, *args, **kwargs), True)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value, or `default`."""
        return self._try(lambda: super(TolerantRedisCache, self).get(key, default, version), default)

    def set(self, key: Any, *args: Any, **kwargs: Any) -> None:
        """Keep the value, if Redis is there."""
        self._try(lambda: super(TolerantRedisCache, self).set(key, *args, **kwargs), None)

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Return whether there was such a key; False where Redis is away."""
        return self._try(lambda: super(TolerantRedisCache, self).delete(key, version), False)
