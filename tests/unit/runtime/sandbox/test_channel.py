"""Deadlines and ends, on a socket pair whose other end the test holds."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from collatio.runtime.sandbox.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    """Make a channel and its raw other end."""
    ours, theirs = socket.socketpair()
    channel = Channel(ours, time.monotonic)
    yield channel, theirs
    channel.close()
    theirs.close()


def test_bytes_are_received_exactly(pair: tuple[Channel, socket.socket]) -> None:
    """Frames that arrive together are told apart by their sizes."""
    channel, theirs = pair
    theirs.sendall(b"onetwo")
    assert channel.receive(3, _in(1)) == b"one"
    assert channel.receive(0, _in(1)) == b""
    assert channel.receive(3, _in(1)) == b"two"


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_silent_peer_meets_the_deadline(pair: tuple[Channel, socket.socket], size: int) -> None:
    """Neither a short nor a long read outlasts its deadline, with a part received or none."""
    channel, theirs = pair
    for part in (b"", b"part"):
        theirs.sendall(part)
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            channel.receive(size, _in(0.1))
        assert 0.05 < time.monotonic() - started < 1


def test_a_past_deadline_is_a_timeout(pair: tuple[Channel, socket.socket]) -> None:
    """The clock decides, not what has arrived."""
    channel, theirs = pair
    theirs.sendall(b"late")
    with pytest.raises(TimeoutError):
        channel.receive(4, _in(-1))


@pytest.mark.parametrize("size", [10, 100_000])
def test_a_peer_that_goes_is_an_end(pair: tuple[Channel, socket.socket], size: int) -> None:
    """The end within a frame is an end, not a short answer."""
    channel, theirs = pair
    theirs.sendall(b"part")
    theirs.close()
    with pytest.raises(EOFError):
        channel.receive(size, _in(5))
    with pytest.raises(EOFError):
        channel.send(b"x", (), _in(5))


def test_a_peer_that_does_not_read_meets_the_deadline(pair: tuple[Channel, socket.socket]) -> None:
    """A full buffer does not hold the sender."""
    channel, _ = pair
    with pytest.raises(TimeoutError):
        channel.send(b"x" * (1 << 24), (), _in(0.1))


def test_a_slow_reader_gets_everything(pair: tuple[Channel, socket.socket]) -> None:
    """What does not fit a buffer at once is sent in pieces."""
    channel, theirs = pair
    received = bytearray()

    def read() -> None:
        while chunk := theirs.recv(10_000):
            received.extend(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    channel.send(b"x" * 3_000_000, (), _in(10))
    channel.close()
    reader.join()
    assert len(received) == 3_000_000


def test_an_end_is_told_from_silence_and_from_bytes(pair: tuple[Channel, socket.socket]) -> None:
    """Looking for the end neither waits nor takes a byte away."""
    channel, theirs = pair
    assert not channel.ended()
    theirs.sendall(b"x")
    assert not channel.ended()
    theirs.close()
    assert channel.receive(1, _in(1)) == b"x"
    assert channel.ended()


def _in(seconds: float) -> float:
    return time.monotonic() + seconds
