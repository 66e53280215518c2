"""Tables: aligned by rows and columns, compared by value."""

from __future__ import annotations

from compare_svc.engine.compare import compare
from compare_svc.engine.model import (
    Block,
    BlockKind,
    Change,
    ChangeKind,
    ChangeScope,
    Comparison,
    Document,
    Options,
    Table,
)

HEAD = ("Item", "Quantity", "Price")
ROWS = (HEAD, ("Bolt", "10", "1,000.00"), ("Nut", "20", "2.50"), ("Washer", "30", "0.10"))


def _document(*tables: tuple[tuple[str, ...], ...]) -> Document:
    blocks = [Block("Prices are as follows, until further notice is given.")]
    for at, rows in enumerate(tables):
        blocks.append(Block("\n".join("\t".join(row) for row in rows), BlockKind.TABLE, table=at))
    return Document("d", blocks=tuple(blocks), tables=tuple(Table(rows) for rows in tables))


def _compare(left: tuple[tuple[str, ...], ...], right: tuple[tuple[str, ...], ...]) -> Comparison:
    return compare(_document(left), _document(right), Options())


def _cell(change: Change) -> tuple[int | None, int | None, int | None, int | None]:
    left, right = change.left, change.right
    return (
        left.row if left else None,
        left.column if left else None,
        right.row if right else None,
        right.column if right else None,
    )


def test_a_changed_cell_is_told_with_row_column_and_value() -> None:
    """One cell, one change, with both normalised values; the table's words are not told again as text."""
    changed = (*ROWS[:2], ("Nut", "20", "3.75"), ROWS[3])
    comparison = _compare(ROWS, changed)
    (change,) = comparison.changes
    assert (change.kind, change.scope) == (ChangeKind.VALUE_CHANGED, ChangeScope.TABLE)
    assert _cell(change) == (2, 2, 2, 2)
    assert (change.left_value, change.right_value) == ("2.5", "3.75")
    assert comparison.counts
    assert comparison.counts.cells_changed == 1
    assert comparison.similarity
    assert comparison.similarity.tables == 22 / 24


def test_a_value_written_differently_is_no_change() -> None:
    """1,000.00 and 1000 are the same price."""
    changed = (HEAD, ("Bolt", "10", "1000"), *ROWS[2:])
    comparison = _compare(ROWS, changed)
    assert comparison.changes == ()
    assert comparison.similarity
    assert comparison.similarity.tables == 1.0


def test_an_inserted_row_is_one_change_and_moves_no_other() -> None:
    """Rows are aligned: a row in the middle leaves those after it alone."""
    (change,) = _compare(ROWS, (*ROWS[:2], ("Screw", "15", "9.99"), *ROWS[2:])).changes
    assert change.kind is ChangeKind.INSERTED
    assert _cell(change) == (None, None, 2, None)
    assert change.right_text == "Screw\t15\t9.99"


def test_a_deleted_column_is_one_change() -> None:
    """Columns are aligned: without the middle one the others still match."""
    (change,) = _compare(ROWS, tuple((row[0], row[2]) for row in ROWS)).changes
    assert change.kind is ChangeKind.DELETED
    assert _cell(change) == (None, 1, None, None)


def test_columns_in_another_order_are_no_change() -> None:
    """Columns are paired by what they hold, wherever they stand."""
    assert _compare(ROWS, tuple((row[2], row[0], row[1]) for row in ROWS)).changes == ()


def test_a_whole_table_without_partner_is_one_change() -> None:
    """A new table is inserted as a whole; the other is not touched."""
    other = (("City", "People"), ("Ulm", "126,000"))
    (change,) = compare(_document(ROWS), _document(ROWS, other), Options()).changes
    assert (change.kind, change.scope) == (ChangeKind.INSERTED, ChangeScope.TABLE)
    assert change.right
    assert change.right.table == 1


def test_rows_of_unequal_length_are_compared() -> None:
    """A ragged table compares; a missing cell is an empty one."""
    ragged = (HEAD, ("Bolt", "10"), *ROWS[2:])
    (change,) = _compare(ROWS, ragged).changes
    assert (change.left_text, change.right_text) == ("1,000.00", "")
