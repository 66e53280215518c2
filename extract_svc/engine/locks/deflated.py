"""What was deflated before it was locked, inflated within a budget."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 256 * 1024


def inflate(data: bytes, spend: Callable[[int], None]) -> bytes:
    """Inflate raw deflate, telling `spend` the bytes as they come. Errors: those of `spend`, zlib.error."""
    inflater, parts = zlib.decompressobj(-15), []
    while chunk := inflater.decompress(data, _CHUNK):
        spend(len(chunk))
        parts.append(chunk)
        data = inflater.unconsumed_tail
    return b"".join(parts)
