"""Look into a zip archive just far enough to say what document it is.

The central directory at the end is the truth; when it cannot be read, the local headers at the start are
asked. Both are read within bounds. ODF and EPUB store their `mimetype` first and uncompressed (ODF 1.3 part 2,
section 3.3; EPUB OCF 3.3, section 4.3), and OOXML is told by its folders; only where neither says anything is
the beginning of a packed `mimetype` or `[Content_Types].xml` inflated, to a bound.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


ZIP = "application/zip"
_OOXML = "application/vnd.openxmlformats-officedocument."
DOCX = _OOXML + "wordprocessingml.document"
XLSX = _OOXML + "spreadsheetml.sheet"
PPTX = _OOXML + "presentationml.presentation"
_ODF = "application/vnd.oasis.opendocument."
ODT = _ODF + "text"
XLSB = "application/vnd.ms-excel.sheet.binary.macroenabled.12"
PAGES, NUMBERS, KEYNOTE = (f"application/vnd.apple.{app}" for app in ("pages", "numbers", "keynote"))

_END_MAX = 65_535 + 22
_DIRECTORY_MAX = 256 * 1024
_MEMBERS_MAX = 4096
_ODF_BY_SUFFIX = {".ods": _ODF + "spreadsheet", ".odp": _ODF + "presentation"}
_IWORK_MARKS = frozenset(("Index.zip", "Index/Document.iwa", "index.xml", "index.xml.gz"))
_IWORK_BY_SUFFIX = {".pages": PAGES, ".numbers": NUMBERS, ".key": KEYNOTE}
_STATEMENT_MAX = 64 * 1024
_STATED = ((b"wordprocessingml.", DOCX), (b"spreadsheetml.", XLSX), (b"presentationml.", PPTX))
_STORED_TYPES = ("application/vnd.oasis.opendocument.", "application/epub+zip", "application/vnd.sun.xml.")


class _Place(NamedTuple):
    """How a member is packed and where its local header lies."""

    method: int
    packed_bytes: int
    offset: int


def zip_media_type(head: bytes, size: int, read_at: Callable[[int, int], bytes] | None, suffix: str) -> str:
    """Return the media type of a zip archive; `application/zip` for one that is no document.

    `suffix` (lower case, with its dot) decides only between the kinds of an iWork package.
    """
    stored = _stored_type(head)
    if stored:
        return stored
    places = dict(_central_directory(size, read_at)) if read_at is not None else {}
    found = _by_names(list(places) or list(_local_names(head)), suffix)
    if found == ZIP and read_at is not None:
        return _by_statement(places, read_at)
    return found


def _by_statement(places: dict[str, _Place], read_at: Callable[[int, int], bytes]) -> str:
    """Ask what the package says of itself, where its names do not tell: a packed `mimetype`, content types."""
    for name, place in places.items():
        if name == "mimetype":
            stated = _beginning(place, read_at).decode("ascii", "replace").strip()
            if stated.startswith(_STORED_TYPES):
                return stated
        elif name.lower() == "[content_types].xml":
            content = _beginning(place, read_at)
            for mark, media_type in _STATED:
                if mark in content:
                    return media_type
    return ZIP


def _beginning(place: _Place, read_at: Callable[[int, int], bytes]) -> bytes:
    """Inflate at most the first 64 KiB of a member; nothing where that fails."""
    header = read_at(place.offset, 30)
    if len(header) < 30:
        return b""
    name_size, extra_size = struct.unpack_from("<HH", header, 26)
    packed = read_at(place.offset + 30 + name_size + extra_size, min(place.packed_bytes, _STATEMENT_MAX))
    if place.method == 0:
        return packed
    try:
        return zlib.decompressobj(-15).decompress(packed, _STATEMENT_MAX)
    except zlib.error:
        return b""


def _by_names(names: list[str], suffix: str) -> str:
    for folder, media_type in (("word/", DOCX), ("xl/", XLSX), ("ppt/", PPTX)):
        if any(name.startswith(folder) for name in names):
            return XLSB if "xl/workbook.bin" in names else media_type
    if any(n in {"META-INF/container.xml", "OEBPS/content.opf"} for n in names):
        return "application/epub+zip"
    if "content.xml" in names and ("META-INF/manifest.xml" in names or "styles.xml" in names):
        return _ODF_BY_SUFFIX.get(suffix, ODT)
    if any(name.startswith(("index.apxl", "Index/Slide")) for name in names):
        return KEYNOTE
    return _IWORK_BY_SUFFIX.get(suffix, ZIP) if _IWORK_MARKS.intersection(names) else ZIP


def _stored_type(head: bytes) -> str:
    """Return the content of a first, stored member named `mimetype`, if it is a document's."""
    if len(head) < 38 or head[30:38] != b"mimetype" or head[8:10] != b"\x00\x00":
        return ""
    size, name_size, extra_size = struct.unpack_from("<IHH", head, 22)
    start = 38 + extra_size
    if name_size != 8 or not 0 < size <= 128:
        size = 128
    text = head[start : start + size].split(b"PK", 1)[0].decode("ascii", "replace").strip()
    return text if text.startswith(_STORED_TYPES) else ""


def _central_directory(size: int, read_at: Callable[[int, int], bytes]) -> Iterable[tuple[str, _Place]]:
    tail_start = max(0, size - _END_MAX)
    tail = read_at(tail_start, size - tail_start)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        return
    directory_size, stated_start = struct.unpack_from("<II", tail, end + 12)
    # The directory ends where the end record begins, also when bytes were put in front of the archive.
    start = max(0, tail_start + end - directory_size)
    shift = max(0, start - stated_start)
    directory = read_at(start, min(directory_size, _DIRECTORY_MAX))
    position = 0
    for _ in range(_MEMBERS_MAX):
        if directory[position : position + 4] != b"PK\x01\x02" or len(directory) < position + 46:
            return
        name_size, extra_size, comment_size = struct.unpack_from("<HHH", directory, position + 28)
        (method,) = struct.unpack_from("<H", directory, position + 10)
        (packed,) = struct.unpack_from("<I", directory, position + 20)
        (offset,) = struct.unpack_from("<I", directory, position + 42)
        name = _member_name(directory[position + 46 : position + 46 + name_size])
        yield name, _Place(method, packed, offset + shift)
        position += 46 + name_size + extra_size + comment_size


def _local_names(head: bytes) -> Iterable[str]:
    position = head.find(b"PK\x03\x04")
    while 0 <= position <= len(head) - 30:
        (name_size,) = struct.unpack_from("<H", head, position + 26)
        yield _member_name(head[position + 30 : position + 30 + name_size])
        position = head.find(b"PK\x03\x04", position + 30 + name_size)


def _member_name(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\\", "/")
