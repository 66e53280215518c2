"""Pages that are pictures: drawn by pdfium and read by character recognition, where it is installed."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium

from extract_svc.engine import ocr
from extract_svc.engine.formats.pdf.geometry import Segment, Word
from extract_svc.engine.formats.pdf.layout import Piece, pieces_of

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.formats.pdf.geometry import Frame
    from extract_svc.engine.ocr import Found, Wish

_PIXELS_A_POINT = 200 / 72
_WHITE = 0xFFFFFFFF


@dataclass(slots=True)
class Scans:
    """Reads the pages of one document, as many as were asked for."""

    wish: Wish
    read: int = 0

    def pieces(self, page: Any, frame: Frame, number: int, draft: Draft) -> list[Piece]:
        """Read a page's picture; none where recognition is not installed, not wished for, or spent."""
        if not (self.wish.enabled and ocr.available()):
            return []
        if self.read >= self.wish.pages_max:
            draft.warn(
                "OCR_LIMIT", f"Only the first {self.wish.pages_max} pages without text were recognised."
            )
            return []
        self.read += 1
        scale = min(_PIXELS_A_POINT, ocr.LONG_SIDE_MAX / max(frame.width, frame.height, 1.0))
        found = ocr.read_lines(_drawn(page, frame, scale))
        return judged_pieces(found, scale, number, draft)


def judged_pieces(found: Found, scale: float, number: int, draft: Draft) -> list[Piece]:
    """Make pieces of the lines of a picture, at so many pixels a point, and say on the page how sure they are."""
    lines = found.lines
    if not lines:
        return []
    if found.turns % 2:
        draft.turn_page()
    draft.warn("OCR_USED", "The page's text was read by character recognition.", number)
    size = sum(len(line.text) for line in lines)
    draft.judge(sum(line.score * len(line.text) for line in lines) / size, weight=len(lines))
    words = [
        Word(one.x0 / scale, one.top / scale, one.x1 / scale, one.bottom / scale, one.text, n)
        for n, one in enumerate(lines)
    ]
    pieces = pieces_of([Segment([word]) for word in words], [])
    for piece in pieces:
        piece.recognised = True
    return pieces


def _drawn(page: Any, frame: Frame, scale: float) -> Any:
    """Draw a page on white: an array of rows of BGR."""
    import numpy  # noqa: ICN001, PLC0415 - for scans alone

    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    pixels = numpy.empty((height, width, 3), dtype=numpy.uint8)
    bitmap = pdfium.FPDFBitmap_CreateEx(
        width, height, pdfium.FPDFBitmap_BGR, pixels.ctypes.data_as(ctypes.c_void_p), width * 3
    )
    try:
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, width, height, _WHITE)
        pdfium.FPDF_RenderPageBitmap(bitmap, page, 0, 0, width, height, 0, pdfium.FPDF_ANNOT)
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    return pixels
