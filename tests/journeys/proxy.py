"""A narrow line: a TCP proxy before the server that lets bytes through at a pace, each way of each connection."""

import socket
import threading
import time
from contextlib import closing, suppress

PIECE_BYTES = 16 * 1024
BUFFER_BYTES = 64 * 1024  # a large one would swallow what is meant to flow slowly


class Line:
    """Listens on `port`, and has each connection joined with one to another port, in whatever way."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def join(self, near: socket.socket, far: socket.socket) -> None:
        """Begin to pass on between both, in threads of its own."""
        raise NotImplementedError

    def close(self) -> None:
        """Take no new connections; those that are open end with their peers."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(("127.0.0.1", self._to_port))
                except OSError:
                    near.close()
                    continue
                self.join(near, far)


class Proxy(Line):
    """Passes on at a `pace`, in bytes per second, which may be changed while bytes flow."""

    def __init__(self, to_port: int, *, pace: float) -> None:
        self.pace = pace
        super().__init__(to_port)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)

    def join(self, near: socket.socket, far: socket.socket) -> None:
        """Pump, each way in a thread."""
        for one in (near, far):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        for pair in ((near, far), (far, near)):
            threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                try:
                    sink.sendall(piece)
                except OSError:
                    # The server has answered and hears no more: the rest goes nowhere, and the sender can read the answer.
                    while source.recv(PIECE_BYTES):
                        pass
                    return
                time.sleep(len(piece) / self.pace)
        # The end of one way; the other may still have something to say.
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def narrow_line(to_port: int, *, pace: float) -> closing[Proxy]:
    """Give a proxy to `to_port`."""
    return closing(Proxy(to_port, pace=pace))
