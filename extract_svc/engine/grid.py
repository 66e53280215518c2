"""Lays cells with spans out on a grid, so that every row of a table has every column."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from extract_svc.engine.media_type import PDF
from extract_svc.engine.model import TableCell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.model import Extraction, Table

_MAX_SPAN = 1_000
_MAX_CELLS = 2_000_000
_EMPTY = TableCell()


def lay_out(rows: Sequence[Sequence[TableCell]]) -> list[list[TableCell]]:
    """Place cells from the left into what earlier spans leave free; covered places become empty cells.

    Spans that reach below the last row are cut there, as a browser does. A row that holds nothing but the
    beginnings of taller cells has no height of its own: its cells begin in the row below it.
    """
    rows = _merge_flat_rows(rows)
    if not any(cell.row_span > 1 or cell.column_span > 1 for row in rows for cell in row):
        return [list(row) for row in rows]
    taken: list[dict[int, TableCell]] = [{} for _ in rows]
    placed = 0
    for at, row in enumerate(rows):
        column = 0
        for cell in row:
            while column in taken[at]:
                column += 1
            width, height = min(max(cell.column_span, 1), _MAX_SPAN), max(cell.row_span, 1)
            for below in range(at, min(at + height, len(rows))):
                for right in range(column, column + width):
                    taken[below].setdefault(right, _EMPTY)
            placed += width * min(height, len(rows) - at)
            if placed > _MAX_CELLS:
                return [list(one) for one in rows]
            taken[at][column] = cell
            column += width
    return [[line.get(n, _EMPTY) for n in range(max(line, default=-1) + 1)] for line in taken]


def _merge_flat_rows(rows: Sequence[Sequence[TableCell]]) -> list[list[TableCell]]:
    width = max((sum(max(cell.column_span, 1) for cell in row) for row in rows), default=0)
    merged: list[list[TableCell]] = []
    carried: list[TableCell] = []
    for at, row in enumerate(rows):
        flat = row and all(cell.row_span > 1 for cell in row)
        if flat and sum(max(cell.column_span, 1) for cell in row) < width and at + 1 < len(rows):
            carried += [replace(cell, row_span=cell.row_span - 1) for cell in row]
            continue
        merged.append([*carried, *row])
        carried = []
    return merged


def plain_rows(found: Extraction) -> list[list[list[str]]]:
    """Answer every table as rows of texts, the form of the command line's JSON.

    Where the format states spans, the spanning text is repeated in each place it covers, so that a row can be
    read by itself. A PDF states none: its spans are read from missing lines, and a text stays where it stands.
    """
    if found.media_type == PDF:
        return [[[cell.text for cell in row.cells] for row in table.rows] for table in found.tables]
    return [filled(table) for table in found.tables]


def filled(table: Table) -> list[list[str]]:
    """Answer a table's texts with every spanning cell's text repeated in the places it covers."""
    grid = [[cell.text for cell in row.cells] for row in table.rows]
    for at, row in enumerate(table.rows):
        for column, cell in enumerate(row.cells):
            if cell.row_span <= 1 and cell.column_span <= 1:
                continue
            for below in range(at, min(at + max(cell.row_span, 1), len(grid))):
                for right in range(column, min(column + max(cell.column_span, 1), len(grid[below]))):
                    grid[below][right] = cell.text
    return grid
