"""Connections on which nothing moves are cut, and no others (REL-05). The clock of these tests is an argument."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from config.stalled import LOOK_SECONDS, PROGRESS_BYTES, STALLED_SECONDS, Watch

SOON = STALLED_SECONDS - 1


@dataclass
class Line:
    """A connection, seen from both ends, and what watches the port that it was taken on."""

    near: socket.socket
    far: socket.socket
    watch: Watch

    def send(self, count: int) -> None:
        """Let the peer send, and the server read."""
        self.far.sendall(b"x" * count)
        assert len(self.near.recv(count, socket.MSG_WAITALL)) == count

    def answer(self, count: int) -> None:
        """Let the server send, and the peer read."""
        self.near.sendall(b"x" * count)
        assert len(self.far.recv(count, socket.MSG_WAITALL)) == count

    def hears(self) -> bool:
        """Whether the server still waits for bytes of its peer."""
        self.near.setblocking(False)
        try:
            return bool(self.near.recv(1))
        except BlockingIOError:
            return True

    def speaks(self) -> bool:
        """Whether the server can still say something, too."""
        try:
            self.near.send(b"x")
        except BrokenPipeError:
            return False
        return True


@pytest.fixture
def line() -> Iterator[Line]:
    """A connection that was just taken, and seen for the first time at 0."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as far, listener.accept()[0] as near:
            watch = Watch(port)
            assert watch.look(0.0) == 0
            yield Line(near, far, watch)


def test_rel_05_a_silent_connection_is_cut_after_a_minute_and_before_that_it_is_not(line: Line) -> None:
    assert line.watch.look(SOON) == 0
    assert line.hears()
    assert line.watch.look(STALLED_SECONDS) == 1
    assert not line.hears()
    assert line.speaks(), "a body that ended there is to be answered"
    line.watch.look(STALLED_SECONDS + LOOK_SECONDS)
    assert not line.speaks()


def test_rel_05_a_byte_now_and_then_is_no_progress(line: Line) -> None:
    for second in range(0, STALLED_SECONDS, LOOK_SECONDS):
        line.send(1)
        assert line.watch.look(second) == 0
    line.send(1)
    assert line.watch.look(STALLED_SECONDS) == 1


@pytest.mark.parametrize("way", ["send", "answer"])
def test_a_connection_on_which_bytes_move_lives_on_whichever_way_they_go(line: Line, way: str) -> None:
    for second in range(SOON, 10 * STALLED_SECONDS, SOON):
        getattr(line, way)(PROGRESS_BYTES)
        assert line.watch.look(second) == 0
    assert line.hears()
    assert line.speaks()


def test_rel_05_a_reader_that_takes_nothing_is_cut_though_the_server_has_much_to_say(line: Line) -> None:
    line.near.settimeout(0.2)
    with pytest.raises(TimeoutError):
        line.near.sendall(b"x" * 64 * 1024 * 1024)
    line.near.setblocking(False)
    assert line.watch.look(1) == 0
    assert line.watch.look(1 + STALLED_SECONDS) == 1
    assert line.watch.look(1 + STALLED_SECONDS + LOOK_SECONDS) == 1
    assert not line.speaks()


def test_connections_of_other_ports_are_not_looked_at(line: Line) -> None:
    other = Watch(1)
    other.look(0.0)
    assert other.look(10 * STALLED_SECONDS) == 0
    assert line.hears()


def test_the_listener_is_no_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        watch = Watch(listener.getsockname()[1])
        watch.look(0.0)
        assert watch.look(10 * STALLED_SECONDS) == 0


def test_a_socket_that_was_bound_and_takes_no_connections_is_none() -> None:
    # The web server's parent binds one, and each of its processes inherits it: it would be told of as cut every five seconds, for ever.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        watch = Watch(bound.getsockname()[1])
        watch.look(0.0)
        assert watch.look(10 * STALLED_SECONDS) == 0
