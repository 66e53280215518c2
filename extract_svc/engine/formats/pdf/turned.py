"""Text that is set on its side or upside down: found by its characters' angle, read as if the page were turned.

Each direction of a page is read by itself, in coordinates in which it is upright: pdfium breaks and reverses lines
that are not. Its pieces' places are then those on the page as shown, its lines stay as they were read, so that
what judges by a line's height judges rightly.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium

from extract_svc.engine.formats.pdf.geometry import Rule, Word
from extract_svc.engine.formats.pdf.rulings import Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.formats.pdf.geometry import Frame
    from extract_svc.engine.formats.pdf.layout import Piece

_NEAR_QUARTERS = 0.2
_Edges = tuple[float, float, float, float]


def directions(text_page: Any, starts: Sequence[int], frame: Frame) -> list[int]:
    """Answer, for each line, the quarter turns by which its text leans to the left on the page as shown."""
    leanings = []
    for start in starts:
        quarters = pdfium.FPDFText_GetCharAngle(text_page, start) / (math.pi / 2)
        nearest = round(quarters)
        if abs(quarters - nearest) > _NEAR_QUARTERS:
            leanings.append(0)  # aslant: no quarter turn makes it upright
        else:
            leanings.append((-nearest - frame.turns) % 4)  # pdfium's angles grow with the clock
    return leanings


def turned(edges: _Edges, quarters: int, width: float, height: float) -> _Edges:
    """Turn a rectangle with its page (of this size) by quarters to the right."""
    x0, top, x1, bottom = edges
    if quarters == 1:
        return height - bottom, x0, height - top, x1
    if quarters == 2:
        return width - x1, height - bottom, width - x0, height - top
    if quarters == 3:
        return top, width - x1, bottom, width - x0
    return edges


def upright(
    words: Sequence[Word], quarters: int, frame: Frame, starts: Sequence[int]
) -> tuple[list[Word], list[int]]:
    """Turn words that lean by so many quarters upright, and gather them into lines anew, each from its left."""
    made = [(turned(word[:4], quarters, frame.width, frame.height), word) for word in words]
    made.sort(key=lambda pair: (pair[0][1] + pair[0][3], pair[0][0]))
    rows: list[list[tuple[_Edges, Word]]] = []
    for edges, word in made:
        middle = (edges[1] + edges[3]) / 2
        if rows and rows[-1][0][0][1] < middle < rows[-1][0][0][3]:
            rows[-1].append((edges, word))
        else:
            rows.append([(edges, word)])
    lines = [sorted(row, key=lambda pair: pair[0][0]) for row in rows]
    return (
        [Word(*edges, word.text, n) for n, row in enumerate(lines) for edges, word in row],
        [starts[row[0][1].line] for row in lines],
    )


def turned_rules(drawn: tuple[Rules, Rules], quarters: int, frame: Frame) -> tuple[Rules, Rules]:
    """Turn a page's drawn lines, the hard ones and all of them, with the page."""

    def turn(rules: Rules) -> Rules:
        made = [
            [Rule(*turned(one, quarters, frame.width, frame.height)) for one in lines]
            for lines in (rules.horizontal, rules.vertical)
        ]
        horizontal, vertical = reversed(made) if quarters % 2 else made
        return Rules(
            sorted(horizontal, key=lambda r: (r.top, r.x0)), sorted(vertical, key=lambda r: (r.x0, r.top))
        )

    hard, every = drawn
    hard_turned = turn(hard)
    return hard_turned, hard_turned if every is hard else turn(every)


def set_back(pieces: Sequence[Piece], quarters: int, frame: Frame) -> None:
    """Give pieces that were read on the turned page their places on the page as shown."""
    width, height = (frame.height, frame.width) if quarters % 2 else (frame.width, frame.height)
    for piece in pieces:
        edges = (piece.x0, piece.top, piece.x1, piece.bottom)
        piece.x0, piece.top, piece.x1, piece.bottom = turned(edges, -quarters % 4, width, height)
        for table in piece.table.within() if piece.table is not None else ():
            edges = (table.x0, table.top, table.x1, table.bottom)
            table.x0, table.top, table.x1, table.bottom = turned(edges, -quarters % 4, width, height)
