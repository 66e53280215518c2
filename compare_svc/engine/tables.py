"""Compares tables cell by cell.

Rules:
1. Tables are paired in order, by the cells they share; a table without a partner is inserted or deleted whole.
2. Cells are compared by value: 1,000.00 and 1000 are no change. A row or column without a partner is one change.
3. Only cells that hold text are counted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compare_svc.engine.chains import best_pairs
from compare_svc.engine.grid import align_grid
from compare_svc.engine.model import Change, ChangeKind, ChangeScope, Place
from compare_svc.engine.patterns import compile_patterns, counted
from compare_svc.engine.values import comparable, normalise
from compare_svc.engine.words import fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from compare_svc.engine.grid import Grid, Rows
    from compare_svc.engine.model import Document, Ignore
    from compare_svc.engine.patterns import Pattern

ALIKE_MIN = 0.2
_BULLETS = re.compile(r"^[ \t]*\u2022[ \t]*", re.MULTILINE)
PAIRED_BY_CONTENT_MAX = 4_000


@dataclass(frozen=True, slots=True)
class TableChanges:
    """What changed in tables: changes, listed and in all; tables paired; cells changed; the similarity."""

    changes: tuple[Change, ...]
    count: int
    pairs: tuple[tuple[int, int], ...]
    cells_changed: int
    similarity: float | None


@dataclass(frozen=True, slots=True)
class Side:
    """One side's tables: the cells as they are compared, and the block each table stands in."""

    document: Document
    cells: tuple[Rows, ...]
    blocks: dict[int, int]

    @classmethod
    def of(cls, document: Document, ignore: Ignore) -> Side:
        """Make a document's cells comparable."""
        ignored = compile_patterns(ignore.patterns)
        cells = tuple(
            tuple(tuple(_cell(text, ignore, ignored) for text in row) for row in table.rows)
            for table in document.tables
        )
        blocks = {block.table: at for at, block in enumerate(document.blocks) if block.table is not None}
        return cls(document, cells, blocks)

    def place(self, table: int, row: int | None = None, column: int | None = None) -> Place:
        """Give the place of a table, a row, a column or a cell."""
        entry = self.document.tables[table]
        return Place(
            entry.page, self.blocks.get(table, 0), box=entry.box, table=table, row=row, column=column
        )

    def raw(self, table: int, row: int, column: int) -> str:
        """Give a cell's text as it stands."""
        cells = self.document.tables[table].rows[row]
        return cells[column] if column < len(cells) else ""

    def row_text(self, table: int, row: int) -> str:
        """Give a row's text, cells parted by tabs."""
        return "\t".join(self.document.tables[table].rows[row])

    def column_text(self, table: int, column: int) -> str:
        """Give a column's text, a line a cell."""
        return "\n".join(self.raw(table, row, column) for row in range(len(self.cells[table])))

    def text(self, table: int) -> str:
        """Give a table's text, a line a row."""
        return "\n".join(self.row_text(table, row) for row in range(len(self.cells[table])))


def _cell(text: str, ignore: Ignore, ignored: tuple[Pattern, ...]) -> str:
    value = comparable(_BULLETS.sub("", fold(counted(text, ignored))))
    return value.casefold() if ignore.case else value


def compare_tables(left: Document, right: Document, ignore: Ignore, changes_max: int) -> TableChanges:
    """Compare the tables of two documents; lists at most `changes_max` changes and counts all."""
    first, second = Side.of(left, ignore), Side.of(right, ignore)
    total = sum(_filled(rows) for side in (first, second) for rows in side.cells)
    if not total:
        return TableChanges((), 0, (), 0, None)
    pairs = _paired(first, second)
    grids = {(a, b): align_grid(first.cells[a], second.cells[b]) for a, b in pairs}
    equal = sum(_equal_cells(first.cells[a], second.cells[b], grid) for (a, b), grid in grids.items())
    listed: list[Change] = []
    count = replaced = 0
    for change in _all_changes(first, second, grids):
        count += 1
        replaced += change.kind is ChangeKind.VALUE_CHANGED and bool(change.left_text and change.right_text)
        if len(listed) < changes_max:
            listed.append(change)
    return TableChanges(tuple(listed), count, pairs, total - 2 * equal - replaced, 2 * equal / total)


