"""Splits a sheet into the tables on it: what blank rows, and then blank columns, set apart."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.model import TableCell

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
                reach = min(at + max(cell.column_span, 1), width)
                used[at:reach] = [True] * (reach - at)
    regions = []
    for taken, run in groupby(range(width), key=used.__getitem__):
        columns = list(run)
        if taken:
            regions.append(_trimmed([row[columns[0] : columns[-1] + 1] for row in band]))
    return regions


def _trimmed(rows: list[list[TableCell]]) -> list[list[TableCell]]:
    """Leave out blank rows at the top and the bottom."""
    filled = [at for at, row in enumerate(rows) if any(cell.text for cell in row)]
    return rows[filled[0] : filled[-1] + 1]
