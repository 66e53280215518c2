"""The pool child's side of one forked sandbox.

Rules: when `call` raises for a timeout or a death, the process group is already gone. A reply is trusted in
nothing. The wall clock starts once the sandbox has said READY, so a slow fork is never held against a
document; neither is a sandbox that was dead before it was given one. An exception out of nowhere (a soft time
limit's signal) ends the sandbox, because nobody would know what state it is in.
"""

from __future__ import annotations

import fcntl
import os
import stat
from typing import TYPE_CHECKING, NoReturn, Protocol

from collatio.runtime.sandbox import frames
from collatio.runtime.sandbox.errors import (
    SandboxClosed,
    SandboxDied,
    SandboxError,
    SandboxFailed,
    SandboxLost,
    SandboxOutOfMemory,
    SandboxOutputLimit,
    SandboxTimeout,
    SandboxUnavailable,
)
from collatio.runtime.sandbox.frames import Answer, Ask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from collatio.runtime.sandbox.channel import Channel
    from collatio.runtime.sandbox.control import Death
    from collatio.runtime.sandbox.limits import Limits

_READY_S = 30.0
_OWN_FILES = 8  # what a sandbox has open itself, and a few that loading a module takes
_NEARLY_ALL_MEMORY = 0.75  # a native allocator aborts on its first refusal, well before the last byte is used


class Keeper(Protocol):
    """What a sandbox asks of the zygote that forked it."""

    def kill(self, number: int) -> None:
        """Kill the sandbox's process group; from any thread."""

    def reap(self, number: int) -> Death | None:
        """Kill the group, wait for its end and tell how it ended; None when nobody can tell."""

    def release(self, number: int) -> None:
        """Kill the group without waiting for its end."""


class ForkedSandbox:
    """A sandbox in a process of its own; the Protocol `Sandbox` says what its methods promise."""

    def __init__(
        self, number: int, channel: Channel, keeper: Keeper, limits: Limits, clock: Callable[[], float]
    ) -> None:
        self._number = number
        self._channel = channel
        self._keeper = keeper
        self._limits = limits
        self._clock = clock
        self._sequence = 0
        self._ready = False
        self._killed = False
        self._ended = False

    def call(self, entry: str, header: bytes, fds: Sequence[int], *, wall_s: float | None = None) -> bytes:
        """Run one unit of work in the sandbox and bring back its answer."""
        if self._ended:
            raise SandboxClosed("the sandbox has ended; take a fresh one")
        check_inputs(header, fds, self._limits)
        self._sequence += 1
        name = entry.encode()
        prefix = frames.REQUEST.pack(Ask.CALL, self._sequence, len(name), len(fds), len(header))
        kind, payload = self._answered(b"".join((prefix, name, header)), fds, wall_s or self._limits.wall_s)
        if kind is not Answer.RESULT:
            self._refuse(kind, payload)
        return payload

    def kill(self) -> None:
        """End it at once, from any thread; a call in progress raises SandboxClosed."""
        self._killed = True
        self._keeper.kill(self._number)

    def close(self) -> None:
        """End it; safe to repeat."""
        if not self._ended:
            self._ended = True
            self._channel.close()
            self._keeper.release(self._number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answered(self, request: bytes, fds: Sequence[int], allowed_s: float) -> tuple[Answer, bytes]:
        try:
            self._await_ready()
            deadline = self._clock() + allowed_s
            self._channel.send(request, fds, deadline)
            return self._receive(self._sequence, deadline)
        except TimeoutError:
            self._end()
            raise SandboxTimeout("wall", allowed_s) from None
        except EOFError:
            raise self._cause_of_death() from None
        except BaseException:
            self._end()
            raise

    def _await_ready(self) -> None:
        """Wait until the walls are up; until a document was sent, no failure is a document's."""
        try:
            if not self._ready:
                deadline = self._clock() + _READY_S
                limits = self._limits.encode()
                prefix = frames.REQUEST.pack(Ask.LIMITS, 0, 0, 0, len(limits))
                self._channel.send(prefix + limits, (), deadline)
                kind, payload = self._receive(0, deadline)
                if kind is not Answer.READY:
                    raise SandboxUnavailable(f"a wall could not be raised: {frames.clean(payload.decode())}")
                self._ready = True
            if not self._channel.ended():
                return
        except (TimeoutError, EOFError):
            pass  # told below, in one way for all
        raise SandboxClosed("the sandbox was killed") if self._killed else SandboxLost("it died unused")

    def _receive(self, expected: int, deadline: float) -> tuple[Answer, bytes]:
        number, sequence, size = frames.REPLY.unpack(self._channel.receive(frames.REPLY.size, deadline))
        if number not in iter(Answer) or sequence != expected:
            raise SandboxDied(protocol=True)
        kind = Answer(number)
        cap = self._limits.output_bytes if kind is Answer.RESULT else frames.ERROR_BYTES_MAX
        if size > cap:
            raise SandboxOutputLimit(cap) if kind is Answer.RESULT else SandboxDied(protocol=True)
        return kind, self._channel.receive(size, deadline)

    def _refuse(self, kind: Answer, payload: bytes) -> NoReturn:
        """Raise what a reply other than a result stands for."""
        try:
            if kind is Answer.TYPED_ERROR:
                raise frames.decode_typed(payload)
            if kind is Answer.FAILURE:
                raise SandboxFailed(*frames.decode_failure(payload))
        except ValueError:
            self._end()
            raise SandboxDied(protocol=True) from None
        if kind is Answer.TOO_LARGE:
            raise SandboxOutputLimit(self._limits.output_bytes)
        self._end()
        raise SandboxDied(protocol=True)

    def _cause_of_death(self) -> SandboxError:
        death = self._end()
        if self._killed:
            return SandboxClosed("the sandbox was killed")
        if death is None:
            return SandboxLost("the zygote died with it")
        if death.out_of_cpu:
            return SandboxTimeout("cpu", self._limits.cpu_s)
        if self._out_of_memory(death):
            return SandboxOutOfMemory(f"more than {self._limits.memory_bytes} bytes")
        return SandboxDied(signal=death.signal, exitcode=death.exitcode)

    def _out_of_memory(self, death: Death) -> bool:
        """Tell by its own word, or by a crash with its memory nearly full: native code aborts or trips."""
        if death.signal is None:
            return death.exitcode == frames.EXIT_OUT_OF_MEMORY
        return death.growth_bytes >= self._limits.memory_bytes * _NEARLY_ALL_MEMORY

    def _end(self) -> Death | None:
        """Kill and reap, so that nothing of it is left when the caller hears of its end."""
        if self._ended:
            return None
        self._ended = True
        self._channel.close()
        return self._keeper.reap(self._number)


def check_inputs(header: bytes, fds: Sequence[int], limits: Limits) -> None:
    """Refuse what must not cross: an oversized header, a descriptor that could be written to or walked.

    Raises ValueError.
    """
    if len(header) > frames.HEADER_BYTES_MAX:
        raise ValueError(f"a header is at most {frames.HEADER_BYTES_MAX} bytes")
    if len(fds) > (most := min(frames.DESCRIPTORS_MAX, limits.open_files - _OWN_FILES)):
        raise ValueError(f"at most {most} inputs a call")
    if len(set(fds)) < len(fds):
        raise ValueError("each input has a descriptor of its own: they would share an offset")
    for descriptor in fds:
        mode = os.fstat(descriptor).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode)):
            raise ValueError("an input is a regular file or a pipe")
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY:
            raise ValueError("an input is opened for reading only")
