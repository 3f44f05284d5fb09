"""Reading the bodies of requests: few at a time from one address, and never so many that no thread is left.

The server reads a body in the thread that answers. Whoever opens connections and sends nothing would hold them all until they are cut
(`config/stalled.py`); with this one address holds a few, and pages that need no body are answered all the same (REL-05).
"""

from threading import Condition

PER_ADDRESS = 8
STREAMS_PER_ADDRESS = 24  # parts of files that come or go: the dx client has up to eight at once
RESERVED_THREADS = 8  # for requests without a body
WAIT_SECONDS = 0.25  # an honest body of 1 MiB at most is read in much less
MOST_WAITING = 16  # who waits holds a thread, too


class BodySlots:
    """Counts who reads a body at the moment, in this process."""

    def __init__(self, *, total: int, per_address: int) -> None:
        self._per_address, self._total = per_address, total
        self._reading: dict[str, int] = {}  # addresses that read nothing are not in it
        self._waiting = 0
        self._changed = Condition()

    def take(self, address: str) -> bool:
        """Return whether there is a slot for a body from `address`, now or within a quarter of a second; give it back after."""
        with self._changed:
            if not self._is_free(address) and not self._wait(address):
                return False
            self._reading[address] = self._reading.get(address, 0) + 1
        return True

    def give_back(self, address: str) -> None:
        """Let others read."""
        with self._changed:
            left = self._reading.pop(address) - 1
            if left:
                self._reading[address] = left
            if self._waiting:
                self._changed.notify_all()

    def _wait(self, address: str) -> bool:
        if self._waiting >= MOST_WAITING:
            return False
        self._waiting += 1
        try:
            return self._changed.wait_for(lambda: self._is_free(address), timeout=WAIT_SECONDS)
        finally:
            self._waiting -= 1

    def _is_free(self, address: str) -> bool:
        return self._reading.get(address, 0) < self._per_address and sum(self._reading.values()) < self._total


def slots_of(threads: int) -> tuple[BodySlots, BodySlots]:
    """Return the slots for bodies and those for streams of a process with so many threads: both full leave eight of 64 free."""
    streams = max(1, threads // 2)
    bodies = max(1, threads - streams - RESERVED_THREADS)
    return BodySlots(total=bodies, per_address=PER_ADDRESS), BodySlots(total=streams, per_address=STREAMS_PER_ADDRESS)