def _all_changes(left: Side, right: Side, grids: dict[tuple[int, int], Grid]) -> Iterator[Change]:
    for pair, grid in grids.items():
        yield from _within(left, right, pair, grid)
    yield from _alone(left, {pair[0] for pair in grids}, ChangeKind.DELETED)
    yield from _alone(right, {pair[1] for pair in grids}, ChangeKind.INSERTED)


def _filled(rows: Rows) -> int:
    return sum(1 for row in rows for cell in row if cell)


def _paired(left: Side, right: Side) -> tuple[tuple[int, int], ...]:
    """Pair tables in order, so that the pairs share the most cells."""
    n, m = len(left.cells), len(right.cells)
    if n * m > PAIRED_BY_CONTENT_MAX:
        return tuple((at, at) for at in range(min(n, m)))
    bags = [
        [Counter(cell for row in rows for cell in row if cell) for rows in side.cells]
        for side in (left, right)
    ]
    score = [[_likeness(a, b) for b in bags[1]] for a in bags[0]]
    return tuple(best_pairs(score))


def _likeness(left: Counter[str], right: Counter[str]) -> float:
    size = left.total() + right.total()
    likeness = 2 * (left & right).total() / size if size else 0.0
    return likeness if likeness >= ALIKE_MIN else 0.0


def _equal_cells(left: Rows, right: Rows, grid: Grid) -> int:
    return sum(
        1
        for i, j in grid.rows
        for a, b in grid.columns
        if (cell := _at(left, i, a)) and cell == _at(right, j, b)
    )


def _at(rows: Rows, row: int, column: int) -> str:
    return rows[row][column] if column < len(rows[row]) else ""


def _within(left: Side, right: Side, pair: tuple[int, int], grid: Grid) -> Iterator[Change]:
    """Yield the changes of two tables that belong together: cells, rows, columns."""
    a, b = pair
    for i, j in grid.rows:
        for c, d in grid.columns:
            if _at(left.cells[a], i, c) != _at(right.cells[b], j, d):
                first, second = left.raw(a, i, c), right.raw(b, j, d)
                yield Change(
                    ChangeKind.VALUE_CHANGED,
                    ChangeScope.TABLE,
                    left.place(a, i, c),
                    right.place(b, j, d),
                    first,
                    second,
                    normalise(first),
                    normalise(second),
                )
    yield from _lines(left, a, 0, grid, ChangeKind.DELETED)
    yield from _lines(right, b, 1, grid, ChangeKind.INSERTED)


def _lines(side: Side, table: int, which: int, grid: Grid, kind: ChangeKind) -> Iterator[Change]:
    """Yield the rows and columns of one side that have no partner."""
    rows = {pair[which] for pair in grid.rows}
    columns = {pair[which] for pair in grid.columns}
    cells = side.cells[table]
    for row in range(len(cells)):
        if row not in rows and any(cells[row]):
            yield _one_sided(kind, side.place(table, row=row), side.row_text(table, row))
    for column in range(max((len(row) for row in cells), default=0)):
        if column not in columns and any(_at(cells, row, column) for row in range(len(cells))):
            yield _one_sided(kind, side.place(table, column=column), side.column_text(table, column))


def _alone(side: Side, paired: set[int], kind: ChangeKind) -> Iterator[Change]:
    """Yield the tables of one side that have no partner."""
    for table, rows in enumerate(side.cells):
        if table not in paired and _filled(rows):
            yield _one_sided(kind, side.place(table), side.text(table))


def _one_sided(kind: ChangeKind, place: Place, text: str) -> Change:
    if kind is ChangeKind.DELETED:
        return Change(kind, ChangeScope.TABLE, left=place, left_text=text)
    return Change(kind, ChangeScope.TABLE, right=place, right_text=text)
