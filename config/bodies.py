"""Reading the bodies of requests: few at a time from one address, and never so many that no thread is left.

The server reads a body in the thread that answers, and gives it no time-out. Whoever opens connections and sends nothing would
hold them all; with this one address holds a few, and pages that need no body are answered all the same (REL-05).
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

PER_ADDRESS = 8
RESERVED_THREADS = 8  # for requests without a body
WAIT_SECONDS = 0.25  # an honest body of 1 MiB at most is read in much less


class Crowded(Exception):
    """Too many bodies are being read already."""


class BodySlots:
    """Counts who reads a body at the moment, in this process."""

    def __init__(self, *, threads: int) -> None:
        self._total = max(1, threads - RESERVED_THREADS)
        self._reading: Counter[str] = Counter()
        self._changed = Condition()

    @contextmanager
    def take(self, address: str) -> Iterator[None]:
        """Hold a slot while a body from `address` is read; raise Crowded where none is free within a quarter of a second."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_free(address), timeout=WAIT_SECONDS):
                raise Crowded()
            self._reading[address] += 1
        try:
            yield
        finally:
            with self._changed:
                self._reading[address] -= 1
                self._reading += Counter()  # drops addresses that read nothing any more
                self._changed.notify_all()

    def _is_free(self, address: str) -> bool:
        return self._reading[address] < PER_ADDRESS and self._reading.total() < self._total
