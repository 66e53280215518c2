"""The exit statuses of the command. The README's table repeats them."""

from __future__ import annotations

import signal
from enum import IntEnum

DEFAULT_GATEWAY = "127.0.0.1:50050"


class ExitStatus(IntEnum):
    """What the command's exit says to a script."""

    OK = 0
    SOME_FAILED = 1  # the job succeeded, some of its documents or comparisons did not
    USAGE = 2
    JOB_FAILED = 3  # FAILED, CANCELLED by another, or EXPIRED
    NO_GATEWAY = 4  # unreachable, or it refused; also: an embedded mesh that did not come up
    SOME_DIFFER = 5  # asked for by --fail-on different: everything was read, and something differs
    FAULT = 70  # a fault of ours, or a result that could not be written (EX_SOFTWARE)
    INTERRUPTED = 130
    CLOSED_OUTPUT = 141  # whoever read our output went away, as SIGPIPE would have ended us


class DiffStatus(IntEnum):
    """What `collatio diff` says, in the numbers of diff(1)."""

    SAME = 0
    DIFFERENT = 1
    TROUBLE = 2  # a document could not be read, or has no text to compare


class StoppedBySignal(Exception):  # noqa: N818 - not an error: somebody wished it
    """The command was asked to stop, and has tidied up."""

    def __init__(self, signum: int = signal.SIGINT) -> None:
        self.signum = signum
        super().__init__(f"stopped by {signal.Signals(signum).name}")

    @property
    def status(self) -> int:
        """The exit status that a shell gives a program ended by this signal."""
        return 128 + self.signum


class OutputClosed(Exception):  # noqa: N818 - not an error: the reader had enough
    """Nobody reads standard output any more."""


class JobFailed(Exception):  # noqa: N818 - it is the job that failed
    """A job ended without what was asked, or could not be made of what was given."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        self.message = message
        super().__init__(f"{reason}: {message}")
