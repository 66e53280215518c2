"""What a pool child has to tell its parent: a short JSON text in memory they share.

The parent announces the pool, but only a child can try what confines its sandboxes.
"""

from __future__ import annotations

import json
import mmap
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LENGTH = struct.Struct("I")
BYTES_MAX = 4096


class Notice:
    """Made before the fork. The first child to write is heard; its fellows would say the same."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _LENGTH.size + BYTES_MAX)

    def write(self, facts: Mapping[str, Any]) -> None:
        """Tell facts, at most 4 KiB as JSON. The length goes in last, so that no reader sees half a text."""
        data = json.dumps(facts).encode()
        if len(data) > BYTES_MAX:
            raise ValueError(f"a notice has at most {BYTES_MAX} bytes")
        if not self.written():
            self._memory[_LENGTH.size : _LENGTH.size + len(data)] = data
            _LENGTH.pack_into(self._memory, 0, len(data))

    def written(self) -> bool:
        """Tell whether a child has spoken."""
        return bool(_LENGTH.unpack_from(self._memory, 0)[0])

    def read(self) -> dict[str, Any]:
        """Return what was told; nothing yet is an empty mapping."""
        (length,) = _LENGTH.unpack_from(self._memory, 0)
        return dict(json.loads(self._memory[_LENGTH.size : _LENGTH.size + length])) if length else {}
