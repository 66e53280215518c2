"""Finds text that two formats read in another order: words that one side lacks here and has there.

Rules:
1. An edit of one side alone is taken for reordered where nearly all its words stand in edits of the other side.
2. Each word is used once. What of such an edit has no counterpart is an edit of its own, so that a word that stands
   in one document only is told, wherever it is read.
3. A lone word within a line is left out: it may well be an edit. One that fills its line or its cell is not.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from compare_svc.engine.artifacts import FORMAT
from compare_svc.engine.model import ChangeKind
from compare_svc.engine.words import fold, spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from compare_svc.engine.edit import Edit, Span
    from compare_svc.engine.prepare import Prepared

ONE_SIDED = (ChangeKind.DELETED, ChangeKind.INSERTED)
MARKERS = re.compile(r"(?:^|(?<=\t)) *(?:[^\w\s]{1,2}|\d{1,3}[.)]) +", re.MULTILINE)
"""Markers at the beginning of lines and cells."""
WORDS_MIN = 2
SHARE_MIN = 0.8
_BOUNDS = frozenset("\t\n")


class _Word(NamedTuple):
    """A word of an edit: where it stands in the edit's text, and how it is compared."""

    begin: int
    end: int
    key: str


class _Lone(NamedTuple):
    """An edit of one side alone: its place among the edits, its text and its words, markers left out."""

    at: int
    text: str
    words: list[_Word]

    def bag(self) -> Counter[str]:
        """Count its words."""
        return Counter(word.key for word in self.words)


def mark_reordered(left: Prepared, right: Prepared, edits: Sequence[Edit]) -> list[Edit]:
    """Give what was read in another order its reason, cutting edits that hold more than that."""
    found = [list(_lone(side, edits, kind)) for side, kind in zip((left, right), ONE_SIDED, strict=True)]
    pools = _replaced(left, right, edits)
    for pool, lone in zip(pools, found, strict=True):
        for each in lone:
            pool.update(each.bag())
    cut: dict[int, list[Edit]] = {}
    for side, lone in zip((left, right), found, strict=True):
        shared = pools[0] & pools[1]
        for each in lone:
            covered = each.bag() & shared
            if covered and covered.total() >= SHARE_MIN * len(each.words):
                parts = _cut(side, edits[each.at], each, covered)
                if parts:
                    cut[each.at] = parts
                    shared.subtract(covered)
    return [part for at, edit in enumerate(edits) for part in cut.get(at, (edit,))]


def _span(edit: Edit) -> Span | None:
    return edit.left if edit.kind is ChangeKind.DELETED else edit.right


def _lone(side: Prepared, edits: Sequence[Edit], kind: ChangeKind) -> Iterator[_Lone]:
    for at, edit in enumerate(edits):
        span = _span(edit)
        if edit.kind is kind and not edit.reason and span:
            text = side.span_text(span)
            each = _Lone(at, text, list(_words(text)))
            if len(each.words) >= WORDS_MIN or (each.words and fills_line(side.block(span.block).text, span)):
                yield each


def _replaced(left: Prepared, right: Prepared, edits: Sequence[Edit]) -> tuple[Counter[str], Counter[str]]:
    """Count, on either side, the words that replaced others: they may well be those that are missing elsewhere."""
    gone, come = Counter[str](), Counter[str]()
    for edit in edits:
        if edit.kind is ChangeKind.REPLACED and not edit.reason and edit.left and edit.right:
            old = Counter(word.key for word in _words(left.span_text(edit.left)))
            new = Counter(word.key for word in _words(right.span_text(edit.right)))
            gone.update(old - new)
            come.update(new - old)
    return gone, come


def _words(text: str) -> Iterator[_Word]:
    markers = [match.span() for match in MARKERS.finditer(text)]
    for begin, end in spans(text):
        key = fold(text[begin:end])
        marks = any(low <= begin < high for low, high in markers)
        if not marks and any(character.isalnum() for character in key):
            yield _Word(begin, end, key)


def fills_line(text: str, span: Span) -> bool:
    """Tell whether a span, spaces aside, is a whole line or a whole cell of its block."""
    before, after = text[: span.begin].rstrip(" "), text[span.end :].lstrip(" ")
    return (not before or before[-1] in _BOUNDS) and (not after or after[0] in _BOUNDS)


def _cut(side: Prepared, edit: Edit, lone: _Lone, covered: Counter[str]) -> list[Edit]:
    """Cut an edit into what stands on the other side too and what does not; nothing where it cannot be cut."""
    alone = _without(lone.words, covered)
    if not alone:
        return [edit._replace(reason=FORMAT)]
    span = _span(edit)
    if span is None or span.text is not None or span.end > len(side.block(span.block).text):
        return []
    parts, reached = [], 0
    for begin, end in alone:
        parts += [(reached, begin, FORMAT), (begin, end, "")]
        reached = end
    parts.append((reached, len(lone.text), FORMAT))
    return [
        _part(side, edit, span.begin + begin, span.begin + end, reason)
        for begin, end, reason in parts
        if lone.text[begin:end].strip()
    ]


def _without(words: Sequence[_Word], covered: Counter[str]) -> list[tuple[int, int]]:
    """List the stretches of words that are not covered."""
    left, follows = Counter(covered), False
    stretches: list[tuple[int, int]] = []
    for word in words:
        if left[word.key] > 0:
            left[word.key] -= 1
            follows = False
        elif follows:
            stretches[-1] = (stretches[-1][0], word.end)
        else:
            stretches.append((word.begin, word.end))
            follows = True
    return stretches


def _part(side: Prepared, edit: Edit, begin: int, end: int, reason: str) -> Edit:
    """Make the edit of a part of a span, in its place among the others."""
    span = _span(edit)
    assert span is not None
    tokens = [offset for offset, _ in side.offsets(span.block)]
    token = side.first[span.block] + bisect_left(tokens, begin)
    part = span._replace(begin=begin, end=end)
    if edit.kind is ChangeKind.DELETED:
        return edit._replace(at=(token, edit.at[1]), left=part, reason=reason)
    return edit._replace(at=(edit.at[0], token), right=part, reason=reason)
