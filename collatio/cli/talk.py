"""What the command says on standard error while it works: plain lines, or bars on a terminal."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TextIO

from collatio.cli.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from collatio.cli.progress import Progress


@dataclass(frozen=True, slots=True)
class Talk:
    """Say things to the person at the other end of `stream`. `bars`: it is a terminal that can move its cursor."""

    stream: TextIO
    bars: bool
    monotonic: Callable[[], float]

    @classmethod
    def to_stderr(cls, monotonic: Callable[[], float], term: str) -> Self:
        """Talk to standard error; a dumb terminal gets plain lines."""
        return cls(sys.stderr, sys.stderr.isatty() and term not in {"", "dumb"}, monotonic)

    def say(self, text: str) -> None:
        """Say one line."""
        self.stream.write(printable(text) + "\n")
        self.stream.flush()

    def progress(self) -> Progress:
        """Make the progress display that suits the stream; use it as a context manager."""
        from collatio.cli.progress import Bars, Lines

        return Bars(self.stream) if self.bars else Lines(self.say, self.monotonic)
