"""Write a pair's changes for a terminal: hunks of running text with the words around them, then cells and values.

Theory: a change's place on the right is known even where it only took something away within a block (a length of
0), so a hunk is the right document's text with the changes woven in. A whole block that went has no place there;
it is a hunk of its own, where it stands in the list of changes, which is in the right document's order.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from collatio.cli.diffing.paint import safe
from collatio.plugins.comparators import ChangeKind, ChangeScope

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collatio.cli.diffing.paint import Paint
    from collatio.plugins.comparators import Block, Change, Place

CONTEXT_CHARACTERS = 60
_BREAK = "\n\n"
_SCOPES = {ChangeScope.FIELD: "field", ChangeScope.METADATA: "metadata", ChangeScope.LINK: "link"}


@dataclass(frozen=True, slots=True)
class _Span:
    """A change of running text, from where to before where in the right document's whole text."""

    begin: int
    end: int
    change: Change


class Redline:
    """The redline of one pair, over the right document's blocks."""

    def __init__(self, blocks: Sequence[Block], paint: Paint) -> None:
        self._paint = paint
        self._text = _BREAK.join(block.text for block in blocks)
        self._starts = [0, *accumulate(len(block.text) + len(_BREAK) for block in blocks)]

    def lines(self, changes: Sequence[Change]) -> Iterator[str]:
        """Yield the lines of all changes, in their order, running text first."""
        hunk: list[_Span] = []
        edited = {each.right.block for each in changes if each.right and _is_edit(each)}
        renumbered = [each for each in changes if each.renumbering]
        for change in (each for each in changes if each.scope is ChangeScope.TEXT):
            if change.renumbering and change.right and change.right.block not in edited:
                continue
            span = self._span(change)
            if hunk and (span is None or not self._joins(hunk, span)):
                yield from self._hunk(hunk)
                hunk = []
            if span is None:
                yield from self._alone(change)
            else:
                hunk.append(span)
        if hunk:
            yield from self._hunk(hunk)
        if renumbered:
            yield self._renumbered(renumbered)
        for change in changes:
            if change.scope is not ChangeScope.TEXT:
                yield self._value(change)

    def _renumbered(self, changes: Sequence[Change]) -> str:
        """Write in one line what was only renumbered: it follows from the changes above."""
        pairs = dict.fromkeys((each.left_text, each.right_text) for each in changes)
        told = ", ".join(f"{self._paint.deleted(left)}{self._paint.inserted(right)}" for left, right in pairs)
        return f"{self._paint.place('@@ only renumbered @@')} {told}"

    def _span(self, change: Change) -> _Span | None:
        """Find a change's place in the whole text; none for what moved and for what has no place there."""
        place = change.right
        if place is None or change.kind is ChangeKind.MOVED or place.block >= len(self._starts) - 1:
            return None
        begin = self._starts[place.block] + place.offset
        return _Span(begin, begin + place.length, change)

    def _joins(self, hunk: list[_Span], span: _Span) -> bool:
        """Tell whether a change stands in the block in which a hunk ends, and after it."""
        return hunk[-1].end <= span.begin <= self._block_end(hunk[-1].end)

    def _block_end(self, at: int) -> int:
        """Give where the block that holds a point ends."""
        following = min(bisect_right(self._starts, at), len(self._starts) - 1)
        return self._starts[following] - len(_BREAK)

    def _hunk(self, hunk: list[_Span]) -> Iterator[str]:
        first, last = hunk[0], hunk[-1]
        yield self._paint.place(f"@@ {_both(first.change)} @@")
        done = self._starts[bisect_right(self._starts, first.begin) - 1]
        woven = []
        for at, span in enumerate(hunk):
            woven.append(safe(_shortened(self._text[done : span.begin], head=at > 0, tail=True)))
            woven.append(self._gap(span) + self._marked(span.change))
            done = max(done, span.end)
        rest = self._text[done : max(done, self._block_end(last.end))]
        woven.append(safe(_shortened(rest, head=True, tail=False)))
        yield "".join(woven)

    def _gap(self, span: _Span) -> str:
        """Give back the space before a word that went: of the two around it the right side kept the latter."""
        before = self._text[span.begin - 1 : span.begin]
        went = span.begin == span.end and span.change.left_text[:1].isalnum()
        return " " if went and before.isalnum() and not self._text[span.end : span.end + 1].isalnum() else ""

    def _alone(self, change: Change) -> Iterator[str]:
        yield self._paint.place(f"@@ {_both(change)} @@")
        if change.kind is ChangeKind.MOVED:
            text = change.right_text or change.left_text
            yield self._paint.moved(_shortened(text, head=True, tail=True))
        else:
            yield self._marked(change)

    def _marked(self, change: Change) -> str:
        left = self._paint.deleted(change.left_text) if change.left_text else ""
        return left + (self._paint.inserted(change.right_text) if change.right_text else "")

    def _value(self, change: Change) -> str:
        """Write a change of a cell, row, column, table, field or property: its place and both values."""
        left, right = (
            " | ".join(text.split("\t")) if change.scope is ChangeScope.TABLE else text
            for text in (change.left_text, change.right_text)
        )
        if change.scope is ChangeScope.PICTURE:
            left, right = ("picture" if change.left else ""), ("picture" if change.right else "")
        marked = (self._paint.deleted(left) if left else "") + (self._paint.inserted(right) if right else "")
        where = _both(change) if change.scope is ChangeScope.TABLE else _property(change)
        return f"{self._paint.place(f'@@ {where} @@')} {marked}"


def _is_edit(change: Change) -> bool:
    """Tell whether a change is one that a hunk is written for."""
    return change.scope is ChangeScope.TEXT and not change.renumbering and change.kind is not ChangeKind.MOVED


def _shortened(text: str, *, head: bool, tail: bool) -> str:
    """Keep the words at the beginning, at the end or at both of a text that changes do not touch."""
    if len(text) <= CONTEXT_CHARACTERS * (head + tail) + 3:
        return text
    start = text[:CONTEXT_CHARACTERS].rpartition(" ")[0] or text[:CONTEXT_CHARACTERS]
    end = text[-CONTEXT_CHARACTERS:].partition(" ")[2] or text[-CONTEXT_CHARACTERS:]
    return f"{start if head else ''}{' ' if head else ''}…{' ' if tail else ''}{end if tail else ''}"


def _both(change: Change) -> str:
    """Name a change's places: both where they differ, and which side where there is one alone."""
    left, right = _where(change.left), _where(change.right)
    reason = f", likely {change.artifact_reason.lower()}" if change.likely_artifact else ""
    if change.kind is ChangeKind.MOVED:
        return f"{left} moved to {right}{reason}"
    if not right or not left:
        return f"{left or right}, on the {'left' if left else 'right'}{reason}"
    return f"{right if left == right else f'{left} → {right}'}{reason}"


def _where(place: Place | None) -> str:
    """Name a place; pages, blocks, tables, rows and columns count from 1 here."""
    if place is None:
        return ""
    page = f"page {place.page}, " if place.page else ""
    if place.table is None:
        return f"{page}block {place.block + 1}"
    row = "" if place.row is None else f", row {place.row + 1}"
    column = "" if place.column is None else f", column {place.column + 1}"
    return f"{page}table {place.table + 1}{row}{column}"


def _property(change: Change) -> str:
    place = change.right or change.left
    reason = f", likely {change.artifact_reason.lower()}" if change.likely_artifact else ""
    if change.scope is ChangeScope.PICTURE:
        return f"{_both(change)}{reason}"
    return f"{_SCOPES.get(change.scope, 'metadata')} {place.name if place else ''}{reason}"
