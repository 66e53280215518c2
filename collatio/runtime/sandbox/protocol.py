"""The two Protocols through which a stage reaches a sandbox, real or in process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from collatio.runtime.sandbox.isolation import Isolation
    from collatio.runtime.sandbox.limits import Limits


class Sandbox(Protocol):
    """One place for one message's untrusted work, a call at a time; a context manager."""

    def call(self, entry: str, header: bytes, fds: Sequence[int], *, wall_s: float | None = None) -> bytes:
        """Run `entry` ("module:function", of a preloaded module) on the header and open inputs.

        The function is `function(header: bytes, inputs: Sequence[BinaryIO]) -> bytes`. Each descriptor is a
        regular file or pipe opened for reading only, given once; files are read from their start, whatever their
        offset, and the caller keeps and closes its own. `wall_s` replaces the limit's for this call.

        Raises CollatioError as the function raised it, or a class of `errors.py`; ValueError for a
        descriptor or header that is refused before anything runs.
        """
        ...

    def kill(self) -> None:
        """End it at once, from any thread; a call in progress raises SandboxClosed."""
        ...

    def close(self) -> None:
        """End it; safe to repeat. Only the thread that calls may close."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SandboxFactory(Protocol):
    """Makes sandboxes; a context manager that ends all of them."""

    def sandbox(self, limits: Limits) -> Sandbox:
        """Make a fresh sandbox. Raises SandboxUnavailable when none can be had here."""
        ...

    def isolation(self) -> Isolation:
        """Try what holds around a sandbox, in a real one."""
        ...

    def close(self) -> None:
        """End every sandbox; safe to repeat."""
        ...
