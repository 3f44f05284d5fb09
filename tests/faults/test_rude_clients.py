"""Slow and rude clients hold nothing for long, and others are answered meanwhile (F20, REL-05)."""

import hashlib
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from config.bodies import PER_ADDRESS, STREAMS_PER_ADDRESS
from config.stalled import LOOK_SECONDS, STALLED_SECONDS
from tests.faults.aftermath import assert_holds
from tests.faults.processes import memory_kib, web_process
from tests.faults.rude import Crowd, Ordinary, head, rude, said_to, status_said_to
from tests.journeys.house import PASSWORD, Database, House, house, until
from tests.journeys.visitor import dx_call, dx_login, make_projects

pytestmark = pytest.mark.once
MANY = 500
HEAD_SECONDS = 10
MARGIN_SECONDS = 10  # of a busy machine
CUT_SECONDS = STALLED_SECONDS + 2 * LOOK_SECONDS + MARGIN_SECONDS
MEMORY_KIB = 64 * 1024
MIB = 1024 * 1024
FILE_BYTES = 16 * MIB  # more than the kernel takes for a reader that takes nothing
SCARCE_BYTES = 4096
FORM = "Content-Type: application/x-www-form-urlencoded"
JSON = "Content-Type: application/json"


@pytest.mark.faults
def test_f20_heads_that_dribble_are_cut_after_ten_seconds_and_others_are_answered(sound_house: House) -> None:
    ordinary = Ordinary(sound_house, dx_login(sound_house.url, "amy"))
    pid = web_process(sound_house)
    before = memory_kib(pid)
    with ordinary.at_work(), Crowd([rude(sound_house) for _ in range(MANY)]) as crowd:
        began = time.monotonic()
        until(lambda: crowd.size == 0, seconds=HEAD_SECONDS + MARGIN_SECONDS, what="the end of the last one")
        assert time.monotonic() - began > HEAD_SECONDS / 2
    ordinary.assert_soon()
    assert memory_kib(pid) - before < MEMORY_KIB


@pytest.mark.faults
def test_f20_bodies_that_dribble_are_cut_after_a_minute_and_others_are_answered(sound_house: House) -> None:
    ordinary = Ordinary(sound_house, dx_login(sound_house.url, "amy"))
    pid = web_process(sound_house)
    before = memory_kib(pid)
    with ordinary.at_work():
        peers = [rude(sound_house) for _ in range(MANY)]
        began = time.monotonic()
        for peer in peers:
            peer.sendall(head("/login/", FORM, "Content-Length: 1000"))
        with Crowd(peers) as crowd:
            until(lambda: crowd.size <= PER_ADDRESS, what="the refusal of all that are too many")
            assert crowd.size == PER_ADDRESS
            until(lambda: crowd.size == 0, seconds=CUT_SECONDS, what="the end of the last one")
            assert time.monotonic() - began > STALLED_SECONDS - LOOK_SECONDS
    ordinary.assert_soon()
    assert memory_kib(pid) - before < MEMORY_KIB
    assert_holds(sound_house)


@pytest.mark.faults
def test_rel_05_a_body_that_stops_is_answered_before_its_connection_ends(sound_house: House) -> None:
    with rude(sound_house) as peer:
        peer.settimeout(CUT_SECONDS)
        peer.sendall(head("/api/v1/tokens/", JSON, "Content-Length: 1000") + b'{"label": "deploy"')
        assert status_said_to(peer) == 400


class Files:
    """amy's file, and addresses of it, as the dx client is given them."""

    def __init__(self, server: House) -> None:
        self._server, self._text = server, dx_login(server.url, "amy")
        (self._project,) = make_projects(server.url, self._text, "Plates")
        self._file = self._call("file/new", {"project": self._project, "name": "plate.bin"})["id"]
        ticket = self._call(f"{self._file}/upload", self._part(FILE_BYTES))
        with socket.create_connection(("127.0.0.1", server.port)) as sender:
            sender.sendall(self._head("PUT", ticket, f"Content-Length: {FILE_BYTES}") + bytes(FILE_BYTES))
            assert status_said_to(sender) == 200
        self._call(f"{self._file}/close", {})

    def _call(self, call: str, body: dict[str, Any]) -> Any:
        answer = dx_call(self._server.url, call, body, self._text)
        assert answer.status == 200, answer
        return answer.json

    def _part(self, size: int) -> dict[str, Any]:
        return {"index": 1, "size": size, "md5": hashlib.md5(bytes(size), usedforsecurity=False).hexdigest()}

    def _head(self, method: str, ticket: Any, *lines: str) -> bytes:
        # Two hosts in one head would be refused.
        told = [f"{name}: {value}" for name, value in ticket["headers"].items() if name.lower() not in ("host", "content-length")]
        return head(urlsplit(ticket["url"]).path, *told, *lines, method=method)

    def get(self) -> bytes:
        """Return a request for the bytes of the file."""
        return self._head("GET", self._call(f"{self._file}/download", {"project": self._project}))

    def put(self) -> bytes:
        """Return the head of a request that brings a part of a new file."""
        file_id = self._call("file/new", {"project": self._project, "name": "next.bin"})["id"]
        return self._head("PUT", self._call(f"{file_id}/upload", self._part(MIB)), f"Content-Length: {MIB}")


