"""Look into an OLE compound file just far enough to say what document it is.

The names of its streams tell: Word, Excel, PowerPoint and Outlook each write one that the others do not. The
directory is a chain of sectors through the allocation table ([MS-CFB] sections 2.2, 2.3 and 2.6); it is
followed within bounds, because both table and chain are an attacker's to write.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

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


def ole_media_type(head: bytes, read_at: Callable[[int, int], bytes] | None, suffix: str) -> str:
    """Return the media type of a compound file.

    `suffix` (lower case, with its dot) is asked only when the directory cannot be read, as in a stream of
    which just the first bytes are at hand.
    """
    names = {name.casefold() for name in _stream_names(head, read_at or _window(head))}
    for stream, media_type in _BY_STREAM.items():
        if stream.casefold() in names:
            return media_type
    return OLE if names else _BY_SUFFIX.get(suffix, OLE)


def _window(head: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, size: head[offset : offset + size]


def _stream_names(head: bytes, read_at: Callable[[int, int], bytes]) -> Iterable[str]:
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
            yield data[position : position + max(0, size - 2)].decode("utf-16-le", "replace")
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
