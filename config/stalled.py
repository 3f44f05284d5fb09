"""Connections on which nothing moves any more are cut, so that no thread waits for their peers (REL-05, F20).

The web server waits for the bytes of a body, and for a reader to take those of an answer, in the thread that answers, and gives neither a
time-out. So each of its processes looks at its own connections, as the kernel counts their bytes. Cutting one wakes whoever waits for it.
A body that was cut is not taken for a whole one (`config/middleware.py`).
"""

import errno
import logging
import os
import socket
import stat
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

logger = logging.getLogger("gatehouse.stalled")

STALLED_SECONDS = 60  # SECURITY REL-05
LOOK_SECONDS = 5
PROGRESS_BYTES = 1024  # in that time, both ways together: a byte now and then only keeps a thread waiting
_DESCRIPTORS = Path("/proc/self/fd")
_INFO_BYTES = 136  # of the kernel's struct tcp_info, up to both counters below
_COUNTERS = struct.Struct("=QQ")  # bytes that the peer acknowledged, bytes that came from it
_COUNTERS_AT = 120
_CLOSED, _LISTENING = 7, 10  # of the kernel's states of a socket: the first also before it listens, as that which our parent bound


@dataclass
class _Seen:
    """What had moved on a connection, and when that was noted."""

    moved: int
    at: float


class Watch:
    """Looks at the connections that this process took on `port`."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._seen: dict[int, _Seen] = {}  # by the number of the socket, which no two that are open share

    def look(self, now: float) -> int:
        """Cut every connection on which less than `PROGRESS_BYTES` moved in `STALLED_SECONDS`; return how many those were.

        `now` is a moment of the monotonic clock, in seconds.
        """
        before, self._seen, cut = self._seen, {}, 0
        for number, taken in _connections(self._port):
            with taken:
                moved = _moved(taken)
                seen = before.get(number)
                if seen is None or moved - seen.moved >= PROGRESS_BYTES:
                    seen = _Seen(moved, now)
                self._seen[number] = seen
                if now - seen.at >= STALLED_SECONDS:
                    _cut(taken, first=now - seen.at < STALLED_SECONDS + LOOK_SECONDS)
                    cut += 1
        return cut


def _cut(taken: socket.socket, *, first: bool) -> None:
    """End what was to come: a body ends there, and is answered. Whoever holds the connection at the next look still does not read."""
    with suppress(OSError):  # it went by itself meanwhile
        taken.shutdown(socket.SHUT_RD if first else socket.SHUT_RDWR)


def _connections(port: int) -> Iterator[tuple[int, socket.socket]]:
    """Give each connection that was taken on `port`, by its number; as a copy, so that the number stays its own while it is looked at."""
    for name in os.listdir(_DESCRIPTORS):
        try:
            taken = _as_socket(int(name))
        except OSError:
            continue  # closed since it was listed, or no socket
        if _is_taken_on(port, taken):
            yield os.fstat(taken.fileno()).st_ino, taken
        else:
            taken.close()


def _as_socket(descriptor: int) -> socket.socket:
    # Never a copy of a file: to close it would let go of every lock that this process has on that file, and SQLite would write without.
    if not os.readlink(_DESCRIPTORS / str(descriptor)).startswith("socket:"):
        raise OSError(errno.ENOTSOCK, "no socket")
    copy = os.dup(descriptor)
    if not stat.S_ISSOCK(os.fstat(copy).st_mode):
        raise OSError(errno.ENOTSOCK, "became a file between the two lines above")  # the copy stays open: better one than a lock less
    return socket.socket(fileno=copy)


def _is_taken_on(port: int, found: socket.socket) -> bool:
    if found.family not in (socket.AF_INET, socket.AF_INET6) or found.type != socket.SOCK_STREAM:
        return False
    try:
        return found.getsockname()[1] == port and _info(found)[0] not in (_CLOSED, _LISTENING)
    except OSError:
        return False


def _info(found: socket.socket) -> bytes:
    return found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)


def _moved(found: socket.socket) -> int:
    return sum(_COUNTERS.unpack_from(_info(found), _COUNTERS_AT))


def start() -> None:
    """Watch this process from now on, in a thread of its own, where the kernel counts (Linux); do nothing elsewhere."""
    if not _DESCRIPTORS.exists() or not hasattr(socket, "TCP_INFO"):
        return
    threading.Thread(target=_watch, args=(Watch(settings.PORT),), name="stalled", daemon=True).start()


def _watch(watch: Watch) -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        try:
            cut = watch.look(time.monotonic())
        except Exception:  # whatever it was, the next look may work
            logger.exception("connections could not be looked at")
            continue
        if cut:
            logger.warning("connections were cut: nothing moved on them", extra={"count": cut})
