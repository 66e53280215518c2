"""Tells which table changes between two formats are no edits: the words stand on both sides, in other cells.

Theory. A table's words are compared twice: in running text, where its block stands, and cell by cell. Of two formats
one may read as a table what the other has as paragraphs, split a cell in two, or write a nested table's rows into
those around it. Then cells differ and words do not. So running text decides: a row, column or table that holds no
word of an unexplained edit is an artefact, and so is one that holds few; those few are then told as text.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from compare_svc.engine.artifacts import FORMAT
from compare_svc.engine.model import ChangeKind
from compare_svc.engine.reordering import ONE_SIDED, SHARE_MIN
from compare_svc.engine.words import fold, tokens, words_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compare_svc.engine.edit import Edit
    from compare_svc.engine.model import Change, Place
    from compare_svc.engine.prepare import Prepared

Range = tuple[int, int]


class Told(NamedTuple):
    """Table changes with their reasons, and the edits, by position, that are to be told as text beside them."""

    changes: list[Change]
    apart: frozenset[int]


class _Open(NamedTuple):
    """An unexplained edit on one side: its position among the edits, and what it covers of a block."""

    at: int
    begin: int
    end: int


class _Side:
    """One side's tables in its text, and the unexplained edits there."""

    def __init__(self, side: Prepared, edits: Sequence[Edit], which: int) -> None:
        self._side = side
        self._ordinals = {
            table: ordinal
            for ordinal in reversed(side.ordinals)
            if (table := side.block(ordinal).table) is not None
        }
        self._cells: dict[int, list[list[Range]]] = {}
        self._open: dict[int, list[_Open]] = {}
        for at, edit in enumerate(edits):
            span = (edit.left, edit.right)[which]
            if edit.reason or edit.kind is ChangeKind.MOVED or span is None or span.begin == span.end:
                continue
            size = len(side.block(span.block).text)
            self._open.setdefault(span.block, []).append(_Open(at, span.begin, min(span.end, size)))
            if span.end > size:
                self._open.setdefault(span.block + 1, []).append(_Open(at, 0, span.end - size))
        for each in self._open.values():
            each.sort(key=lambda one: one.begin)

    def stands(self, table: int) -> bool:
        """Tell whether a table has a block of its own; a nested one has not."""
        return table in self._ordinals

    def is_within_another(self, table: int) -> bool:
        """Tell whether the words of a table without a block stand in the blocks of other tables."""
        rows = self._side.document.tables[table].rows
        words = Counter(word for row in rows for cell in row for word in tokens(fold(cell)))
        return not words - self._around

    @cached_property
    def _around(self) -> Counter[str]:
        """The words of all tables that have a block."""
        texts = (self._side.block(ordinal).text for ordinal in self._ordinals.values())
        return Counter(word for text in texts for word in tokens(fold(text)))

    def touched(self, place: Place) -> tuple[set[int], int, int]:
        """Give the unexplained edits within a cell, row, column or table, their words there, and its words in all."""
        assert place.table is not None
        ordinal = self._ordinals[place.table]
        text = self._side.block(ordinal).text
        opened = self._open.get(ordinal, [])
        hit, words, of = set(), 0, 0
        for begin, end in self._ranges(place, text):
            of += words_in(text[begin:end])
            at = bisect_left(opened, end, key=lambda one: one.begin)  # edits do not overlap
            while at and opened[at - 1].end > begin:
                at -= 1
                part = text[max(begin, opened[at].begin) : min(end, opened[at].end)]
                if part.strip():
                    hit.add(opened[at].at)
                    words += words_in(part)
        return hit, words, of

    def _ranges(self, place: Place, text: str) -> list[Range]:
        """Find what a place covers of its block's text: all of it where the text is not the table's cells."""
        assert place.table is not None
        if place.row is None and place.column is None:
            return [(0, len(text))]
        if place.table not in self._cells:
            self._cells[place.table] = _cells(self._side.document.tables[place.table].rows, text)
        cells = self._cells[place.table]
        if not cells:
            return [(0, len(text))]
        rows = cells if place.row is None else [cells[place.row]]
        if place.column is None:
            return [cell for row in rows for cell in row]
        return [row[place.column] for row in rows if place.column < len(row)]


def _cells(rows: Sequence[Sequence[str]], text: str) -> list[list[Range]]:
    """Find each cell in a block's text, which lacks what is empty at its ends; none where it is another text."""
    at = "\n".join("\t".join(row) for row in rows).find(text)
    if at < 0:
        return []
    found: list[list[Range]] = []
    begin = -at
    for row in rows:
        found.append([])
        for cell in row:
            found[-1].append((max(0, begin), max(0, begin + len(cell))))
            begin += len(cell) + 1
    return found


def explain_tables(left: Prepared, right: Prepared, edits: Sequence[Edit], changes: Sequence[Change]) -> Told:
    """Give table changes whose words stand on the other side their reason."""
    if left.document.media_type == right.document.media_type:
        return Told(list(changes), frozenset())
    sides = (_Side(left, edits, 0), _Side(right, edits, 1))
    explained: list[Change] = []
    apart: set[int] = set()
    for change in changes:
        is_artefact, hit = _judged(sides, change)
        if is_artefact:
            apart |= hit
            explained.append(replace(change, likely_artifact=True, artifact_reason=FORMAT))
        else:
            explained.append(change)
    return Told(explained, frozenset(apart))


def _judged(sides: tuple[_Side, _Side], change: Change) -> tuple[bool, set[int]]:
    hit: set[int] = set()
    changed = of = 0
    for side, place in zip(sides, (change.left, change.right), strict=True):
        if place is None or place.table is None:
            continue
        if not side.stands(place.table):
            return side.is_within_another(place.table), set()
        edits, words, all_words = side.touched(place)
        hit |= edits
        changed += words
        of += all_words
    if change.kind is ChangeKind.VALUE_CHANGED:
        return not hit, hit
    return change.kind in ONE_SIDED and (not hit or changed <= (1 - SHARE_MIN) * of), hit
