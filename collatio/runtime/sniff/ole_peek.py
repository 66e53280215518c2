"""Look into an OLE compound file just far enough to say what document it is.

The names of its streams tell: Word, Excel, PowerPoint and Outlook each write one that the others do not. The
directory is a chain of sectors through the allocation table ([MS-CFB] sections 2.2, 2.3 and 2.6); it is
followed within bounds, because both table and chain are an attacker's to write.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

OLE = "application/x-ole-storage"
DOC = "application/msword"
XLS = "application/vnd.ms-excel"
PPT = "application/vnd.ms-powerpoint"
MSG = "application/vnd.ms-outlook"
OOXML_LOCKED = "application/x-ooxml-encrypted"

_BY_STREAM = {
    "EncryptedPackage": OOXML_LOCKED,
    "PowerPoint Document": PPT,
    "PP97_DUALSTORAGE": PPT,
    "__properties_version1.0": MSG,
    "__nameid_version1.0": MSG,
    "WordDocument": DOC,
    "Workbook": XLS,
    "Book": XLS,
}
_BY_SUFFIX = {".doc": DOC, ".dot": DOC, ".xls": XLS, ".xlt": XLS, ".ppt": PPT, ".pps": PPT, ".msg": MSG}
_DIRECTORY_SECTORS_MAX = 256
_HEADER_BYTES = 512
_WINDOW_BYTES = 1 << 20


class _Entry(NamedTuple):
    """A directory entry: its name without case, its siblings, and the root of its children."""

    name: str
    left: int
    right: int
    child: int


def ole_media_type(head: bytes, read_at: Callable[[int, int], bytes] | None, suffix: str) -> str:
    """Return the media type of a compound file.

    `suffix` (lower case, with its dot) is asked only when the directory cannot be read, as in a stream of
    which just the first bytes are at hand.
    """
    entries = list(_entries(head, read_at or _window(head)))
    for names in (_in_root(entries), {entry.name for entry in entries}):
        for stream, media_type in _BY_STREAM.items():
            if stream.casefold() in names:
                return media_type
    if entries:
        return OLE
    # A directory that cannot be followed still stands somewhere, in UTF-16.
    window = (read_at(0, _WINDOW_BYTES) if read_at else head).lower()
    for stream, media_type in _BY_STREAM.items():
        if (stream.lower() + "\0").encode("utf-16-le") in window:
            return media_type
    return _BY_SUFFIX.get(suffix, OLE)


def _in_root(entries: list[_Entry]) -> set[str]:
    """Answer the names that stand in the root storage: a document may hold others in storages of their own."""
    found: set[str] = set()
    seen: set[int] = set()
    rest = [entries[0].child] if entries else []
    while rest:
        at = rest.pop()
        if at < len(entries) and at not in seen:
            seen.add(at)
            found.add(entries[at].name)
            rest += (entries[at].left, entries[at].right)
    return found


def _window(head: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, size: head[offset : offset + size]


def _entries(head: bytes, read_at: Callable[[int, int], bytes]) -> Iterable[_Entry]:
    if len(head) < _HEADER_BYTES:
        return
    shift, first = struct.unpack_from("<H", head, 30)[0], struct.unpack_from("<I", head, 48)[0]
    if shift not in {9, 12}:
        return
    sector_bytes = 1 << shift
    tables = struct.unpack_from("<109I", head, 76)
    sector = first
    for _ in range(_DIRECTORY_SECTORS_MAX):
        data = read_at((sector + 1) * sector_bytes, sector_bytes)
        if len(data) < 128:
            return
        for position in range(0, len(data) - 127, 128):
            size = min(struct.unpack_from("<H", data, position + 64)[0], 64)
            name = data[position : position + max(0, size - 2)].decode("utf-16-le", "replace")
            yield _Entry(name.casefold(), *struct.unpack_from("<3I", data, position + 68))
        sector = _next_sector(sector, sector_bytes, tables, read_at)
        if sector >= 0xFFFFFFFA:
            return


def _next_sector(
    sector: int, sector_bytes: int, tables: tuple[int, ...], read_at: Callable[[int, int], bytes]
) -> int:
    table, index = divmod(sector, sector_bytes // 4)
    if table >= len(tables) or tables[table] >= 0xFFFFFFFA:
        return 0xFFFFFFFE
    raw = read_at((tables[table] + 1) * sector_bytes + 4 * index, 4)
    return int.from_bytes(raw, "little") if len(raw) == 4 else 0xFFFFFFFE
