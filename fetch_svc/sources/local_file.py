"""An open local file: read in one pass, without an event-loop hop a chunk, and checked for change at its end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from collatio.plugins.sources import Stat
from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_BYTES = 1024 * 1024
_SETTLED_NS = 2_000_000_000
"""A file changed less than this ago may change again within the same tick of its file system's clock (two
seconds on FAT), with equal size and time; it gets no validator yet."""


def stat_of(status: os.stat_result, now_ns: int) -> Stat:
    """Return what a file's status promises; the validator is device, inode, size and modification time."""
    settled = now_ns - status.st_mtime_ns > _SETTLED_NS
    validator = f"file:{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}"
    return Stat(size_bytes=status.st_size, validator=validator if settled else None)


class LocalFile:
    """A regular file, opened beneath a root. Use it as a context manager; it closes its descriptor."""

    def __init__(self, descriptor: int, status: os.stat_result, stat: Stat) -> None:
        self._descriptor = descriptor
        self._status = status
        self.stat = stat
        self.size_bytes = status.st_size

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, a MiB at a time, and then make sure that they are all of one state.

        Raises SOURCE_CHANGED when the file changed since it was opened, SOURCE_UNAVAILABLE when reading fails.
        """
        left = self.size_bytes
        try:
            while left > 0:
                data = os.read(self._descriptor, min(left, CHUNK_BYTES))
                if not data:
                    break
                left -= len(data)
                yield data
            now = os.fstat(self._descriptor)
        except OSError:
            raise CollatioError(Reason.SOURCE_UNAVAILABLE, "The file could not be read to its end.") from None
        if left or (now.st_size, now.st_mtime_ns) != (self._status.st_size, self._status.st_mtime_ns):
            raise CollatioError(Reason.SOURCE_CHANGED)

    def read(self) -> bytes:
        """Return all bytes; the errors of `chunks`."""
        return b"".join(self.chunks())

    def read_at(self, offset: int, count: int) -> bytes:
        """Return up to `count` bytes from `offset`; fewer at the end, none where it cannot be read."""
        try:
            return os.pread(self._descriptor, count, offset)
        except (OSError, OverflowError, ValueError):
            return b""

    def close(self) -> None:
        """Close the descriptor; again does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
