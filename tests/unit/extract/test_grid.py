"""Spans laid out on a grid."""

from __future__ import annotations

from extract_svc.engine.grid import filled, lay_out
from extract_svc.engine.model import Table, TableCell, TableRow


def _texts(rows: list[list[TableCell]]) -> list[list[str]]:
    return [[cell.text for cell in row] for row in rows]


def test_covered_places_are_empty_cells() -> None:
    """Every row has every column, whatever spans into it."""
    rows = [
        [TableCell("a", row_span=2), TableCell("b", column_span=2)],
        [TableCell("c"), TableCell("d")],
    ]
    assert _texts(lay_out(rows)) == [["a", "b", ""], ["", "c", "d"]]


def test_a_row_of_mere_beginnings_has_no_height() -> None:
    """Cells that only begin below themselves begin in the next row, as in a browser."""
    rows = [
        [TableCell("h"), TableCell("k")],
        [TableCell("2025", row_span=3)],
        [TableCell("x")],
        [TableCell("y")],
    ]
    assert _texts(lay_out(rows)) == [["h", "k"], ["2025", "x"], ["", "y"]]


def test_a_huge_span_is_cut() -> None:
    """A span of a million columns does not make a million columns."""
    assert len(lay_out([[TableCell("a", column_span=10**6)]])[0]) <= 1000


def test_filled_repeats_what_spans() -> None:
    """The plain form repeats a spanning text in each place it covers."""
    rows = lay_out([[TableCell("a", row_span=2), TableCell("b")], [TableCell("c")]])
    assert filled(Table(tuple(TableRow(tuple(row)) for row in rows))) == [["a", "b"], ["a", "c"]]
