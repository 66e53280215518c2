"""The bytes that cross between pool child and zygote; both sides are ours and trusted.

First a line of JSON each way: what to preload, and whether that worked. Then fixed-size commands, each
with a sandbox's number; FORK carries the sandbox's socket as a descriptor. REAP and RELEASE are answered by how
the sandbox ended: the pool child waits for the one answer, and finds the other when it next makes a sandbox.
Numbers are the pool child's own, so nobody has to wait to learn a process id, and no process id is ever
signalled by anyone but its parent: a recycled id cannot be hit.
"""

from __future__ import annotations

import json
import os
import signal as signals
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

COMMAND = struct.Struct("!BI")  # order, number of the sandbox
DEATH = struct.Struct(
    "!I?iQd"
)  # number of the sandbox, known, wait status, bytes of growth at the peak, CPU seconds
LENGTH = struct.Struct("!I")
_CHUNK = 1024 * 1024


class Order(IntEnum):
    """What the zygote is told to do with a sandbox."""

    FORK = 1
    KILL = 2
    REAP = 3
    RELEASE = 4


@dataclass(frozen=True, slots=True)
class Brief:
    """What a zygote is told at its start.

    `preload` are module names; `readable` are further paths that lazily loading code may read.
    """

    preload: tuple[str, ...]
    readable: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Write the brief with its length."""
        return with_length(json.dumps(asdict(self)).encode())

    @classmethod
    def decode(cls, data: bytes) -> Brief:
        """Read what `encode` wrote, without its length."""
        fields = json.loads(data)
        return cls(preload=tuple(fields["preload"]), readable=tuple(fields["readable"]))


@dataclass(frozen=True, slots=True)
class Death:
    """How a sandbox ended: its wait status, its memory growth at the peak (bytes), its CPU time (seconds)."""

    status: int
    growth_bytes: int
    cpu_s: float

    @property
    def signal(self) -> int | None:
        """The signal that killed it, if one did."""
        return os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else None

    @property
    def exitcode(self) -> int | None:
        """The exit code it chose, if it did."""
        return os.WEXITSTATUS(self.status) if os.WIFEXITED(self.status) else None

    @property
    def out_of_cpu(self) -> bool:
        """Whether the CPU limit's own signal ended it."""
        return self.signal == signals.SIGXCPU


def encode_death(number: int, death: Death | None) -> bytes:
    """Write the answer to REAP; None for a sandbox that was never forked."""
    if death is None:
        return DEATH.pack(number, False, 0, 0, 0.0)
    return DEATH.pack(number, True, death.status, death.growth_bytes, death.cpu_s)


def decode_death(data: bytes) -> tuple[int, Death | None]:
    """Read the answer to REAP: the sandbox's number, and None when the zygote knows no such sandbox."""
    number, known, status, growth_bytes, cpu_s = DEATH.unpack(data)
    return number, Death(status, growth_bytes, cpu_s) if known else None


def with_length(data: bytes) -> bytes:
    """Put a length before bytes."""
    return LENGTH.pack(len(data)) + data


def exactly(sock: socket.socket, size: int) -> bytes:
    """Receive so many bytes from a blocking socket. Raises EOFError when it ends before."""
    chunks, missing = [], size
    while missing:
        chunk = sock.recv(min(missing, _CHUNK))
        if not chunk:
            raise EOFError
        chunks.append(chunk)
        missing -= len(chunk)
    return b"".join(chunks)
