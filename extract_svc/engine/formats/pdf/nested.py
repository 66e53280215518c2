"""Tables inside cells of drawn tables.

An inner table whose lines touch the outer one's makes one grid with it. It is told from a cell that is merely divided
by its own left and right border, beside the cell's: none of its lines reaches the cell's sides.
"""

from __future__ import annotations

from bisect import bisect
from typing import TYPE_CHECKING

from extract_svc.engine.formats.pdf.geometry import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from extract_svc.engine.formats.pdf.found import Found

_TOUCH = 3.0
_INSET = 1.5
_FILLED_SHARE = 0.4
_Lines = tuple[list[Rule], list[Rule]]


def parted(horizontal: list[Rule], vertical: list[Rule]) -> list[_Lines]:
    """Part the lines of a grid from those of the tables inside its cells; the outer grid comes first.

    Cells are those between the lines that go all the way across and down.
    """
    left, right = min(h.x0 for h in horizontal), max(h.x1 for h in horizontal)
    top, bottom = min(v.top for v in vertical), max(v.bottom for v in vertical)
    across = {h for h in horizontal if h.x0 <= left + _TOUCH and h.x1 >= right - _TOUCH}
    down = {v for v in vertical if v.top <= top + _TOUCH and v.bottom >= bottom - _TOUCH}
    loose = [h for h in horizontal if h not in across], [v for v in vertical if v not in down]
    if len(across) < 2 or len(down) < 2 or not all(loose):
        return [(horizontal, vertical)]
    xs, ys = sorted({v.x0 for v in down}), sorted({h.top for h in across})
    inner = list(_inner(xs, ys, *loose))
    taken = {rule for lines in inner for part in lines for rule in part}
    outer = [h for h in horizontal if h not in taken], [v for v in vertical if v not in taken]
    return [outer, *map(_closed, inner)]


def nest(tables: Sequence[Found]) -> list[Found]:
    """Put each table into the smallest that has all of its words and more; answers those that are in none.

    What is hardly filled, or is one row or column, is a chart's bars or its legend, and is left as the cell's text.
    """
    free: list[Found] = []
    for table in tables:
        around = [
            other
            for other in tables
            if table.words < other.words and _holds(other.x0, other.top, other.x1, other.bottom, table)
        ]
        if around:
            if _is_filled(table):
                min(around, key=lambda other: len(other.words)).nested.append(table)
        else:
            free.append(table)
    return free


def _inner(
    xs: Sequence[float], ys: Sequence[float], horizontal: Sequence[Rule], vertical: Sequence[Rule]
) -> Iterator[_Lines]:
    """Yield the lines of each cell that holds a table."""
    cells: dict[tuple[int, int], _Lines] = {}
    for place, rules in enumerate((horizontal, vertical)):
        for rule in rules:
            column, row = bisect(xs, (rule.x0 + rule.x1) / 2), bisect(ys, (rule.top + rule.bottom) / 2)
            if not (0 < column < len(xs) and 0 < row < len(ys)):
                continue
            if _holds(xs[column - 1], ys[row - 1], xs[column], ys[row], rule):
                cells.setdefault((column, row), ([], []))[place].append(rule)
    for (column, _), (hs, vs) in cells.items():
        if len(vs) < 2:
            continue
        left, right = min(v.x0 for v in vs), max(v.x0 for v in vs)
        own = [h for h in hs if h.x0 <= left + _TOUCH and h.x1 >= right - _TOUCH]
        inset = all(h.x0 > xs[column - 1] + _INSET and h.x1 < xs[column] - _INSET for h in own)
        if own and inset and left > xs[column - 1] + _INSET and right < xs[column] - _INSET:
            yield own, vs


def _is_filled(table: Found) -> bool:
    cells = [cell for row in table.rows for cell in row]
    several = len(table.rows) > 1 and len(table.rows[0]) > 1
    return several and sum(1 for cell in cells if cell.text) >= _FILLED_SHARE * len(cells)


def _holds(x0: float, top: float, x1: float, bottom: float, inner: Rule | Found) -> bool:
    return (
        inner.x0 >= x0 - _TOUCH
        and inner.x1 <= x1 + _TOUCH
        and inner.top >= top - _TOUCH
        and inner.bottom <= bottom + _TOUCH
    )


def _closed(lines: _Lines) -> _Lines:
    """Give an inner table the border that it has in common with the cell around it."""
    horizontal, vertical = lines
    left, right = min(v.x0 for v in vertical), max(v.x0 for v in vertical)
    ends = min(v.top for v in vertical), max(v.bottom for v in vertical)
    missing = [end for end in ends if all(abs(h.top - end) > _TOUCH for h in horizontal)]
    return [*horizontal, *(Rule(left, end, right, end) for end in missing)], vertical
