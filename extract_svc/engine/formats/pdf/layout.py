"""Turns a page's segments and tables into blocks in reading order.

The content's own order is kept: producers write what they mean to be read. Only where it jumps back up the
page again and again (within one column) are the blocks sorted by place, columns first.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from extract_svc.engine.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.formats.pdf.found import Found
    from extract_svc.engine.formats.pdf.geometry import Segment

_BULLET = re.compile(r"(?:[•●▪■◦‣\u2043\uf0b7\uf0a7o\u2013*-]|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)])\s+\S")
_LEADING_HEIGHTS = 0.75
_OPEN_COLUMNS = 4
_TOUCH_PT = 2.0
_PROSE_WORDS = 4


@dataclass(slots=True)
class Piece:
    """A block in the making: lines of text, or a table."""

    lines: list[Segment] = field(default_factory=list)
    table: Found | None = None
    x0: float = 0.0
    top: float = 0.0
    x1: float = 0.0
    bottom: float = 0.0
    kind: BlockKind = BlockKind.PARAGRAPH
    level: int = 0
    recognised: bool = False

    @property
    def text(self) -> str:
        """The lines, those on one height joined by a space."""
        parts: list[str] = []
        last: Segment | None = None
        for line in self.lines:
            if last is not None:
                parts.append(" " if _same_height(last, line) and line.x0 >= last.x0 else "\n")
            parts.append(line.text)
            last = line
        return "".join(parts)

    @property
    def size(self) -> float:
        """The height of a line in points, to tell headings by."""
        return max((line.height for line in self.lines), default=0.0)


def pieces_of(segments: Sequence[Segment], tables: Sequence[Found]) -> list[Piece]:
    """Group segments into pieces and put tables beside what stands next to them."""
    pieces: list[Piece] = []
    for segment in segments:
        last = pieces[-1] if pieces else None
        if last is not None and not _continues(last, segment):
            last = next(
                (piece for piece in pieces[-2 : -_OPEN_COLUMNS - 1 : -1] if _resumes(piece, segment)), None
            )
        if last is not None:
            last.lines.append(segment)
            last.x0, last.top = min(last.x0, segment.x0), min(last.top, segment.top)
            last.x1, last.bottom = max(last.x1, segment.x1), max(last.bottom, segment.bottom)
        else:
            kind = BlockKind.LIST_ITEM if _BULLET.match(segment.text) else BlockKind.PARAGRAPH
            pieces.append(Piece([segment], None, segment.x0, segment.top, segment.x1, segment.bottom, kind))
            pieces[-1].level = int(kind is BlockKind.LIST_ITEM)
    for table in tables:
        pieces.insert(
            _place(pieces, table),
            Piece([], table, table.x0, table.top, table.x1, table.bottom, BlockKind.TABLE),
        )
    return _in_order(pieces)


def _place(pieces: Sequence[Piece], table: Found) -> int:
    """Find where a table belongs: next to the nearest piece above or below it in its column.

    Not before the first piece below it: running feet are often drawn first.
    """
    nearest, place = float("inf"), len(pieces)
    for at, piece in enumerate(pieces):
        if min(piece.x1, table.x1) <= max(piece.x0, table.x0):
            continue
        above, below = table.top - piece.bottom, piece.top - table.bottom
        if -_TOUCH_PT <= above < nearest:
            nearest, place = above, at + 1
        elif -_TOUCH_PT <= below < nearest:
            nearest, place = below, at
    return place


def _same_height(a: Segment, b: Segment) -> bool:
    return min(a.bottom, b.bottom) - max(a.top, b.top) > 0.5 * min(a.height, b.height)


def _continues(piece: Piece, segment: Segment) -> bool:
    """Whether a segment goes on with a piece: on its last line, or as its next line."""
    last = piece.lines[-1] if piece.lines else None
    if last is None or last.bold != segment.bold:
        return False
    height = max(last.height, segment.height, 1.0)
    if abs(last.height - segment.height) > 0.25 * height:
        return False
    if _same_height(last, segment):
        return -0.5 * height < segment.x0 - last.x1 < 2.0 * height
    return not _BULLET.match(segment.text) and _next_line(piece, last, segment, height)


def _resumes(piece: Piece, segment: Segment) -> bool:
    """Whether a segment goes on with the column of a piece further back: prose set row by row over columns."""
    return (
        len(segment.words) >= _PROSE_WORDS
        and len(piece.lines[-1].words if piece.lines else ()) >= _PROSE_WORDS
        and not _same_height(piece.lines[-1], segment)
        and abs(piece.x0 - segment.x0) < segment.height
        and _continues(piece, segment)
    )


def _next_line(piece: Piece, last: Segment, segment: Segment, height: float) -> bool:
    width = piece.x1 - piece.x0
    overlap = min(piece.x1, segment.x1) - max(piece.x0, segment.x0)
    gap = segment.top - last.bottom
    if (
        overlap < 0.3 * min(width, segment.x1 - segment.x0)
        or not -0.4 * height < gap < _LEADING_HEIGHTS * height
    ):
        return False
    if len(piece.lines) == 1:
        return True
    ended = last.text[-1:] in ".!?:" and last.x1 < piece.x1 - 0.2 * width
    indented = segment.x0 - piece.x0 > 0.8 * height
    return not ended and not indented


def _in_order(pieces: list[Piece]) -> list[Piece]:
    back = 0
    for above, below in itertools.pairwise(pieces):
        overlap = min(above.x1, below.x1) - max(above.x0, below.x0)
        narrow = min(above.x1 - above.x0, below.x1 - below.x0)
        if below.bottom <= above.top + 1 and overlap > 0.5 * narrow:
            back += 1
    if back <= max(2, len(pieces) // 6):
        return pieces
    return _cut(pieces, 0)


def _cut(pieces: list[Piece], depth: int) -> list[Piece]:
    """Sort pieces by place: cut at free rows, then at free columns, over and over (XY-cut)."""
    if len(pieces) < 2 or depth > 40:
        return sorted(pieces, key=lambda p: (p.top, p.x0))
    for low, high in (("top", "bottom"), ("x0", "x1")):
        groups: list[list[Piece]] = []
        edge = float("-inf")
        for piece in sorted(pieces, key=lambda p: (getattr(p, low), getattr(p, high))):
            if getattr(piece, low) >= edge - 1 or not groups:
                groups.append([])
            groups[-1].append(piece)
            edge = max(edge, getattr(piece, high))
        if len(groups) > 1:
            return [piece for group in groups for piece in _cut(group, depth + 1)]
    return sorted(pieces, key=lambda p: (p.top, p.x0))
