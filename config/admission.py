"""Who gets in when threads and connections run out: what ends access comes before what gives it, and both before all the rest (F06).

Threads of the web server and connections of the pool are counted alike. Ordinary requests leave some of them free for signing in, and
both leave some for signing out, revoking and health checks: those are short, and nobody may have to wait with them for the rest.
"""

import time
from collections import deque
from contextvars import ContextVar
from enum import IntEnum
from threading import Event, Lock

from django.http import HttpRequest

THREAD_WAIT_SECONDS = 1.0
REFUSE_AT_ONCE_SECONDS = 1.0  # after somebody waited for a thread in vain: a refusal must not cost what there is too little of
_SIGNING_IN = ("/login/", "/login/verify/", "/system/newAuthToken")
_ENDING = (
    "/healthz", "/readyz", "/logout/", "/security/sessions/", "/profile/tokens/revoke/", "/api/v1/tokens/revoke/",
    "/system/destroyAuthToken",
)  # fmt: skip
_DELETED_TO_END = ("/api/v1/tokens/", "/api/v1/sessions/")
# Their GET ends nothing: it draws a page, of up to 500 tokens, and nobody may take the last places with that.
_PAGES_TO_END = ("/security/sessions/", "/profile/tokens/revoke/")


class Rank(IntEnum):
    """What a request is for. The higher may take what is kept free of the lower."""

    ORDINARY = 0
    SIGNING_IN = 1
    ENDING = 2


_RANKS = dict.fromkeys(_SIGNING_IN, Rank.SIGNING_IN) | dict.fromkeys(_ENDING, Rank.ENDING)
# Of this thread. What is no request, a task of the worker or a command, has its process for itself.
rank: ContextVar[Rank] = ContextVar("rank", default=Rank.ENDING)


def rank_of(request: HttpRequest) -> Rank:
    """Return what the request is for, by method and path: nothing is looked up before there is a place for it."""
    if request.method == "DELETE" and request.path.startswith(_DELETED_TO_END):
        return Rank.ENDING
    if request.method != "POST" and request.path in _PAGES_TO_END:
        return Rank.SIGNING_IN
    return _RANKS.get(request.path, Rank.ORDINARY)


class Places:
    """So many places, given in the order in which they were asked for: whoever comes later never overtakes."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._waiting: deque[Event] = deque()
        self._lock = Lock()

    def take(self, seconds: float) -> bool:
        """Return whether there is a place, now or within `seconds`; give it back after."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            if seconds <= 0:
                return False
            turn = Event()
            self._waiting.append(turn)
        if turn.wait(seconds):
            return True
        with self._lock:
            if turn.is_set():
                return True
            self._waiting.remove(turn)
        return False

    def give_back(self) -> None:
        """Hand the place to whoever waits longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


class Reserve:
    """Places of which the lower ranks leave some free: ordinary requests `kept`, signing in half of that, ending none."""

    def __init__(self, total: int, *, kept: int) -> None:
        all_but_ending = Places(total - kept // 2)
        self._levels = {
            Rank.ORDINARY: (Places(total - kept), all_but_ending),
            Rank.SIGNING_IN: (all_but_ending,),
            Rank.ENDING: (),
        }

    def take(self, rank: Rank, seconds: float) -> bool:
        """Return whether `rank` may have a place, now or within `seconds`; give it back after."""
        deadline = time.monotonic() + seconds
        taken: list[Places] = []
        for level in self._levels[rank]:
            if not level.take(deadline - time.monotonic()):
                for place in taken:
                    place.give_back()
                return False
            taken.append(level)
        return True

    def give_back(self, rank: Rank) -> None:
        """Let others have it."""
        for level in self._levels[rank]:
            level.give_back()


class Threads:
    """The threads of this process that answer. An eighth, at most eight, is kept from ordinary requests."""

    def __init__(self, total: int) -> None:
        self._reserve = Reserve(total, kept=min(8, total // 8))
        self._refusing_until = 0.0

    def take(self, rank: Rank) -> bool:
        """Return whether a request of `rank` may go on in its thread; give it back after."""
        now = time.monotonic()
        if self._reserve.take(rank, 0 if now < self._refusing_until else THREAD_WAIT_SECONDS):
            return True
        if now >= self._refusing_until:
            self._refusing_until = time.monotonic() + REFUSE_AT_ONCE_SECONDS
        return False

    def give_back(self, rank: Rank) -> None:
        """Let others have it."""
        self._reserve.give_back(rank)


def connections(total: int) -> Reserve:
    """Return the connections of a pool of `total`: two are kept from ordinary requests, of very small pools one, of one none."""
    return Reserve(total, kept=min(2, total // 2))
