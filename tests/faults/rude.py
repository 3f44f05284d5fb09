"""Clients that are slow, rude or gone, and somebody ordinary beside them.

Rude ones come from an address of their own: how many bodies are read at once is counted for each.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.journeys.house import House
from tests.journeys.visitor import dx_call, send, with_token

RUDE_ADDRESS = "127.0.0.2"
BYTE_EVERY_SECONDS = 5
SOON_SECONDS = 1.0  # SECURITY F20


def rude(server: House, *, buffer: int | None = None) -> socket.socket:
    """Return a new connection from the rude address; `buffer` is how many bytes the kernel keeps for its reader."""
    made = socket.socket()
    if buffer is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    made.bind((RUDE_ADDRESS, 0))
    made.settimeout(30)
    made.connect(("127.0.0.1", server.port))
    return made


def head(path: str, *lines: str, method: str = "POST") -> bytes:
    """Return the head of a request with these lines."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode()


def said_to(peer: socket.socket) -> bytes:
    """Return what the server says until it ends the connection."""
    said = b""
    with suppress(ConnectionResetError):
        while piece := peer.recv(65_536):
            said += piece
    return said


def status_said_to(peer: socket.socket) -> int:
    """Return the status of the first answer, 0 where the connection ended without one."""
    said = b""
    with suppress(ConnectionResetError):
        while b"\r\n" not in said and (piece := peer.recv(65_536)):
            said += piece
    return int(said.split(b" ", 2)[1]) if said else 0


class Crowd:
    """Many connections that send a byte every few seconds, and count as gone once the server ends them."""

    def __init__(self, peers: list[socket.socket]) -> None:
        self._left = selectors.DefaultSelector()
        for peer in peers:
            peer.setblocking(False)
            self._left.register(peer, selectors.EVENT_READ)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def size(self) -> int:
        """How many are still connected."""
        return len(self._left.get_map())

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()
        for key in list(self._left.get_map().values()):
            self._go(key.fileobj)
        self._left.close()

    def _run(self) -> None:
        next_byte = time.monotonic()
        while not self._ended.is_set():
            for key, _ in self._left.select(timeout=0.1):
                self._hear(key.fileobj)
            if time.monotonic() >= next_byte:
                next_byte += BYTE_EVERY_SECONDS
                for key in list(self._left.get_map().values()):
                    with suppress(OSError):
                        key.fileobj.send(b"x")  # type: ignore[union-attr]
            if not self.size:
                return

    def _hear(self, peer: object) -> None:
        assert isinstance(peer, socket.socket)
        try:
            if peer.recv(65_536):
                return
        except OSError:
            pass
        self._go(peer)

    def _go(self, peer: object) -> None:
        assert isinstance(peer, socket.socket)
        self._left.unregister(peer)
        peer.close()


@dataclass
class Ordinary:
    """Somebody who opens a page, signs in from a program and asks who they are, again and again, from another address."""

    server: House
    token: str
    took: list[float] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator["Ordinary"]:
        """Let them work beside what the block does; fail where one of them was refused."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ended.set()
            thread.join()

    def _work(self) -> None:
        asks: list[Callable[[], int]] = [
            lambda: send(f"{self.server.url}/login/").status,
            lambda: with_token(self.server.url, self.token).status,
            lambda: dx_call(self.server.url, "system/whoami", {}, self.token).status,
        ]
        while not self._ended.wait(0.1):
            for ask in asks:
                began = time.monotonic()
                status = ask()
                self.took.append(time.monotonic() - began if status == 200 else float("inf"))

    def assert_soon(self) -> None:
        """Fail unless all were answered with what they asked for, and but for one in fifty within a second."""
        assert len(self.took) > 20
        late = sorted(self.took)[-1 - len(self.took) // 50]
        assert late < SOON_SECONDS, sorted(self.took)[-10:]
