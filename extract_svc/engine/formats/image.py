"""Images: a page each, a pixel a point, and the text on them where character recognition is installed."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import media_type as types
from extract_svc.engine import ocr
from extract_svc.engine.formats.pdf.geometry import box_of
from extract_svc.engine.formats.pdf.scans import judged_pieces
from extract_svc.engine.model import Mark

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_MAX_FRAMES = 1_000
_PIXELS_MAX = 100_000_000
_UNPACKED = ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP")
_JPEG_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read an image's size and, where character recognition is installed and wished for, its text.

    Errors: CollatioError DECOMPRESSION_LIMIT for more pixels than may be unpacked.
    """
    data, kind = document.data, document.media_type
    wish = ocr.wish_of(options.plugin_options)
    frames = _tiff(data) if kind == types.TIFF else [_size(data, kind)]
    recognising = wish.enabled and ocr.available()
    for at, (width, height) in enumerate(frames):
        number = draft.page(width, height)
        if recognising and at < wish.pages_max:
            _recognise(data, at, number, draft)
    if recognising and len(frames) > wish.pages_max:
        draft.warn("OCR_LIMIT", f"Only the first {wish.pages_max} pictures were recognised.")


def _recognise(data: bytes, frame: int, number: int, draft: Draft) -> None:
    pixels, scale = _pixels(data, frame)
    if pixels is None:
        draft.warn("PAGE_UNREADABLE", "The picture cannot be unpacked.", number)
        return
    for piece in judged_pieces(ocr.read_lines(pixels), scale, number, draft):
        box = box_of(piece.x0, piece.top, piece.x1, piece.bottom)
        draft.block(piece.text, piece.kind, level=piece.level, page=number, box=box, marks=(Mark.OCR,))


def _pixels(data: bytes, frame: int) -> tuple[Any, float]:
    """Unpack a frame into rows of BGR, and answer how many of these are a pixel of the picture; None if broken."""
    import numpy  # noqa: ICN001, PLC0415 - for recognition alone
    from PIL import Image, ImageOps  # noqa: PLC0415 - it comes with the extra

    try:
        with Image.open(io.BytesIO(data), formats=_UNPACKED) as picture:
            if picture.width * picture.height > _PIXELS_MAX:
                raise CollatioError(Reason.DECOMPRESSION_LIMIT, "The picture has too many pixels.")
            picture.seek(frame)
            shrink = max(picture.width, picture.height) / ocr.LONG_SIDE_MAX
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return None, 1.0
    sheet = Image.new("RGB", upright.size, "white")
    sheet.paste(upright, mask=upright.getchannel("A"))
    if shrink > 1:
        sheet = sheet.resize((round(sheet.width / shrink), round(sheet.height / shrink)))
    return numpy.ascontiguousarray(numpy.asarray(sheet)[:, :, ::-1]), min(1.0, 1 / shrink)


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
