"""A line to the server that loses answers: the request arrives and is carried out, and its sender never hears of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PIECE_BYTES = 64 * 1024
PATIENCE_SECONDS = 30


class LosingLine:
    """Passes one request and its answer on by each connection; loses the next answer to a request that `lose_answer_to` names."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._marker: bytes | None = None
        self.lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Its own address."""
        return f"http://127.0.0.1:{self.port}"

    def lose_answer_to(self, marker: bytes) -> None:
        """Lose, once, the answer to a request whose bytes hold `marker`."""
        self._marker = marker

    def close(self) -> None:
        """Take no new connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self._to_port)) as far:
            far.settimeout(PATIENCE_SECONDS)
            near.settimeout(PATIENCE_SECONDS)
            losing = threading.Event()
            back = threading.Thread(target=self._answer, args=(far, near, losing), daemon=True)
            back.start()
            while piece := near.recv(PIECE_BYTES):
                if self._marker is not None and self._marker in piece:
                    self._marker = None
                    losing.set()
                far.sendall(piece)
            far.shutdown(socket.SHUT_WR)
            back.join()

    def _answer(self, far: socket.socket, near: socket.socket, losing: threading.Event) -> None:
        with suppress(OSError):
            while piece := far.recv(PIECE_BYTES):
                if losing.is_set():
                    # The server is done with it: now its sender hears that the line is gone.
                    self.lost += 1
                    break
                near.sendall(piece)
        with suppress(OSError):
            near.shutdown(socket.SHUT_RDWR)


@contextmanager
def losing_line(to_port: int) -> Iterator[LosingLine]:
    """Give a line to `to_port`."""
    line = LosingLine(to_port)
    try:
        yield line
    finally:
        line.close()
