"""A mail server of a test's own: it takes letters, or is down, silent, slow, picky, or dies after it has them."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import BinaryIO

from tests.journeys.house import free_port

BYTE_SECONDS = 0.1  # how a slow one speaks


@dataclass
class Sink:
    """One SMTP server on a port that stays its own while it is down."""

    port: int = field(default_factory=free_port)
    letters: list[EmailMessage] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)  # addresses it takes nothing for
    silent: bool = False  # takes connections and says nothing
    slow: bool = False  # a byte now and then
    dies_after_data: bool = False  # has the letter, and is gone before it says so
    talks: int = 0  # connections so far
    _listener: socket.socket | None = None
    _open: list[socket.socket] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address, as EMAIL_URL takes it."""
        return f"smtp://127.0.0.1:{self.port}"

    def ids(self, to: str = "") -> list[str]:
        """Return the Message-IDs of what came to this address, or at all, in its order."""
        return [str(letter["Message-ID"]) for letter in self.letters if not to or letter["To"] == to]

    def subjects(self, to: str) -> list[str]:
        """Return the subjects of what came to this address, in its order."""
        return [str(letter["Subject"]) for letter in self.letters if letter["To"] == to]

    def start(self) -> None:
        """Take connections."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Be down: refuse connections, cut those that are open."""
        listener, self._listener = self._listener, None
        for one in [listener, *self._open]:
            if one is not None:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()
        self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                peer, _ = listener.accept()
                self.talks += 1
                self._open.append(peer)
                if not self.silent:
                    threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    def _talk(self, peer: socket.socket) -> None:
        with suppress(OSError), peer, peer.makefile("rb") as heard:
            self._say(peer, "220 sink")
            for line in heard:
                verb, argument = line[:4].upper(), line.decode()
                if verb == b"DATA":
                    self._say(peer, "354 go on")
                    self.letters.append(_letter(heard))
                    if self.dies_after_data:
                        return
                    self._say(peer, "250 taken")
                elif verb == b"RCPT" and self._refuses(argument):
                    self._say(peer, "550 nobody here")
                elif verb == b"QUIT":
                    return self._say(peer, "221 bye")
                else:
                    self._say(peer, "250 sink")

    def _refuses(self, argument: str) -> bool:
        found = re.search(r"<([^>]*)>", argument)
        return found is not None and found[1] in self.refused

    def _say(self, peer: socket.socket, line: str) -> None:
        for piece in [line + "\r\n"] if not self.slow else [*line, "\r\n"]:
            peer.sendall(piece.encode())
            time.sleep(BYTE_SECONDS if self.slow else 0)


def _letter(heard: BinaryIO) -> EmailMessage:
    lines: list[bytes] = []
    for line in heard:
        if line == b".\r\n":
            break
        lines.append(line.removeprefix(b"."))
    letter = message_from_bytes(b"".join(lines), policy=default)
    assert isinstance(letter, EmailMessage)
    return letter


@contextmanager
def sink() -> Iterator[Sink]:
    """Give a mail server that is up."""
    server = Sink()
    server.start()
    try:
        yield server
    finally:
        server.stop()
