"""Turns edits into changes: copies the texts, finds the places, puts all in the right document's order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from compare_svc.engine.model import Change, ChangeKind, ChangeScope, Place

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from compare_svc.engine.edit import Edit, Span
    from compare_svc.engine.prepare import Prepared

_LAST = 1 << 60


class Placed(NamedTuple):
    """A change and where it belongs in either document: tokens before it, a rank, the order it was found in."""

    at: tuple[int, int]
    rank: int
    change: Change


def place_edits(
    left: Prepared,
    right: Prepared,
    edits: Iterable[Edit],
    paired_tables: tuple[tuple[int, int], ...],
    apart: Collection[int] = (),
) -> list[Placed]:
    """Make the changes of running text; what differs in tables is told by cells instead, but for edits `apart`."""
    pairs = set(paired_tables)
    return [
        Placed(edit.at, _rank(edit.kind), _change(left, right, edit))
        for at, edit in enumerate(edits)
        if at in apart
        or not _told_by_cells(_table(left, edit.left), _table(right, edit.right), edit.kind, pairs)
    ]


def _told_by_cells(
    left: int | None, right: int | None, kind: ChangeKind, pairs: set[tuple[int, int]]
) -> bool:
    """Tell whether an edit lies in tables whose changes are told by cells, rows or as a whole."""
    if kind is ChangeKind.DELETED:
        return left is not None
    if kind is ChangeKind.INSERTED:
        return right is not None
    return (left, right) in pairs


def _table(side: Prepared, span: Span | None) -> int | None:
    """Give the table that a span lies in; a block that names a table the document lacks is running text."""
    table = side.block(span.block).table if span else None
    return table if table is not None and 0 <= table < len(side.document.tables) else None


def _rank(kind: ChangeKind) -> int:
    return 0 if kind is ChangeKind.MOVED else 1


def _change(left: Prepared, right: Prepared, edit: Edit) -> Change:
    return Change(
        edit.kind,
        ChangeScope.TEXT,
        _place(left, edit.left),
        _place(right, edit.right),
        left.span_text(edit.left) if edit.left else "",
        right.span_text(edit.right) if edit.right else "",
        likely_artifact=bool(edit.reason),
        artifact_reason=edit.reason,
    )


def _place(side: Prepared, span: Span | None) -> Place | None:
    if span is None:
        return None
    block = side.block(span.block)
    return Place(block.page, side.at[span.block], span.begin, span.end - span.begin, block.box, block.table)


def place_tables(left: Prepared, right: Prepared, changes: Iterable[Change]) -> list[Placed]:
    """Put table changes where their tables stand."""
    return [
        Placed((_table_at(left, change.left), _table_at(right, change.right)), 2, change)
        for change in changes
    ]


def _table_at(side: Prepared, place: Place | None) -> int:
    """Give the token at which a table's block begins; the end for a table without a block."""
    end = int(side.ids.size)
    return end if place is None or place.table is None else side.table_starts.get(place.table, end)


def place_last(changes: Iterable[Change]) -> list[Placed]:
    """Put the changes of fields and metadata after all others."""
    return [Placed((_LAST, _LAST), 3, change) for change in changes]


def ordered(placed: list[Placed], *, swapped: bool) -> list[Change]:
    """List changes in the order of the right document, or, swapped, as they are seen from the other side."""
    near, far = (0, 1) if swapped else (1, 0)
    numbered = sorted(
        enumerate(placed),
        key=lambda item: (item[1].at[near], item[1].rank, item[1].at[far], item[0]),
    )
    if not swapped:
        return [item.change for _, item in numbered]
    return [item.change.swapped() for _, item in numbered]
