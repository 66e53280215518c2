"""Write tables: one side of a pair, or both laid over one another, with the cells that differ."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from collatio.report.grid import alone, merge
from collatio.report.markup import Markup, el, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collatio.report.grid import Cell, Merged
    from collatio.report.model import Change, Paper
    from collatio.report.prose import Anchors

ROWS_MAX = 60
WHOLE_ROWS = 24
COLUMNS_MAX = 40
_CONTEXT = 1

_Partners = dict[tuple[str, int | None], tuple[int | None, int | None]]


class Tables:
    """The tables of a pair, merged where they changed."""

    def __init__(self, left: Paper, right: Paper, changes: Sequence[Change], numbers: Sequence[int]) -> None:
        self._left = left
        self._right = right
        self._pairs: dict[tuple[int | None, int | None], list[tuple[Change, int]]] = {}
        partner = _partners(changes)
        _guess_partners(left, right, changes, partner)
        for change, number in zip(changes, numbers, strict=True):
            if change.scope == "TABLE":
                a = change.left.table if change.left else None
                b = change.right.table if change.right else None
                key = (a, b)
                if (a is None) != (b is None) and not _whole(change):
                    key = partner.get(("left", a) if b is None else ("right", b), key)
                self._pairs.setdefault(key, []).append((change, number))
        self._merged: dict[tuple[int | None, int | None], Merged] = {}
        self._right_of = {a: b for a, b in self._pairs if a is not None}
        self._left_of = {b: a for a, b in self._pairs if b is not None}

    def pairs(self) -> list[tuple[int | None, int | None]]:
        """Name the tables that changed: both of a pair, or the one that stands alone."""
        return list(self._pairs)

    def merged(self, left: int | None, right: int | None) -> Merged | None:
        """Merge the table of a block, or of two that stand side by side; None where nothing changed."""
        if left is not None and left in self._right_of:
            key: tuple[int | None, int | None] = (left, self._right_of[left])
        elif right is not None and right in self._left_of:
            key = (self._left_of[right], right)
        else:
            return None
        if key not in self._merged:
            self._merged[key] = self._merge(key)
        return self._merged[key]

    def _merge(self, key: tuple[int | None, int | None]) -> Merged:
        changes = self._pairs[key]
        rows_left = self._rows(self._left, key[0])
        rows_right = self._rows(self._right, key[1])
        if key[0] is not None and key[1] is not None:
            return merge(rows_left, rows_right, changes)
        if any(_whole(change) for change, _ in changes):
            number = changes[0][1]
            return alone(rows_left if key[1] is None else rows_right, number, left=key[1] is None)
        # Rows or columns of one side whose table's partner nothing names: the table is shown as it stands.
        return merge(rows_left or rows_right, rows_left or rows_right, changes)

    def _rows(self, paper: Paper, table: int | None) -> tuple[tuple[str, ...], ...]:
        return paper.tables[table] if table is not None and 0 <= table < len(paper.tables) else ()


def _whole(change: Change) -> bool:
    spot = change.left or change.right
    return spot is not None and spot.row is None and spot.column is None


def _partners(changes: Sequence[Change]) -> _Partners:
    """Find the table that stands opposite, for rows and columns of one side only, from the other changes."""
    found: _Partners = {}
    for change in changes:
        if change.scope == "TABLE" and change.left is not None and change.right is not None:
            pair = (change.left.table, change.right.table)
            found["left", pair[0]] = found["right", pair[1]] = pair
    return found


def _guess_partners(left: Paper, right: Paper, changes: Sequence[Change], found: _Partners) -> None:
    """Add the partners that no change names: a row was added, and no cell differs. The most alike table it is."""
    for change in changes:
        spot = change.left or change.right
        if change.scope != "TABLE" or spot is None or _whole(change) or (change.left and change.right):
            continue
        near, ours, theirs = ("left", left, right) if change.left else ("right", right, left)
        far = "right" if change.left else "left"
        if spot.table is None or (near, spot.table) in found or not 0 <= spot.table < len(ours.tables):
            continue
        free = [at for at in range(len(theirs.tables)) if (far, at) not in found]
        cells = _cells(ours.tables[spot.table])
        best = max(free, key=lambda at: (_shared(cells, theirs.tables[at]), -at), default=None)
        if best is not None and _shared(cells, theirs.tables[best]):
            pair = (spot.table, best) if change.left else (best, spot.table)
            found["left", pair[0]] = found["right", pair[1]] = pair


def _cells(table: Sequence[Sequence[str]]) -> Counter[str]:
    return Counter(cell for row in table for cell in row if cell.strip())


def _shared(cells: Counter[str], table: Sequence[Sequence[str]]) -> int:
    return (cells & _cells(table)).total()


def plain_table(rows: Sequence[Sequence[str]]) -> Markup:
    """Write a table in which nothing changed; a long one is cut."""
    shown = rows if len(rows) <= WHOLE_ROWS else rows[: WHOLE_ROWS // 2]
    body = [el("tr", (el("td", cell) for cell in row[:COLUMNS_MAX])) for row in shown]
    if len(shown) < len(rows):
        body.append(_gap(len(rows) - len(shown), max(map(len, shown), default=1)))
    return _framed(body)


def one_side_table(merged: Merged, anchors: Anchors, *, left: bool) -> Markup:
    """Write one side of merged tables."""
    lines = [line.left if left else line.right for line in merged.rows]
    columns = [
        at for at, line in enumerate(merged.columns) if (line.left if left else line.right) is not None
    ]
    rows = [at for at in _shown(merged) if at is None or lines[at] is not None]
    body = []
    for at in rows:
        if at is None:
            body.append(_gap(0, len(columns)))
        else:
            body.append(
                el(
                    "tr",
                    (_side_cell(merged.cells[at][x], anchors, left=left) for x in columns[:COLUMNS_MAX]),
                )
            )
    return _framed(body)


def woven_table(merged: Merged, anchors: Anchors) -> Markup:
    """Write merged tables as one: each cell with what it was and what it is."""
    body = []
    for at in _shown(merged):
        if at is None:
            body.append(_gap(0, len(merged.columns)))
            continue
        line = merged.rows[at]
        name = "t-out" if line.right is None else "t-in" if line.left is None else None
        cells = (_woven_cell(cell, anchors) for cell in merged.cells[at][:COLUMNS_MAX])
        body.append(el("tr", cells, class_=name))
    return _framed(body)


def _shown(merged: Merged) -> list[int | None]:
    """Choose the rows to show; None stands for rows left out."""
    count = len(merged.rows)
    if count <= WHOLE_ROWS:
        return list(range(count))
    near = {0}
    for at in merged.changed_rows():
        near |= set(range(max(0, at - _CONTEXT), min(count, at + _CONTEXT + 1)))
        if len(near) > ROWS_MAX:
            break
    shown: list[int | None] = []
    for at in sorted(near):
        if shown and shown[-1] is not None and at > shown[-1] + 1:
            shown.append(None)
        shown.append(at)
    return shown if at == count - 1 else [*shown, None]


def _side_cell(cell: Cell, anchors: Anchors, *, left: bool) -> Markup:
    text = (cell.left if left else cell.right) or ""
    if not cell.changed:
        return el("td", text)
    anchor = None
    if cell.number and not (left and cell.right is not None):
        anchor = anchors.take(f"c{cell.number}")
    return el(
        "td",
        el("del" if left else "ins", text) if text else None,
        class_="c-out" if left else "c-in",
        id=anchor,
        data_c=cell.number or None,
    )


def _woven_cell(cell: Cell, anchors: Anchors) -> Markup:
    if not cell.changed:
        return el("td", cell.right if cell.right is not None else cell.left or "")
    anchor = anchors.take(f"c{cell.number}") if cell.number else None
    gone = el("del", cell.left) if cell.left else None
    come = el("ins", cell.right) if cell.right else None
    return el(
        "td",
        joined(gone, " " if gone and come else None, come),
        class_="c-both" if gone and come else "c-out" if gone else "c-in",
        id=anchor,
        data_c=cell.number or None,
    )


def _gap(count: int, columns: int) -> Markup:
    text = f"{count:,} more rows" if count else "⋮"
    return el("tr", el("td", text, colspan=max(columns, 1), class_="t-gap"))


def _framed(body: Sequence[Markup]) -> Markup:
    return el("div", el("table", el("tbody", body)), class_="grid", tabindex=0)
