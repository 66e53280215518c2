"""A row a change, for those who go through changes in a spreadsheet: what was, what is, where, and whether it counts."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from collatio.report.closest import RELATED_MIN, by_likeness
from collatio.report.csv_files import cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collatio.report.csv_files import Cell
    from collatio.report.model import Account, Change, Pair, Spot

CHANGES_HEAD = (
    *("left", "right", "similarity", "counts", "kind", "scope"),
    *("leftPage", "rightPage", "where", "was", "is", "wasValue", "isValue", "why"),
)


def changes_csv(account: Account) -> Iterator[str]:
    """Yield the file pair by pair, the most alike first; strangers, in whom everything changed, are left out."""
    yield _line(CHANGES_HEAD)
    for pair in by_likeness(account.pairs):
        if pair.overall < RELATED_MIN:
            return
        if pair.counts.get("changes", 0):
            for change in account.shelf.changes(pair.index):
                yield _line(_row(account, pair, change))


def _row(account: Account, pair: Pair, change: Change) -> Sequence[Cell]:
    spot = change.right or change.left
    why = "only renumbered" if change.renumbering else change.reason.replace("_", " ").lower()
    return (
        account.documents[pair.left].uri,
        account.documents[pair.right].uri,
        pair.overall,
        "" if change.artifact or change.renumbering else "yes",
        change.kind.replace("_", " ").lower(),
        change.scope.lower(),
        (change.left and change.left.page) or None,
        (change.right and change.right.page) or None,
        _where(spot) if spot else "",
        change.left_text,
        change.right_text,
        change.left_value,
        change.right_value,
        why,
    )


def _where(spot: Spot) -> str:
    """Name a place as people count: from 1."""
    if spot.name:
        return spot.name
    if spot.table is None:
        return f"block {spot.block + 1}"
    row = "" if spot.row is None else f", row {spot.row + 1}"
    column = "" if spot.column is None else f", column {spot.column + 1}"
    return f"table {spot.table + 1}{row}{column}"


def _line(values: Sequence[Cell]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow([cell(value) for value in values])
    return text.getvalue().encode("utf-8", "replace").decode()
