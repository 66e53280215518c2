"""Splits a sheet into the tables on it: what blank rows, and then blank columns, set apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from extract_svc.engine.model import TableCell

if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_REGIONS = 200


def split_regions(rows: Sequence[Sequence[TableCell]]) -> list[list[list[TableCell]]]:
    """Answer the regions from the top; a sheet with very many of them stays whole."""
    whole = [list(row) for row in rows]
    regions: list[list[list[TableCell]]] = []
    for band in _bands(whole):
        regions += _columns(band)
        if len(regions) > _MAX_REGIONS:
            return [whole]
    return regions


def _bands(rows: list[list[TableCell]]) -> list[list[list[TableCell]]]:
    bands: list[list[list[TableCell]]] = []
    open_until = -1
    for at, row in enumerate(rows):
        if any(cell.text for cell in row) or at <= open_until:
            if not bands or not bands[-1]:
                bands.append([])
            bands[-1].append(row)
            open_until = max([open_until, *(at + cell.row_span - 1 for cell in row if cell.row_span > 1)])
        elif bands and bands[-1]:
            bands.append([])
    return [band for band in bands if band]


def _columns(band: list[list[TableCell]]) -> list[list[list[TableCell]]]:
    """Cut at blank columns; a band with spans over columns is cut only where no span reaches."""
    width = max(len(row) for row in band)
    used = [False] * width
    for row in band:
        for at, cell in enumerate(row):
            if cell.text:
                for covered in range(at, min(at + max(cell.column_span, 1), width)):
                    used[covered] = True
    runs: list[tuple[int, int]] = []
    start = None
    for at, taken in enumerate([*used, False]):
        if taken and start is None:
            start = at
        elif not taken and start is not None:
            runs.append((start, at))
            start = None
    regions = []
    for low, high in runs:
        rows = [row[low:high] for row in band]
        while rows and not any(cell.text for cell in rows[0]):
            rows.pop(0)
        while rows and not any(cell.text for cell in rows[-1]):
            rows.pop()
        regions.append(rows)
    return regions
