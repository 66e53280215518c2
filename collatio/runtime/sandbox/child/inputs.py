"""Received descriptors as files a function can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import BinaryIO


def opened(descriptor: int) -> BinaryIO:
    """Make a buffered file of a descriptor, which it owns from now on.

    The offset is shared with whoever sent the descriptor, and an earlier attempt may have moved it: a file
    that can seek is read from its start.
    """
    file = open(descriptor, "rb")  # noqa: SIM115 - the caller closes it; it has no path
    if file.seekable():
        file.seek(0)
    return file
