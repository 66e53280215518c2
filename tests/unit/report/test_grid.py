"""Two tables laid over one another."""

from __future__ import annotations

from collatio.report.grid import Cell, Line, alone, merge
from collatio.report.model import Change, Spot


def at(row: int | None = None, column: int | None = None) -> Spot:
    """Make a place in the table."""
    return Spot(0, 0, 0, 0, 0, row, column)


def test_a_changed_cell_holds_both_values() -> None:
    """What it was and what it is, with the change's number."""
    merged = merge((("a", "1"),), (("a", "2"),), [(Change("VALUE_CHANGED", "TABLE", at(0, 1), at(0, 1)), 7)])
    assert merged.cells == ((Cell("a", "a", changed=False), Cell("1", "2", changed=True, number=7)),)
    assert merged.changed_rows() == [0]


def test_an_inserted_row_stands_at_its_place() -> None:
    """The rows after it stay in step."""
    merged = merge(
        (("a",), ("c",)), (("a",), ("b",), ("c",)), [(Change("INSERTED", "TABLE", None, at(row=1)), 1)]
    )
    assert merged.rows == (Line(0, 0), Line(None, 1), Line(1, 2))
    assert merged.cells[1] == (Cell(None, "b", changed=True, number=1),)


def test_a_deleted_column_stands_at_its_place() -> None:
    """The columns after it stay in step."""
    merged = merge((("a", "x", "b"),), (("a", "b"),), [(Change("DELETED", "TABLE", at(column=1), None), 1)])
    assert merged.columns == (Line(0, 0), Line(1, None), Line(2, 1))
    assert [cell.left for cell in merged.cells[0]] == ["a", "x", "b"]


def test_a_table_of_one_side_is_changed_as_a_whole() -> None:
    """Every cell of it."""
    merged = alone((("a", "b"), ("c",)), 3, left=False)
    assert merged.cells[1] == (
        Cell(None, "c", changed=True, number=3),
        Cell(None, "", changed=True, number=3),
    )


def test_differing_cells_nobody_told_of_are_equal_in_value() -> None:
    """1,000.00 and 1000 are one value: the comparison told no change, so none is shown."""
    merged = merge((("1,000.00",),), (("1000",),), [])
    assert merged.changed_rows() == []