@pytest.mark.faults
def test_f20_no_thread_waits_longer_than_a_minute_for_readers_and_senders_that_are_gone(sound_house: House) -> None:
    files = Files(sound_house)
    ordinary = Ordinary(sound_house, dx_login(sound_house.url, "ben"))
    half = STREAMS_PER_ADDRESS // 2
    with ordinary.at_work(), ExitStack() as gone:
        for asked in [files.get() for _ in range(half)] + [files.put() + b"x" * 1000 for _ in range(half)]:
            gone.enter_context(peer := rude(sound_house, buffer=SCARCE_BYTES))
            peer.sendall(asked)
        wanted = files.get()
        until(lambda: status_of(sound_house, wanted) == 503, what="the last place to be taken")
        until(lambda: status_of(sound_house, wanted) == 200, seconds=CUT_SECONDS, what="a place to be free again")
    ordinary.assert_soon()
    assert "Traceback" not in sound_house.log
    assert_holds(sound_house)


def status_of(server: House, asked: bytes) -> int:
    with rude(server) as peer:
        peer.sendall(asked)
        return status_said_to(peer)


@pytest.fixture(scope="module")
def shared_house(plan: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server for what hurts it at no time."""
    with house(plan, tmp_path_factory.mktemp("house")) as started:
        yield started


TOO_MUCH = {
    "many lines": b"".join(b"X-%d: 1\r\n" % number for number in range(10_000)),
    "a long line": b"X: " + b"a" * 20_000 + b"\r\n",
}


@pytest.mark.parametrize("lines", TOO_MUCH.values(), ids=TOO_MUCH)
def test_f20_a_hundred_heads_that_are_too_large_are_refused_and_not_kept(shared_house: House, lines: bytes) -> None:
    pid = web_process(shared_house)
    before = memory_kib(pid)
    for _ in range(100):
        with rude(shared_house) as peer:
            peer.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n" + lines + b"\r\n")
            assert status_said_to(peer) == 431
    assert memory_kib(pid) - before < MEMORY_KIB


def test_f20_a_body_in_chunks_without_an_end_is_refused_at_its_head_and_the_connection_ends(shared_house: House) -> None:
    with rude(shared_house) as peer:
        peer.sendall(head("/login/", FORM, "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
        said = said_to(peer)
    assert said.startswith(b"HTTP/1.1 411 ")


def test_f20_a_body_that_is_too_long_is_refused_at_its_head(shared_house: House) -> None:
    with rude(shared_house) as peer:
        peer.sendall(head("/login/", FORM, f"Content-Length: {10 * MIB}"))
        assert status_said_to(peer) == 413


def test_f20_a_second_request_before_the_first_answer_is_answered_after_it(shared_house: House) -> None:
    with rude(shared_house) as peer:
        peer.sendall(head("/healthz", method="GET") + head("/nowhere/", "Connection: close", method="GET"))
        said = said_to(peer)
    assert re.findall(rb"HTTP/1\.1 (\d+) ", said) == [b"200", b"404"]


def test_f20_a_connection_that_its_peer_has_half_closed_ends_at_once_answered_or_not(shared_house: House) -> None:
    with rude(shared_house) as peer:
        peer.sendall(head("/healthz", method="GET"))
        peer.shutdown(socket.SHUT_WR)
        peer.settimeout(HEAD_SECONDS / 2)
        assert status_said_to(peer) in (0, 200)


WHOLE = b'{"username": "amy", "password": "%s"}' % PASSWORD.encode()
HALVES: dict[str, tuple[bytes, int]] = {
    "dx": (head("/system/newAuthToken", JSON, f"Content-Length: {len(WHOLE) + 1}") + WHOLE, 422),
    "REST": (head("/api/v1/tokens/", JSON, f"Content-Length: {len(WHOLE) + 1}") + WHOLE, 400),
    "page": (head("/login/", FORM, "Content-Length: 1000") + urlencode({"username": "amy", "password": PASSWORD}).encode(), 400),
}


@pytest.mark.parametrize(("sent", "status"), HALVES.values(), ids=HALVES)
def test_rel_05_a_body_that_ended_early_does_nothing_though_it_could_be_read(shared_house: House, sent: bytes, status: int) -> None:
    with rude(shared_house) as peer:
        peer.sendall(sent)
        peer.shutdown(socket.SHUT_WR)
        said = said_to(peer)
    assert said.startswith(b"HTTP/1.1 %d " % status)
    assert b"Nothing has happened" in said
    assert shared_house.count("tokens_token", "amy") == 0
