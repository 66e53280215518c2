"""Finds tables that are drawn: lines that cross make a grid, and missing lines make spans."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from extract_svc.engine.formats.pdf.found import Found
from extract_svc.engine.formats.pdf.nested import nest, parted
from extract_svc.engine.model import TableCell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from extract_svc.engine.formats.pdf.geometry import Rule, Word

_TOUCH = 3.0
_THIN = 3.5
_STRIP = 9.0
_OPEN_SIDE = 12.0
_BULLET = re.compile(r"^[•●▪■◦‣\u2043\uf0b7\uf0a7][ \t]+(?=\S)", re.MULTILINE)
_MAX_RULES = 2_000
_Border = tuple[float, float]
_MAX_CELLS = 40_000


def find_lattices(horizontal: Sequence[Rule], vertical: Sequence[Rule], words: Sequence[Word]) -> list[Found]:
    """Answer the drawn tables of a page from the top; `Found.words` are indexes into `words`."""
    if len(horizontal) < 2 or len(vertical) < 2 or len(horizontal) + len(vertical) > _MAX_RULES:
        return []
    tables = []
    for group in _components(horizontal, vertical):
        if len(group[0]) >= 2 and len(group[1]) >= 2:
            grids = [_grid(rows, columns, words) for rows, columns in parted(*group)]
            tables += [table for table in grids if table is not None]
    return nest(sorted(tables, key=lambda t: (t.top, t.x0)))


def _components(
    horizontal: Sequence[Rule], vertical: Sequence[Rule]
) -> Iterable[tuple[list[Rule], list[Rule]]]:
    """Group the lines that cross or touch one another."""
    parent = list(range(len(horizontal) + len(vertical)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    for i, h in enumerate(horizontal):
        for j, v in enumerate(vertical, len(horizontal)):
            if h.x0 - _TOUCH <= v.x0 <= h.x1 + _TOUCH and v.top - _TOUCH <= h.top <= v.bottom + _TOUCH:
                parent[root(i)] = root(j)
    groups: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for n in range(len(parent)):
        group = groups.setdefault(root(n), ([], []))
        if n < len(horizontal):
            group[0].append(horizontal[n])
        else:
            group[1].append(vertical[n - len(horizontal)])
    return groups.values()


def _borders(
    values: Iterable[float], held: Sequence[float], ends: tuple[float, float] | None
) -> list[_Border]:
    """Merge places into borders, each from its first to its last line.

    Lines nearer than the thinnest row or column are one border, and so are those with a narrow strip between
    that holds no word (double lines, padding that is shaded). `ends` are added where a side is open.
    """
    places = sorted(values)
    if ends is not None:
        if places[0] - ends[0] > _OPEN_SIDE:
            places.insert(0, ends[0])
        if ends[1] - places[-1] > _OPEN_SIDE:
            places.append(ends[1])
    middles = sorted(held)
    merged: list[_Border] = []
    for value in places:
        if merged:
            low, high = merged[-1]
            words = bisect_right(middles, value) - bisect_left(middles, high)
            if value - high <= _THIN or (
                value - low <= _STRIP * 1.5 and value - high <= _STRIP and not words
            ):
                merged[-1] = (low, value)
                continue
        merged.append((value, value))
    return merged


def _common_ends(spans: Iterable[tuple[float, float]]) -> tuple[float, float] | None:
    """Answer where at least two lines begin and end together, None where they do not."""
    pairs = list(spans)
    low, high = min(p[0] for p in pairs), max(p[1] for p in pairs)
    if sum(p[0] - low < _TOUCH for p in pairs) < 2 or sum(high - p[1] < _TOUCH for p in pairs) < 2:
        return None
    return low, high


def _grid(horizontal: list[Rule], vertical: list[Rule], words: Sequence[Word]) -> Found | None:
    wide, tall = (
        _common_ends((h.x0, h.x1) for h in horizontal),
        _common_ends((v.top, v.bottom) for v in vertical),
    )
    xs_drawn, ys_drawn = [v.x0 for v in vertical], [h.top for h in horizontal]
    left, right = min([*xs_drawn, *(wide or ())]), max([*xs_drawn, *(wide or ())])
    top, bottom = min([*ys_drawn, *(tall or ())]), max([*ys_drawn, *(tall or ())])
    held = [
        (n, (w.x0 + w.x1) / 2, (w.top + w.bottom) / 2)
        for n, w in enumerate(words)
        if left <= (w.x0 + w.x1) / 2 <= right and top <= (w.top + w.bottom) / 2 <= bottom
    ]
    ys = _borders((h.top for h in horizontal), [y for _, _, y in held], tall)
    xs = _borders((v.x0 for v in vertical), [x for _, x, _ in held], wide)
    height, width = len(ys) - 1, len(xs) - 1
    if height < 1 or width < 1 or height * width < 2 or height * width > _MAX_CELLS or not held:
        return None
    region = _regions(horizontal, vertical, xs, ys)
    inside: dict[int, list[int]] = {}
    column_ends, row_ends = [x[1] for x in xs[1:]], [y[1] for y in ys[1:]]
    for index, x, y in held:
        column, row = min(bisect_left(column_ends, x), width - 1), min(bisect_left(row_ends, y), height - 1)
        inside.setdefault(region[row * width + column], []).append(index)
    rows = _cells(
        region, height, width, {key: cell_text([words[n] for n in at]) for key, at in inside.items()}
    )
    rows = _without_empty(rows)
    if not _plausible(rows):
        return None
    return Found(rows, xs[0][0], ys[0][0], xs[-1][1], ys[-1][1], {index for index, _, _ in held})


def _regions(
    horizontal: Sequence[Rule], vertical: Sequence[Rule], xs: Sequence[_Border], ys: Sequence[_Border]
) -> list[int]:
    """Give numbers to cells so that those without a line between them share a number, as rectangles."""
    height, width = len(ys) - 1, len(xs) - 1
    region = list(range(height * width))

    def root(n: int) -> int:
        while region[n] != n:
            n = region[n]
        return n

    for row in range(height):
        middle = (ys[row][1] + ys[row + 1][0]) / 2
        lines = [v.x0 for v in vertical if v.top - _TOUCH <= middle <= v.bottom + _TOUCH]
        for column in range(width - 1):
            low, high = xs[column + 1]
            if not any(low - _THIN <= x <= high + _THIN for x in lines):
                a, b = root(row * width + column), root(row * width + column + 1)
                region[max(a, b)] = min(a, b)
    for column in range(width):
        middle = (xs[column][1] + xs[column + 1][0]) / 2
        lines = [h.top for h in horizontal if h.x0 - _TOUCH <= middle <= h.x1 + _TOUCH]
        for row in range(height - 1):
            low, high = ys[row + 1]
            if not any(low - _THIN <= y <= high + _THIN for y in lines):
                a, b = root(row * width + column), root((row + 1) * width + column)
                region[max(a, b)] = min(a, b)
    return [root(n) for n in range(height * width)]


def _cells(region: Sequence[int], height: int, width: int, text: dict[int, str]) -> list[list[TableCell]]:
    rows: list[list[TableCell]] = []
    seen: set[int] = set()
    for row in range(height):
        cells = []
        for column in range(width):
            key = region[row * width + column]
            if key in seen:
                cells.append(TableCell())
                continue
            seen.add(key)
            down, right = 1, 1
            while row + down < height and region[(row + down) * width + column] == key:
                down += 1
            while column + right < width and region[row * width + column + right] == key:
                right += 1
            cells.append(TableCell(text.get(key, ""), down if down > 1 else 0, right if right > 1 else 0))
        rows.append(cells)
    return rows


def _without_empty(rows: list[list[TableCell]]) -> list[list[TableCell]]:
    """Drop rows and columns at the rim that hold nothing: frames and shadows draw them."""
    while rows and not any(cell.text for cell in rows[0]):
        rows = rows[1:]
    while rows and not any(cell.text or cell.row_span > 1 for cell in rows[-1]):
        rows = rows[:-1]
    if not rows:
        return rows
    width = len(rows[0])
    keep = [n for n in range(width) if any(row[n].text for row in rows)]
    return [row[keep[0] : keep[-1] + 1] for row in rows] if keep else []


def _plausible(rows: list[list[TableCell]]) -> bool:
    """Whether a grid is a table and not a chart, a form's frame or a box around text."""
    if not rows or len(rows) * len(rows[0]) < 2:
        return False
    filled = sum(1 for row in rows for cell in row if cell.text)
    starts = sum(1 for row in rows for cell in row if cell.text or cell.row_span or cell.column_span) or 1
    return filled >= 2 and filled >= 0.15 * len(rows) * len(rows[0]) and starts >= 2


def cell_text(words: Sequence[Word]) -> str:
    """Join a cell's words: lines from the top, words from the left, and no bullets before the items of a list."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda w: (w.top + w.bottom, w.x0)):
        middle = (word.top + word.bottom) / 2
        if lines and lines[-1][0].top < middle < lines[-1][0].bottom:
            lines[-1].append(word)
        else:
            lines.append([word])
    text = "\n".join(" ".join(w.text for w in sorted(line, key=lambda w: w.x0)) for line in lines)
    return _BULLET.sub("", text)
