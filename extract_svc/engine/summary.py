"""Reads the property sets of compound files ([MS-OLEPS]): title, author, times and the rest."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from extract_svc.engine.charset import known
from extract_svc.engine.metadata import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extract_svc.engine.cfb import CompoundFile
    from extract_svc.engine.model import Metadata

_SUMMARY = {
    2: "title", 3: "subject", 4: "author", 5: "keywords", 6: "comments", 7: "template", 8: "lastAuthor",
    9: "revision", 12: "created", 13: "modified", 14: "pages", 15: "words", 18: "application",
}  # fmt: skip
_DOCUMENT = {2: "category", 14: "manager", 15: "company"}
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_MAX_PROPERTIES = 500


def metadata(compound: CompoundFile, page_count: int = 0) -> Metadata:
    """Read the two standard property sets and normalise them."""
    stated = {
        **dict(_set(compound.stream("\x05DocumentSummaryInformation"), _DOCUMENT)),
        **dict(_set(compound.stream("\x05SummaryInformation"), _SUMMARY)),
    }
    return normalise(stated, page_count=page_count)


def _set(data: bytes, wanted: dict[int, str]) -> Iterator[tuple[str, str]]:
    if len(data) < 48:
        return
    (start,) = struct.unpack_from("<I", data, 44)
    if start + 8 > len(data):
        return
    (count,) = struct.unpack_from("<I", data, start + 4)
    entries = []
    for n in range(min(count, _MAX_PROPERTIES)):
        if start + 16 + 8 * n > len(data):
            break
        entries.append(struct.unpack_from("<II", data, start + 8 + 8 * n))
    page = next((_value(data, start + at, "cp1252") for key, at in entries if key == 1), "1252")
    encoding = "utf-8" if page == "65001" else known(f"cp{page}") or "cp1252"
    for key, at in entries:
        if key in wanted:
            value = _value(data, start + at, encoding)
            if value:
                yield wanted[key], value


def _value(data: bytes, at: int, encoding: str) -> str:
    """Read a typed value as text: integers, strings and times; "" for other types."""
    if at + 8 > len(data):
        return ""
    kind, first = struct.unpack_from("<II", data, at)
    value = ""
    if kind in (2, 3, 19):
        value = str(first & 0xFFFF if kind == 2 else first)
    elif kind == 30:
        value = data[at + 8 : at + 8 + first].split(b"\0")[0].decode(encoding, "replace")
    elif kind == 31:
        value = data[at + 8 : at + 8 + 2 * first].decode("utf-16-le", "replace").split("\0")[0]
    elif kind == 64 and at + 12 <= len(data):
        (ticks,) = struct.unpack_from("<Q", data, at + 4)
        if 10**16 < ticks < 3 * 10**18:
            value = (_EPOCH + timedelta(microseconds=ticks // 10)).isoformat()
    return value
