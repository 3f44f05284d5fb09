"""A line to PostgreSQL that breaks at the worst moment: when COMMIT was sent and its answer is still to come."""

import socket
import threading
from contextlib import closing, suppress

from tests.journeys.proxy import Line

PIECE_BYTES = 64 * 1024


class BreakingLine(Line):
    """Passes on to PostgreSQL, until `lose_commit_after` says which transaction loses its COMMIT or the answer to it."""

    def __init__(self, to_port: int) -> None:
        self._marker: bytes | None = None
        self._reaches = True
        self.broke = threading.Event()
        super().__init__(to_port)

    def lose_commit_after(self, marker: bytes, *, reaches: bool) -> None:
        """Break, once, the line of the transaction that sends `marker`, at its COMMIT: before it `reaches` the server, or after."""
        self.broke.clear()
        self._marker, self._reaches = marker, reaches

    def join(self, near: socket.socket, far: socket.socket) -> None:
        """Pass on each way in a thread."""
        threading.Thread(target=self._to_server, args=(near, far), daemon=True).start()
        threading.Thread(target=self._to_client, args=(far, near), daemon=True).start()

    def _to_server(self, near: socket.socket, far: socket.socket) -> None:
        marked = False
        with suppress(OSError):
            while piece := near.recv(PIECE_BYTES):
                marked = marked or (self._marker is not None and self._marker in piece)
                if marked and b"COMMIT" in piece:
                    self._break(near, far, piece)
                    return
                far.sendall(piece)
        _end(far)

    def _break(self, near: socket.socket, far: socket.socket, commit: bytes) -> None:
        self._marker = None
        _end(near)
        if self._reaches:
            far.sendall(commit)
        else:
            _end(far)
        self.broke.set()

    def _to_client(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            while piece := far.recv(PIECE_BYTES):
                near.sendall(piece)
        _end(near)
        _end(far)


def _end(side: socket.socket) -> None:
    with suppress(OSError):
        side.shutdown(socket.SHUT_RDWR)


def breaking_line(to_port: int) -> closing[BreakingLine]:
    """Give a line to `to_port`."""
    return closing(BreakingLine(to_port))
