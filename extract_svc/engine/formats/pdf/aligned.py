"""Finds tables that are not drawn but set: rows whose words leave the same corridors free.

Rows of words are gathered into bands of neighbouring rows with gaps in them; the corridors that (nearly) all
rows of a band leave free are its column borders. Prose in columns is told apart by its long cells.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from extract_svc.engine.formats.pdf.found import Found
from extract_svc.engine.formats.pdf.lattice import cell_text
from extract_svc.engine.model import TableCell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.formats.pdf.geometry import Rule, Word

_GAP_HEIGHTS = 0.9
_ROW_GAP_HEIGHTS = 2.2
_CORRIDOR = 3.0
_MIN_ROWS = 3
_NUMBER = re.compile(r"[-+(]?[$€£]?\d[\d.,:/%)\u00a0-]*[%€$]?$|[-\u2013\u2014]$|n/?a$", re.IGNORECASE)
_Row = list[int]


def find_aligned(words: Sequence[Word], taken: set[int], horizontal: Sequence[Rule]) -> list[Found]:
    """Answer the tables set by alignment among the words that are not taken, from the top."""
    free = [n for n in range(len(words)) if n not in taken and words[n].bottom - words[n].top < 60]
    rows = _rows(words, free)
    tables = []
    for band in _bands(words, rows):
        table = _table(words, band, horizontal)
        if table is not None:
            tables.append(table)
    return tables


def _rows(words: Sequence[Word], free: Sequence[int]) -> list[_Row]:
    """Gather words into rows by their middles, each from the left."""
    rows: list[_Row] = []
    low = high = 0.0
    for double, _, n in sorted((words[n].top + words[n].bottom, words[n].x0, n) for n in free):
        if rows and low < double < high:
            rows[-1].append(n)
            continue
        rows.append([n])
        word = words[n]
        rim = 0.15 * (word.bottom - word.top)
        low, high = 2 * (word.top + rim), 2 * (word.bottom - rim)
    for row in rows:
        row.sort(key=lambda n: words[n].x0)
    return rows


def _cells(words: Sequence[Word], row: _Row) -> list[list[int]]:
    """Cut a row where the gap is wider than a space."""
    cells = [[row[0]]]
    for n in row[1:]:
        last, word = words[cells[-1][-1]], words[n]
        height = min(last.bottom - last.top, word.bottom - word.top)
        if word.x0 - last.x1 > _GAP_HEIGHTS * height:
            cells.append([n])
        else:
            cells[-1].append(n)
    return cells


def _bands(words: Sequence[Word], rows: list[_Row]) -> list[list[_Row]]:
    """Gather neighbouring rows, most of them with gaps; a band begins and ends with such a row."""
    bands: list[list[_Row]] = []
    open_band: list[_Row] = []
    last_bottom, lone = 0.0, 0
    for row in rows:
        top = min(words[n].top for n in row)
        bottom = max(words[n].bottom for n in row)
        many = len(_cells(words, row)) > 1
        near = open_band and top - last_bottom < _ROW_GAP_HEIGHTS * (bottom - top)
        if open_band and (not near or (not many and lone >= 2) or (not many and _prose(row))):
            bands.append(open_band)
            open_band, lone = [], 0
        if open_band or many:
            open_band.append(row)
            lone = 0 if many else lone + 1
        last_bottom = bottom
    bands.append(open_band)
    for band in bands:
        while band and len(_cells(words, band[-1])) < 2:
            band.pop()
    return [band for band in bands if len(band) >= _MIN_ROWS]


def _prose(row: _Row) -> bool:
    return len(row) > 9


def _columns(words: Sequence[Word], band: list[_Row]) -> list[tuple[float, float]]:
    """Answer the columns' extents: what lies between corridors that nearly all rows leave free."""
    edges: list[tuple[float, int]] = []
    many = [cells for row in band if len(cells := _cells(words, row)) > 1]
    for cells in many:
        for cell in cells:
            edges += [(words[cell[0]].x0, 1), (words[cell[-1]].x1, -1)]
    edges.sort()
    allowed = int(0.07 * len(many))
    columns: list[tuple[float, float]] = []
    depth, start = 0, None
    for x, step in edges:
        depth += step
        if depth > allowed and start is None:
            start = x
        elif depth <= allowed and start is not None:
            if columns and start - columns[-1][1] < _CORRIDOR:
                columns[-1] = (columns[-1][0], x)
            else:
                columns.append((start, x))
            start = None
    return columns


