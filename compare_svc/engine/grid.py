"""Aligns two tables: which columns and which rows belong together.

Columns are paired by what they hold, best first and in any order, their headings counting most; rows then by
the cells of paired columns, in order. Two tables of several thousand rows align in linear memory: equal rows
first, the rest by likeness where they are few, else one by one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from compare_svc.engine.align import align
from compare_svc.engine.chains import best_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Pair = tuple[int, int]
Rows = tuple[tuple[str, ...], ...]

COLUMN_ALIKE_MIN = 0.3
ROW_ALIKE_MIN = 0.34
ROWS_BY_LIKENESS_MAX = 10_000
HEADING_WEIGHT = 0.5
COLUMNS_BY_CONTENT_MAX = 100
COLUMN_ROWS_MAX = 300
"""Rows that are looked at to tell which columns correspond."""


@dataclass(frozen=True, slots=True)
class Grid:
    """How two tables correspond: pairs of row and of column indexes, sorted by the left one."""

    rows: tuple[Pair, ...]
    columns: tuple[Pair, ...]


def align_grid(left: Rows, right: Rows) -> Grid:
    """Align two tables of comparable cell values."""
    columns = _columns(left, right)
    numbers: dict[tuple[str, ...], int] = {}
    keys = []
    for rows, side in ((left, 0), (right, 1)):
        of_side = [pair[side] for pair in columns]
        cells = (tuple(row[at] if at < len(row) else "" for at in of_side) for row in rows)
        keys.append([(numbers.setdefault(values, len(numbers)), values) for values in cells])
    first, second = (np.array([number for number, _ in side], dtype=np.uint32) for side in keys)
    pairs: list[Pair] = []
    done = (0, 0)
    for a, b, length in [*align(first, second), (len(left), len(right), 0)]:
        lefts = [values for _, values in keys[0][done[0] : a]]
        rights = [values for _, values in keys[1][done[1] : b]]
        pairs.extend((done[0] + i, done[1] + j) for i, j in _alike(lefts, rights))
        pairs.extend((a + step, b + step) for step in range(length))
        done = (a + length, b + length)
    return Grid(tuple(pairs), tuple(columns))


def _columns(left: Rows, right: Rows) -> list[Pair]:
    widths = [max((len(row) for row in rows), default=0) for rows in (left, right)]
    if widths[0] == widths[1] and left and right and left[0] == right[0]:
        return [(at, at) for at in range(widths[0])]
    if max(widths) > COLUMNS_BY_CONTENT_MAX:
        return [(at, at) for at in range(min(widths))]
    lefts, rights = (
        [_column(rows[:COLUMN_ROWS_MAX], at) for at in range(width)]
        for rows, width in zip((left, right), widths, strict=True)
    )
    scored = sorted(
        (-_column_likeness(first, second), abs(a - b), a, b)
        for a, first in enumerate(lefts)
        for b, second in enumerate(rights)
    )
    chosen: dict[int, int] = {}
    for score, _, a, b in scored:
        if -score >= COLUMN_ALIKE_MIN and a not in chosen and b not in chosen.values():
            chosen[a] = b
    rest = [
        [at for at in range(width) if at not in used]
        for width, used in zip(widths, (chosen, set(chosen.values())), strict=True)
    ]
    if len(rest[0]) == len(rest[1]):  # as many left over on each side: they stand for one another
        chosen.update(zip(*rest, strict=True))
    return sorted(chosen.items())


def _column(rows: Rows, at: int) -> list[str]:
    return [row[at] if at < len(row) else "" for row in rows]


def _column_likeness(left: list[str], right: list[str]) -> float:
    heading = HEADING_WEIGHT if left[0] and left[0] == right[0] else 0.0
    shared = (Counter(left) & Counter(right)).total()
    return heading + (1 - HEADING_WEIGHT) * 2 * shared / (len(left) + len(right))


def _alike(lefts: Sequence[tuple[str, ...]], rights: Sequence[tuple[str, ...]]) -> Iterator[Pair]:
    """Pair rows that differ, in order, so that they share the most cells."""
    if not lefts or not rights:
        return
    if len(lefts) * len(rights) > ROWS_BY_LIKENESS_MAX:
        yield from ((at, at) for at in range(min(len(lefts), len(rights))))
        return
    likeness = [[_row_likeness(left, right) for right in rights] for left in lefts]
    yield from best_pairs(likeness)


def _row_likeness(left: tuple[str, ...], right: tuple[str, ...]) -> float:
    """Give the share of filled cells that are equal, the first counting double; 0 below the least."""
    weights = [2, *([1] * (len(left) - 1))]
    filled = sum(weight for a, b, weight in zip(left, right, weights, strict=False) if a or b)
    equal = sum(weight for a, b, weight in zip(left, right, weights, strict=False) if a and a == b)
    score = equal / filled if filled else 0.0
    return score if score >= ROW_ALIKE_MIN else 0.0
