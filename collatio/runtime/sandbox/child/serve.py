"""The sandbox's loop: one request after another, until its socket ends.

Rules: it never returns into the zygote's code, it never runs Python's exit handlers (they are the zygote's),
and it answers every request in one frame. A sandbox that has run out of memory has none for an answer: it
ends, and its exit code is the answer.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING, NoReturn

from collatio.runtime.errors import CollatioError
from collatio.runtime.sandbox import control, frames
from collatio.runtime.sandbox.child.bounds import allow_cpu, bound
from collatio.runtime.sandbox.child.inputs import opened
from collatio.runtime.sandbox.child.traces import locations, type_name
from collatio.runtime.sandbox.entry import resolve
from collatio.runtime.sandbox.frames import Answer, Ask
from collatio.runtime.sandbox.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Collection

    from collatio.runtime.sandbox.child.footprint import Footprint
    from collatio.runtime.sandbox.entry import Work

_CHUNK = 64 * 1024
_Reply = tuple[Answer, bytes]


class Server:
    """Serves one sandbox's socket. `serve` ends the process."""

    def __init__(self, sock: socket.socket, preload: Collection[str], footprint: Footprint) -> None:
        self._sock = sock
        self._preload = preload
        self._footprint = footprint
        self._limits: Limits | None = None
        self._works: dict[str, Work] = {}

    def serve(self) -> NoReturn:
        """Answer requests until the other end is closed or memory has run out."""
        try:
            while True:
                data, descriptors, _, _ = socket.recv_fds(self._sock, _CHUNK, frames.DESCRIPTORS_MAX)
                ask, sequence, entry, header = self._request(data, len(descriptors))
                kind, payload = self._answer(ask, entry, header, descriptors)
                self._send(frames.REPLY.pack(kind, sequence, len(payload)), payload)
        except MemoryError:
            os._exit(frames.EXIT_OUT_OF_MEMORY)
        except EOFError:
            os._exit(0)

    def refuse(self, step: str) -> NoReturn:
        """Tell that a wall could not be raised, and end."""
        payload = step.encode()
        self._send(frames.REPLY.pack(Answer.BROKEN, 0, len(payload)), payload)
        os._exit(1)

    def _answer(self, ask: Ask, entry: str, header: bytes, descriptors: list[int]) -> _Reply:
        if ask is Ask.LIMITS:
            self._limits = Limits.decode(header)
            try:
                bound(self._limits, self._footprint)
            except (OSError, ValueError):
                self.refuse("resource limits")
            return Answer.READY, b""
        assert self._limits is not None
        return self._run(self._limits, entry, header, descriptors)

    def _run(self, limits: Limits, entry: str, header: bytes, descriptors: list[int]) -> _Reply:
        inputs = [opened(descriptor) for descriptor in descriptors]
        allow_cpu(limits.cpu_s)
        try:
            if entry not in self._works:
                self._works[entry] = resolve(entry, self._preload)
            result = bytes(memoryview(self._works[entry](header, inputs)))
        except MemoryError:
            raise
        except CollatioError as error:
            return Answer.TYPED_ERROR, frames.encode_typed(error)
        except BaseException as error:  # noqa: BLE001 - sys.exit() by a parser is a failure like any other
            return Answer.FAILURE, frames.encode_failure(type_name(error), locations(error))
        finally:
            for file in inputs:
                file.close()
        if len(result) > limits.output_bytes:
            return Answer.TOO_LARGE, b""
        return Answer.RESULT, result

    def _request(self, data: bytes, descriptors: int) -> tuple[Ask, int, str, bytes]:
        """Read the rest of a request whose first bytes brought so many descriptors."""
        data = self._complete(data, frames.REQUEST.size)
        ask, sequence, name_size, count, header_size = frames.REQUEST.unpack_from(data)
        assert count == descriptors, "the kernel dropped a descriptor: open_files is too low"
        start = frames.REQUEST.size + name_size
        data = self._complete(data, start + header_size)
        return Ask(ask), sequence, data[frames.REQUEST.size : start].decode(), data[start:]

    def _complete(self, data: bytes, size: int) -> bytes:
        if not data:
            raise EOFError
        if len(data) >= size:
            return data
        return data + control.exactly(self._sock, size - len(data))

    def _send(self, prefix: bytes, payload: bytes) -> None:
        sent = self._sock.sendmsg([prefix, payload])
        while sent < len(prefix):  # a buffer too full for a prefix: its rest first
            sent += self._sock.send(prefix[sent:])
        self._sock.sendall(memoryview(payload)[sent - len(prefix) :])
