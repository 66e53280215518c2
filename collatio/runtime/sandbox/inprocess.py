"""The same Protocols without a process: for tests, and for a diff of one's own files on one's own machine.

Nothing here stops a loop, a crash or an exploit. Errors, the output cap and the rules for inputs are the same
as in a real sandbox, so code that works here works there.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, BinaryIO

from collatio.runtime.errors import CollatioError
from collatio.runtime.sandbox.child.inputs import opened
from collatio.runtime.sandbox.child.traces import locations, type_name
from collatio.runtime.sandbox.entry import resolve
from collatio.runtime.sandbox.errors import (
    SandboxClosed,
    SandboxFailed,
    SandboxOutOfMemory,
    SandboxOutputLimit,
    SandboxTimeout,
)
from collatio.runtime.sandbox.isolation import Isolation
from collatio.runtime.sandbox.sandbox import check_inputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import Self

    from collatio.runtime.sandbox.limits import Limits


class InProcess:
    """Makes sandboxes that are plain function calls."""

    def __init__(self, preload: Sequence[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._preload = tuple(preload)
        self._clock = clock

    def sandbox(self, limits: Limits) -> InProcessSandbox:
        """Make a sandbox that keeps its output cap, and its wall clock only after the fact."""
        return InProcessSandbox(self._preload, limits, self._clock)

    def isolation(self) -> Isolation:
        """State that there is none."""
        return Isolation.none()

    def close(self) -> None:
        """Do nothing; there is nothing to end."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class InProcessSandbox:
    """Runs entries in the calling thread; the Protocol `Sandbox` says what its methods promise."""

    def __init__(self, preload: Sequence[str], limits: Limits, clock: Callable[[], float]) -> None:
        self._preload = preload
        self._limits = limits
        self._clock = clock
        self._ended = False

    def call(self, entry: str, header: bytes, fds: Sequence[int], *, wall_s: float | None = None) -> bytes:
        """Run one unit of work here; a late answer is a SandboxTimeout, but nothing stops it early."""
        if self._ended:
            raise SandboxClosed("the sandbox has ended; take a fresh one")
        check_inputs(header, fds, self._limits)
        allowed_s = wall_s or self._limits.wall_s
        started = self._clock()
        with contextlib.ExitStack() as stack:
            inputs = [stack.enter_context(opened(os.dup(descriptor))) for descriptor in fds]
            answer = self._run(entry, header, inputs)
        if self._clock() - started > allowed_s:
            raise SandboxTimeout("wall", allowed_s)
        if len(answer) > self._limits.output_bytes:
            raise SandboxOutputLimit(self._limits.output_bytes)
        return answer

    def kill(self) -> None:
        """Refuse further calls; the one in progress runs to its end."""
        self._ended = True

    def close(self) -> None:
        """Refuse further calls."""
        self._ended = True

    def _run(self, entry: str, header: bytes, inputs: Sequence[BinaryIO]) -> bytes:
        try:
            return bytes(memoryview(resolve(entry, self._preload)(header, inputs)))
        except CollatioError:
            raise
        except MemoryError:
            self._ended = True
            raise SandboxOutOfMemory("the process has no more memory") from None
        except Exception as error:  # noqa: BLE001 - whatever a parser raises becomes one type
            raise SandboxFailed(type_name(error), locations(error)) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
