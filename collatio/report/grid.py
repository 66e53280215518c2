"""Lay two tables over one another: which rows and columns stand on one side only, and which cells differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collatio.report.model import Change

Rows = tuple[tuple[str, ...], ...]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Line:
    """A row or a column of the merged table: its index on either side, None where it is absent there."""

    left: int | None
    right: int | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the merged table. `number` is its change's, 0 where it is unchanged or a likely artefact."""

    left: str | None
    right: str | None
    changed: bool
    number: int = 0


@dataclass(frozen=True, slots=True)
class Merged:
    """Two tables as one; every row has a cell for each column."""

    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    cells: tuple[tuple[Cell, ...], ...]

    def changed_rows(self) -> list[int]:
        """List the rows in which something changed."""
        return [at for at, row in enumerate(self.cells) if any(cell.changed for cell in row)]


def merge(left: Rows, right: Rows, changes: Iterable[tuple[Change, int]]) -> Merged:
    """Merge two tables by the changes between them, each with its number."""
    known = list(changes)
    rows = _lines(len(left), len(right), _alone(known, "row", "left"), _alone(known, "row", "right"))
    columns = _lines(
        _width(left), _width(right), _alone(known, "column", "left"), _alone(known, "column", "right")
    )
    cells = {}
    for change, number in known:
        for side, spot in (("left", change.left), ("right", change.right)):
            if spot is not None:
                cells[side, spot.row, spot.column] = number
    merged = tuple(tuple(_cell(left, right, row, column, cells) for column in columns) for row in rows)
    return Merged(tuple(rows), tuple(columns), merged)


def alone(table: Rows, number: int, *, left: bool) -> Merged:
    """Show a table that stands on one side only."""
    rows = tuple(Line(at, None) if left else Line(None, at) for at in range(len(table)))
    columns = tuple(Line(at, None) if left else Line(None, at) for at in range(_width(table)))
    cells = tuple(
        tuple(
            Cell(_at(table, y, x), None, changed=True, number=number)
            if left
            else Cell(None, _at(table, y, x), changed=True, number=number)
            for x in range(len(columns))
        )
        for y in range(len(rows))
    )
    return Merged(rows, columns, cells)


def _alone(changes: Sequence[tuple[Change, int]], which: str, side: str) -> set[int]:
    """Name the rows, or the columns, that stand on one side only."""
    found = set()
    other = "column" if which == "row" else "row"
    for change, _ in changes:
        spot, opposite = (change.left, change.right) if side == "left" else (change.right, change.left)
        if spot is not None and opposite is None:
            at = getattr(spot, which)
            if at is not None and getattr(spot, other) is None:
                found.add(at)
    return found


def _lines(left: int, right: int, only_left: set[int], only_right: set[int]) -> list[Line]:
    """Put rows, or columns, in one order: those of both sides in step, the others where they stand."""
    lines: list[Line] = []
    i = j = 0
    while i < left or j < right:
        if i < left and (i in only_left or j >= right):
            lines.append(Line(i, None))
            i += 1
        elif j < right and (j in only_right or i >= left):
            lines.append(Line(None, j))
            j += 1
        else:
            lines.append(Line(i, j))
            i, j = i + 1, j + 1
    return lines


def _cell(
    left: Rows,
    right: Rows,
    row: Line,
    column: Line,
    changed: dict[tuple[str, int | None, int | None], int],
) -> Cell:
    was = None if row.left is None or column.left is None else _at(left, row.left, column.left)
    now = None if row.right is None or column.right is None else _at(right, row.right, column.right)
    if was is not None and now is not None:
        number = changed.get(("left", row.left, column.left), changed.get(("right", row.right, column.right)))
        return Cell(was, now, changed=number is not None, number=number or 0)
    for key in (
        ("left", row.left, None),
        ("right", row.right, None),
        ("left", None, column.left),
        ("right", None, column.right),
    ):
        if (key[1] is not None or key[2] is not None) and key in changed:
            return Cell(was, now, changed=True, number=changed[key])
    return Cell(was, now, changed=was != now, number=0)


def _width(table: Rows) -> int:
    return max(map(len, table), default=0)


def _at(table: Rows, row: int, column: int) -> str:
    cells = table[row] if row < len(table) else ()
    return cells[column] if column < len(cells) else ""