def _table(words: Sequence[Word], band: list[_Row], horizontal: Sequence[Rule]) -> Found | None:
    columns = _columns(words, band)
    if len(columns) < 2:
        return None
    borders = [(a[1] + b[0]) / 2 for a, b in itertools.pairwise(columns)]
    grid: list[list[list[int]]] = []
    for row in band:
        cells: list[list[int]] = [[] for _ in columns]
        for n in row:
            middle = (words[n].x0 + words[n].x1) / 2
            cells[sum(middle > border for border in borders)].append(n)
        grid.append(cells)
    grid = _by_count(words, band, grid)
    grid = _merge_rows(words, grid, horizontal)
    if len(grid) < 2 or not _tabular(words, grid):
        return None
    rows = [[TableCell(cell_text([words[n] for n in cell])) for cell in row] for row in grid]
    inside = [words[n] for row in band for n in row]
    return Found(
        rows,
        min(w.x0 for w in inside),
        min(w.top for w in inside),
        max(w.x1 for w in inside),
        max(w.bottom for w in inside),
        {n for row in band for n in row},
    )


def _by_count(words: Sequence[Word], band: list[_Row], grid: list[list[list[int]]]) -> list[list[list[int]]]:
    """Cut by count where every row has as many cells and corridors put two into one column.

    Heads set left over figures set right leave no corridor free, and no place is in doubt.
    """
    cut = [_cells(words, row) for row in band]
    widths = {len(cells) for cells in cut}
    if len(widths) == 1 and len(cut[0]) > 1 and any(not cell for row in grid for cell in row):
        return cut
    return grid


def _extent(words: Sequence[Word], row: list[list[int]]) -> tuple[float, float]:
    inside = [words[n] for cell in row for n in cell]
    return min(w.top for w in inside), max(w.bottom for w in inside)


def _merge_rows(
    words: Sequence[Word], grid: list[list[list[int]]], horizontal: Sequence[Rule]
) -> list[list[list[int]]]:
    """Join the lines of cells that run over several: by drawn lines, by tighter leading, or by empty heads."""
    extents = [_extent(words, row) for row in grid]
    left = min(w.x0 for row in grid for cell in row for n in cell for w in (words[n],))
    right = max(w.x1 for row in grid for cell in row for n in cell for w in (words[n],))
    rules = [r.top for r in horizontal if min(r.x1, right) - max(r.x0, left) > 0.5 * (right - left)]
    cuts = [any(extents[n][1] - 3 <= y <= extents[n + 1][0] + 3 for y in rules) for n in range(len(grid) - 1)]
    drawn = sum(cuts) >= 0.5 * sum(1 for row in grid if row[0]) and sum(cuts) >= 2
    gaps = sorted(extents[n + 1][0] - extents[n][1] for n in range(len(grid) - 1))
    height = sorted(bottom - top for top, bottom in extents)[len(extents) // 2]
    spread = gaps[-1] - gaps[0] if gaps else 0.0
    tight = gaps[0] + 0.25 * height if spread > 0.45 * height else None
    merged = [[list(cell) for cell in grid[0]]]
    for n, row in enumerate(grid[1:]):
        gap = extents[n + 1][0] - extents[n][1]
        if drawn:
            join = not cuts[n]
        else:
            join = not cuts[n] and _continues(words, merged[-1], row, (gap, tight, height))
        if join:
            for cell, more in zip(merged[-1], row, strict=True):
                cell.extend(more)
        else:
            merged.append([list(cell) for cell in row])
    return merged


def _continues(
    words: Sequence[Word],
    above: list[list[int]],
    row: list[list[int]],
    measures: tuple[float, float | None, float],
) -> bool:
    """Whether a row goes on with the one above; `measures`: their gap, the widest tight one, a row's height."""
    gap, tight, height = measures
    if any(_NUMBER.match(words[n].text) for cell in row[1:] for n in cell):
        return False
    filled = [bool(cell) for cell in row]
    under = all(cell for cell, here in zip(above, filled, strict=True) if here)
    if tight is not None and gap <= tight:
        return under or not filled[0]
    return under and not filled[0] and sum(filled) < len(filled) and gap < 0.4 * height


def _tabular(words: Sequence[Word], grid: list[list[list[int]]]) -> bool:
    """Whether the cells look like data: short, in most places filled, numbers among them."""
    cells = [cell for row in grid for cell in row if cell]
    width = len(grid[0])
    if len(cells) < 0.4 * len(grid) * width or len(cells) < 5:
        return False
    counts = sorted(len(cell) for cell in cells)
    mean = sum(counts) / len(counts)
    numbers = sum(1 for cell in cells if _NUMBER.match(words[cell[-1]].text) and len(cell) <= 3)
    share = numbers / len(cells)
    if width == 2:
        return share > 0.25 and mean <= 6
    return mean <= 3.5 or (share > 0.25 and mean <= 6)
