"""Images: a page each with its size in points (at the stated resolution of none: a pixel a point), no text."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extract_svc.engine import media_type as types

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_MAX_FRAMES = 1_000
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read an image's size; its text needs an extractor with character recognition."""
    data, kind = document.data, document.media_type
    frames = _tiff(data) if kind == types.TIFF else [_size(data, kind)]
    for width, height in frames:
        draft.page(width, height)


def _size(data: bytes, kind: str) -> tuple[int, int]:
    if kind == types.PNG and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
    elif kind == types.GIF and len(data) >= 10:
        width, height = struct.unpack_from("<HH", data, 6)
    elif kind == types.BMP and len(data) >= 26:
        width, height = struct.unpack_from("<Ii", data, 18)
    elif kind == types.JPEG:
        width, height = _jpeg(data)
    else:
        width = height = 0
    return width, abs(height)


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        if data[at + 1] in _JPEG_SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


def _tiff(data: bytes) -> list[tuple[int, int]]:
    order = "<" if data[:2] == b"II" else ">"
    frames: list[tuple[int, int]] = []
    seen: set[int] = set()
    (at,) = struct.unpack_from(f"{order}I", data, 4)
    while 0 < at < len(data) - 2 and at not in seen and len(frames) < _MAX_FRAMES:
        seen.add(at)
        (count,) = struct.unpack_from(f"{order}H", data, at)
        size = {256: 0, 257: 0}
        for n in range(count):
            here = at + 2 + 12 * n
            if here + 12 > len(data):
                break
            tag, form = struct.unpack_from(f"{order}HH", data, here)
            if tag in size:
                size[tag] = struct.unpack_from(f"{order}{'H' if form == 3 else 'I'}", data, here + 8)[0]
        frames.append((size[256], size[257]))
        after = at + 2 + 12 * count
        at = struct.unpack_from(f"{order}I", data, after)[0] if after + 4 <= len(data) else 0
    return frames or [(0, 0)]
