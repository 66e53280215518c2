"""Run a message's steps in one sandbox, a step at a time, and turn its deaths into outcomes.

Extract and compare share this: a stage says which reasons its timeouts and crashes have.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.queue.outcome import Crashed, Failed, GivenBack
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

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from collatio.runtime.queue.outcome import Outcome
    from collatio.runtime.sandbox.limits import Limits
    from collatio.runtime.sandbox.protocol import Sandbox, SandboxFactory

logger = logging.getLogger(__name__)
RETRY_AFTER_S = 0.5


@dataclass(frozen=True, slots=True)
class Blame:
    """A stage's words for what can befall a step in the sandbox."""

    timeout: Reason
    crashed: Reason


class MessageSandbox:
    """The sandbox of one message; a fresh one takes over when it is spent. A context manager."""

    def __init__(self, factory: SandboxFactory, limits: Limits) -> None:
        self._factory, self._limits = factory, limits
        self._sandbox: Sandbox | None = None

    def call(self, entry: str, header: bytes, fds: Sequence[int], wall_s: float | None = None) -> bytes:
        """Run one step. Raises what the sandbox raises; after a death the next call gets a fresh one."""
        if self._sandbox is None:
            self._sandbox = self._factory.sandbox(self._limits)
        try:
            return self._sandbox.call(entry, header, fds, wall_s=wall_s)
        except (SandboxFailed, CollatioError):
            raise
        except SandboxError:
            self.close()
            raise

    def stop(self) -> None:
        """End the step in hand, from any thread."""
        sandbox = self._sandbox
        if sandbox is not None:
            sandbox.kill()

    def close(self) -> None:
        """End the sandbox."""
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            with suppress(SandboxClosed):
                sandbox.close()

    def __enter__(self) -> Self:
        """Begin a message."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()


def outcome_of(  # noqa: PLR0911 - one return for each way a call can end
    error: SandboxError | CollatioError, blame: Blame
) -> Outcome:
    """Turn the end of a call into a step's outcome: who is charged follows from what happened."""
    match error:
        case CollatioError():
            return Failed(error)
        case SandboxClosed():
            return GivenBack()
        case SandboxTimeout():
            return Failed(CollatioError(blame.timeout, f"It took more than {error.limit_s:g} s."))
        case SandboxDied():
            return Crashed(blame.crashed, f"The sandbox was lost on it: {error}.")
        case SandboxOutOfMemory():
            return Failed(CollatioError(Reason.MEMORY_LIMIT))
        case SandboxOutputLimit():
            return Failed(CollatioError(Reason.OUTPUT_LIMIT))
        case SandboxLost() | SandboxUnavailable():
            logger.warning("no sandbox: %s", error)
            return Failed(CollatioError(Reason.SANDBOX_UNAVAILABLE, retry_after_s=RETRY_AFTER_S))
        case _:
            return Failed(
                CollatioError(Reason.ENGINE_FAILED, f"The engine met something unexpected: {error}.")
            )
