"""Several byte strings in one: how a sandboxed function returns a result and its parts."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LENGTH = struct.Struct(">Q")


def join(parts: Sequence[bytes]) -> bytes:
    """Join byte strings, each behind its length in 8 bytes, big-endian."""
    return b"".join(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))


def split(data: bytes) -> Iterator[memoryview]:
    """Split what `join` made, without copying. Raises ValueError if lengths and bytes disagree."""
    view = memoryview(data)
    while view:
        if len(view) < _LENGTH.size:
            raise ValueError("a length is cut short")
        (length,) = _LENGTH.unpack(view[: _LENGTH.size])
        if len(view) - _LENGTH.size < length:
            raise ValueError("a part is cut short")
        yield view[_LENGTH.size : _LENGTH.size + length]
        view = view[_LENGTH.size + length :]
