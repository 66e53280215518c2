"""Reads compound files ([MS-CFB]): the container of DOC, XLS, PPT, MSG and of encrypted OOXML.

Every chain is followed at most as many steps as the file has sectors, so a loop ends. Names of streams are
paths joined by "/", compared without case.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_END = 0xFFFFFFFA  # sector numbers from here on are marks, [MS-CFB] 2.1
_MAX_ENTRIES = 100_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream or a storage (`size` -1) and where it begins."""

    path: str
    start: int
    size: int


class CompoundFile:
    """A compound file in memory. Errors: CollatioError DOCUMENT_CORRUPT."""

    def __init__(self, data: bytes) -> None:
        if len(data) < 512 or not data.startswith(MAGIC):
            raise _corrupt()
        self._data = data
        shift, mini_shift = struct.unpack_from("<HH", data, 30)
        if shift not in (9, 12) or mini_shift > shift:
            raise _corrupt()
        self._sector, self._mini_sector = 1 << shift, 1 << mini_shift
        directory, self._cutoff, mini_fat = struct.unpack_from("<I4xII", data, 48)
        self._fat = self._load_fat()
        self._mini_fat = _words(self._chain(mini_fat))
        raw = self._chain(directory)
        self._mini = b""
        self._opened: dict[str, bytes] = {}
        self.entries: dict[str, Entry] = {}
        self._walk(raw)

    def __contains__(self, path: str) -> bool:
        return path.lower() in self.entries

    def stream(self, path: str) -> bytes:
        """Read a stream; an absent one is empty."""
        if path.lower() in self._opened:
            return self._opened[path.lower()]
        entry = self.entries.get(path.lower())
        if entry is None or entry.size < 0:
            return b""
        if entry.size >= self._cutoff:
            return self._chain(entry.start, entry.size)
        return self._mini_chain(entry.start, entry.size)

    def replace(self, path: str, data: bytes) -> None:
        """Let a stream be read as something else from now on: what it says once its lock is open."""
        self._opened[path.lower()] = data

    def children(self, storage: str) -> list[str]:
        """Name the entries straight under a storage ("" is the root), in the file's order."""
        prefix = storage.lower() + "/" if storage else ""
        return [
            entry.path
            for key, entry in self.entries.items()
            if key.startswith(prefix) and "/" not in key[len(prefix) :]
        ]

    def is_storage(self, path: str) -> bool:
        """Whether a path is a storage."""
        entry = self.entries.get(path.lower())
        return entry is not None and entry.size < 0

    def _load_fat(self) -> Sequence[int]:
        data, size = self._data, self._sector
        count, next_difat = struct.unpack_from("<I20xI", data, 44)
        sectors = list(struct.unpack_from("<109I", data, 76))
        steps = len(data) // size
        while next_difat < _END and steps > 0:
            words = _words(data[(next_difat + 1) * size : (next_difat + 2) * size])
            if not words:
                break
            sectors += words[:-1]
            next_difat, steps = words[-1], steps - 1
        fat = bytearray()
        for sector in sectors[: max(count, 109)]:
            if sector < _END:
                fat += data[(sector + 1) * size : (sector + 2) * size]
        return _words(bytes(fat))

    def _chain(self, start: int, size: int = -1) -> bytes:
        data, fat, sector, width = self._data, self._fat, start, self._sector
        parts, total = [], 0
        for _ in range(len(data) // width + 1):
            if sector >= _END or (0 <= size <= total):
                break
            parts.append(data[(sector + 1) * width : (sector + 2) * width])
            total += width
            sector = fat[sector] if sector < len(fat) else _END
        joined = b"".join(parts)
        return joined[:size] if size >= 0 else joined

    def _mini_chain(self, start: int, size: int) -> bytes:
        width, sector, parts = self._mini_sector, start, []
        for _ in range(min(size // width + 1, len(self._mini) // width + 1)):
            if sector >= _END:
                break
            parts.append(self._mini[sector * width : (sector + 1) * width])
            sector = self._mini_fat[sector] if sector < len(self._mini_fat) else _END
        return b"".join(parts)[:size]

    def _walk(self, raw: bytes) -> None:
        count = min(len(raw) // 128, _MAX_ENTRIES)
        if not count:
            raise _corrupt()
        rows = [struct.unpack_from("<64sHBBIII36xIQ", raw, 128 * n) for n in range(count)]
        root = rows[0]
        self._mini = self._chain(root[7], root[8] & 0x7FFFFFFF)
        seen: set[int] = set()
        stack = [(root[6], "")]
        while stack:
            at, prefix = stack.pop()
            if at >= count or at in seen:
                continue
            seen.add(at)
            name, length, kind, _, left, right, child, start, size = rows[at]
            path = prefix + name[: max(length - 2, 0)].decode("utf-16-le", "replace")
            stack += [(right, prefix), (left, prefix)]
            if kind == 2:
                self.entries.setdefault(path.lower(), Entry(path, start, size & 0x7FFFFFFF))
            elif kind in (1, 5):
                self.entries.setdefault(path.lower(), Entry(path, start, -1))
                stack.append((child, path + "/"))


def _words(data: bytes) -> Sequence[int]:
    words = array("I")
    words.frombytes(data[: len(data) // 4 * 4])
    return words


def _corrupt() -> CollatioError:
    return CollatioError(Reason.DOCUMENT_CORRUPT, "The compound file's header or directory is broken.")
