"""Tells, over all pages, what a piece of a PDF is: a running head or foot, a heading, plain text."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from extract_svc.engine.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.formats.pdf.layout import Piece

_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"(?:page|seite|p\.)?\s*[-\u2013\u2014|]?\s*(?:\d{1,4}|[ivxlc]{1,6})(?:\s*(?:of|/|von)\s*\d{1,4})?\s*[-\u2013\u2014|]?$",
    re.IGNORECASE,
)
_MARGIN_SHARE = 0.12
_HEADING_LINES = 3
_HEADING_CHARACTERS = 200


def classify(pages: Sequence[tuple[float, list[Piece]]]) -> None:
    """Set kind and level of the pieces; each page comes with its height."""
    _furniture(pages)
    _headings([piece for _, pieces in pages for piece in pieces])


def _furniture(pages: Sequence[tuple[float, list[Piece]]]) -> None:
    seen: Counter[str] = Counter()
    at_rim: list[tuple[Piece, BlockKind, str]] = []
    for height, pieces in pages:
        keys: set[str] = set()
        for piece in pieces:
            kind = _rim(piece, height)
            if kind is None:
                continue
            key = f"{kind}:{_DIGITS.sub('#', piece.text)}"
            at_rim.append((piece, kind, key))
            keys.add(key)
        seen.update(keys)
    for piece, kind, key in at_rim:
        often = seen[key] >= 2 and seen[key] >= 0.3 * len(pages)
        if often or _PAGE_NUMBER.fullmatch(piece.text.strip()):
            piece.kind, piece.level = kind, 0


def _rim(piece: Piece, height: float) -> BlockKind | None:
    if piece.table is not None or len(piece.lines) > _HEADING_LINES:
        return None
    if piece.bottom <= _MARGIN_SHARE * height:
        return BlockKind.HEADER
    return BlockKind.FOOTER if piece.top >= (1 - _MARGIN_SHARE) * height else None


def _headings(pieces: Sequence[Piece]) -> None:
    sizes: Counter[float] = Counter()
    bold = total = 0
    for piece in pieces:
        for line in piece.lines:
            sizes[round(line.height * 2) / 2] += len(line.text)
            bold += len(line.text) * line.bold
            total += len(line.text)
    if not sizes:
        return
    body = sizes.most_common(1)[0][0]
    mostly_bold = bold > 0.5 * total
    candidates = [
        piece
        for piece in pieces
        if piece.kind is BlockKind.PARAGRAPH
        and piece.lines
        and len(piece.lines) <= _HEADING_LINES
        and len(piece.text) <= _HEADING_CHARACTERS
        and any(char.isalpha() for char in piece.text)
    ]
    large = sorted({round(p.size) for p in candidates if p.size > 1.15 * body}, reverse=True)
    for piece in candidates:
        if piece.size > 1.15 * body:
            piece.kind, piece.level = BlockKind.HEADING, min(large.index(round(piece.size)) + 1, 6)
        elif (
            not mostly_bold
            and piece.lines[0].bold
            and len(piece.lines) == 1
            and piece.text[-1:] not in ".:;,"
        ):
            piece.kind, piece.level = BlockKind.HEADING, min(len(large) + 1, 6)
