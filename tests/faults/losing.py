"""A line to the server that loses answers: the request arrives and is carried out, and its sender never hears of it."""

import socket
import threading
from contextlib import closing, suppress

from tests.journeys.proxy import Line

PIECE_BYTES = 64 * 1024
PATIENCE_SECONDS = 30


class LosingLine(Line):
    """Passes one request and its answer on by each connection; loses the next answer to a request that `lose_answer_to` names."""

    def __init__(self, to_port: int) -> None:
        self._marker: bytes | None = None
        self.lost = 0
        super().__init__(to_port)

    @property
    def url(self) -> str:
        """Its own address."""
        return f"http://127.0.0.1:{self.port}"

    def lose_answer_to(self, marker: bytes) -> None:
        """Lose, once, the answer to a request whose bytes hold `marker`."""
        self._marker = marker

    def join(self, near: socket.socket, far: socket.socket) -> None:
        """Carry one request and its answer."""
        threading.Thread(target=self._carry, args=(near, far), daemon=True).start()

    def _carry(self, near: socket.socket, far: socket.socket) -> None:
        with near, far, suppress(OSError):
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


def losing_line(to_port: int) -> closing[LosingLine]:
    """Give a line to `to_port`."""
    return closing(LosingLine(to_port))
