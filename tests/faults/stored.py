"""A file on the server, and somebody who takes it away slowly."""

import hashlib
import json
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

from tests.journeys.house import House, until
from tests.journeys.visitor import dx_call, make_projects

MIB = 1024 * 1024
PIECE_BYTES = 64 * 1024
TIMEOUT_SECONDS = 90


@dataclass
class Stored:
    """A closed file of random bytes."""

    house: House
    token: str
    content: bytes
    project: str = ""
    file: str = ""

    def put(self) -> "Stored":
        """Bring it there, as the dx client does."""
        [self.project] = make_projects(self.house.url, self.token, "genomes")
        self.file = self._call("file/new", project=self.project, name="plate.bin")["id"]
        md5 = hashlib.md5(self.content, usedforsecurity=False).hexdigest()
        part = self._call(f"{self.file}/upload", index=1, size=len(self.content), md5=md5)
        connection = HTTPConnection("127.0.0.1", self.house.port, timeout=TIMEOUT_SECONDS)
        connection.request("PUT", urlsplit(part["url"]).path, self.content, part["headers"])
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        self._call(f"{self.file}/close")
        until(lambda: self._call(f"{self.file}/describe")["state"] == "closed", what="the file")
        return self

    def get(self, *, begin: int = 0) -> HTTPResponse:
        """Ask for it, from byte `begin` on, on a line with little room; return the answer, its body unread."""
        ticket = self._call(f"{self.file}/download", project=self.project)
        connection = HTTPConnection("127.0.0.1", self.house.port, timeout=TIMEOUT_SECONDS)
        connection.sock = socket.socket()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE_BYTES)
        connection.sock.settimeout(TIMEOUT_SECONDS)
        connection.sock.connect(("127.0.0.1", self.house.port))
        wanted = {"Range": f"bytes={begin}-"} if begin else {}
        connection.request("GET", urlsplit(ticket["url"]).path, headers={**ticket["headers"], **wanted})
        answer = connection.getresponse()
        assert answer.status == (206 if begin else 200), answer.read()
        return answer

    def _call(self, call: str, **body: Any) -> Any:
        answer = dx_call(self.house.url, call, body, self.token)
        assert answer.status == 200, answer.text
        return json.loads(answer.text)


def random_bytes(size: int) -> bytes:
    """Return `size` bytes that look alike nowhere."""
    return random.Random(7).randbytes(size)


def read_slowly(answer: HTTPResponse, *, pace: float, enough: Callable[[int], bool] = lambda read: False) -> bytes:
    """Return what comes, read at `pace` bytes per second, until the server closes, or it is `enough`."""
    read = bytearray()
    while not enough(len(read)) and (piece := answer.read1(PIECE_BYTES)):
        read += piece
        time.sleep(len(piece) / pace)
    return bytes(read)
