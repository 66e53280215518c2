"""A stream socket read and written against a deadline, and descriptors sent along.

The peer may be hung, dead or hostile: nothing here waits without a bound, and nothing is allocated for a
length the caller has not approved. A large payload is left to one call of the kernel's own waiting, which
costs a third of polling for each piece.
"""

from __future__ import annotations

import array
import select
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LARGE = 16 * 1024
_TIMEVAL = struct.Struct("@ll")


class Channel:
    """One end of a socket pair. Every method raises TimeoutError at its deadline, EOFError at the end.

    Deadlines are in seconds on the given monotonic clock.
    """

    def __init__(self, sock: socket.socket, clock: Callable[[], float]) -> None:
        self._sock = sock
        self._clock = clock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def send(self, data: bytes, fds: Sequence[int], deadline: float) -> None:
        """Send all bytes, the descriptors with the first of them."""
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        rest = memoryview(data)
        while rest:
            try:
                sent = self._sock.sendmsg([rest], ancillary, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._await_room(deadline)
                continue
            except OSError as error:
                raise EOFError from error
            rest, ancillary = rest[sent:], []

    def receive(self, size: int, deadline: float) -> bytes:
        """Receive exactly so many bytes."""
        if not size:
            return b""
        chunks: list[bytes] = []
        missing = size
        while missing:
            chunks.append(self._some(missing, deadline))
            missing -= len(chunks[-1])
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def ended(self) -> bool:
        """Tell whether the peer is gone, without waiting."""
        if not self._poll.poll(0):
            return False
        try:
            return not self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def waiting(self) -> bool:
        """Tell whether there is something to receive, or the end, without waiting."""
        return bool(self._poll.poll(0))

    def close(self) -> None:
        """Close this end; safe to repeat."""
        self._sock.close()

    def _some(self, limit: int, deadline: float) -> bytes:
        """Receive at least a byte; all of them, if they are many and the peer keeps sending."""
        flags = socket.MSG_DONTWAIT
        while True:
            remaining = self._await(self._poll, deadline)
            if limit > _LARGE:
                seconds, fraction = divmod(remaining, 1)
                patience = _TIMEVAL.pack(int(seconds), max(int(fraction * 1e6), 1))  # 0 is for ever
                self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
                flags = socket.MSG_WAITALL
            try:
                data = self._sock.recv(limit, flags)
            except BlockingIOError:
                continue
            except OSError as error:
                raise EOFError from error
            if not data:
                raise EOFError
            return data

    def _await_room(self, deadline: float) -> None:
        poll = select.poll()
        poll.register(self._sock, select.POLLOUT)
        self._await(poll, deadline)

    def _await(self, poll: select.poll, deadline: float) -> float:
        """Wait for the socket; returns the seconds that remain."""
        while (remaining := deadline - self._clock()) > 0:
            if poll.poll(remaining * 1000):
                return remaining
        raise TimeoutError
