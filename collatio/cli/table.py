"""Rows for people and for programs: aligned columns on a terminal, tab-separated lines elsewhere."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from collatio.cli.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, aligned: bool) -> Iterator[str]:
    """Yield the lines of a table, its head first. Cells are made printable; empty ones show as "-"."""
    cells = [list(head), *([printable(each) or "-" for each in row] for row in rows)]
    if not aligned:
        yield from ("\t".join(row) for row in cells)
        return
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - _width(cell))


def _width(text: str) -> int:
    """Count terminal columns: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )
