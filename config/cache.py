"""Redis, as something that may vanish (REL-03): when it refuses, hangs or is full, the cache is empty, and nobody waits twice."""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from accounts import meters

logger = logging.getLogger("gatehouse.cache")

REST_SECONDS = 5.0  # after a failure Redis is left alone for so long
T = TypeVar("T")


class TolerantRedisCache(RedisCache):
    """Django's RedisCache, except that a failure of Redis reads as a miss and a write to nowhere.

    `add` then says True: who asks whether they are the first goes on, and the database decides.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._resting_until = 0.0

    def _try(self, ask: Callable[[], T], otherwise: T) -> T:
        if time.monotonic() < self._resting_until:
            return otherwise
        try:
            return ask()
        except (RedisError, OSError) as error:
            # One line per rest, not one per request.
            self._resting_until = time.monotonic() + REST_SECONDS
            meters.cache_failure()
            logger.warning("cache does not answer", extra={"error": type(error).__name__})
            return otherwise

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
