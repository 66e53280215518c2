"""What can go wrong with a sandbox, each class telling whom to charge.

The document in hand is charged for `SandboxTimeout`, `SandboxDied`, `SandboxOutOfMemory`,
`SandboxOutputLimit` and `SandboxFailed`. Nobody's document is charged for `SandboxLost`,
`SandboxUnavailable` (infrastructure: try again) and `SandboxClosed` (we ended it ourselves).
A stage maps them to its own reasons; a `CollatioError` raised inside passes through as itself.
"""

# ruff: noqa: N818 - each name says what happened; "Error" on all of them would say nothing more
from __future__ import annotations

import signal as signals
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence


class SandboxError(Exception):
    """Any end of a call that is not an answer. No message holds text that came out of the sandbox."""


class SandboxTimeout(SandboxError):
    """The call outran its wall clock or its CPU allowance; the sandbox is dead.

    `clock` says which of the two; `limit_s` is the limit in seconds.
    """

    def __init__(self, clock: Literal["wall", "cpu"], limit_s: float) -> None:
        self.clock = clock
        self.limit_s = limit_s
        super().__init__(f"more than {limit_s:g} s of {clock} time")


class SandboxDied(SandboxError):
    """The sandbox ended by itself; exactly one of `signal` and `exitcode` is set.

    `protocol` is set instead when it still lived but answered what no honest sandbox answers; it was killed.
    """

    def __init__(
        self, *, signal: int | None = None, exitcode: int | None = None, protocol: bool = False
    ) -> None:
        self.signal = signal
        self.exitcode = exitcode
        self.protocol = protocol
        super().__init__(_how(signal, exitcode))


class SandboxOutOfMemory(SandboxError):
    """The call wanted more memory than its limit; the sandbox is spent, take a fresh one."""


class SandboxOutputLimit(SandboxError):
    """The answer is larger than `limit_bytes`. Unless it lied about the size, the sandbox can go on."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        super().__init__(f"the answer is larger than {limit_bytes} bytes")


class SandboxFailed(SandboxError):
    """The function raised something that is no `CollatioError`; the sandbox can go on.

    `kind` is the exception's type name; `locations` are `module:line function`, outermost first. The
    exception's text is left behind on purpose: it may quote the document.
    """

    def __init__(self, kind: str, locations: Sequence[str] = ()) -> None:
        self.kind = kind
        self.locations = tuple(locations)
        where = f" at {self.locations[-1]}" if self.locations else ""
        super().__init__(f"{kind}{where}")


class SandboxLost(SandboxError):
    """The sandbox went with its zygote, or never came to life: not the document's fault, try again."""


class SandboxUnavailable(SandboxError):
    """No zygote can be started here; the message says which step failed."""


class SandboxClosed(SandboxError):
    """The sandbox was closed, killed by its owner, or spent by an earlier failure: take a fresh one."""


def _how(signal: int | None, exitcode: int | None) -> str:
    if signal is not None:
        names = {number.value: number.name for number in signals.Signals}
        return f"killed by {names.get(signal, f'signal {signal}')}"
    if exitcode is not None:
        return f"ended with exit code {exitcode} without an answer"
    return "broke the protocol and was killed"
