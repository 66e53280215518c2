"""Tells which table changes between two formats are no edits: the words stand on both sides, in other cells.

Theory. A table's words are compared twice: in running text, where its block stands, and cell by cell. Of two formats
one may read as a table what the other has as paragraphs, split a cell in two, or write a nested table's rows into
those around it. Then cells differ and words do not. So running text decides: a row, column or table that holds no
word of an unexplained edit is an artefact, and so is one that holds few; those few are then told as text.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from compare_svc.engine.artifacts import FORMAT
from compare_svc.engine.model import ChangeKind
from compare_svc.engine.reordering import ONE_SIDED, SHARE_MIN
from compare_svc.engine.words import fold, tokens

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
        self._open: dict[int, list[_Open]] = {}
        for at, edit in enumerate(edits):
            span = (edit.left, edit.right)[which]
            if edit.reason or span is None or span.begin == span.end:
                continue
            size = len(side.block(span.block).text)
            self._open.setdefault(span.block, []).append(_Open(at, span.begin, min(span.end, size)))
            if span.end > size:
                self._open.setdefault(span.block + 1, []).append(_Open(at, 0, span.end - size))

    def stands(self, table: int) -> bool:
        """Tell whether a table has a block of its own; a nested one has not."""
        return table in self._ordinals

    def is_within_another(self, table: int) -> bool:
        """Tell whether the words of a table without a block stand in the blocks of other tables."""
        rows = self._side.document.tables[table].rows
        words = Counter(word for row in rows for cell in row for word in tokens(fold(cell)))
        around = Counter(
            word
            for ordinal in self._ordinals.values()
            for word in tokens(fold(self._side.block(ordinal).text))
        )
        return not words - around

    def touched(self, place: Place) -> tuple[set[int], int, int]:
        """Give the unexplained edits within a cell, row, column or table, their words there, and its words in all."""
        assert place.table is not None
        ordinal = self._ordinals[place.table]
        text = self._side.block(ordinal).text
        ranges = self._ranges(place, text)
        hit, words = set(), 0
        for each in self._open.get(ordinal, ()):
            for begin, end in ranges:
                low, high = max(begin, each.begin), min(end, each.end)
                if low < high and text[low:high].strip():
                    hit.add(each.at)
                    words += _count(text[low:high])
        return hit, words, sum(_count(text[begin:end]) for begin, end in ranges)

    def _ranges(self, place: Place, text: str) -> list[Range]:
        """Find what a place covers of its block's text: all of it where the text is not the table's cells."""
        assert place.table is not None
        rows = self._side.document.tables[place.table].rows
        whole = "\n".join("\t".join(row) for row in rows)
        at = whole.find(text)
        if at < 0 or (place.row is None and place.column is None):
            return [(0, len(text))]
        found, begin = [], -at
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if place.row in {None, number} and place.column in {None, column}:
                    found.append((max(0, begin), begin + len(cell)))
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


def _count(text: str) -> int:
    return sum(any(character.isalnum() for character in token) for token in tokens(text))
