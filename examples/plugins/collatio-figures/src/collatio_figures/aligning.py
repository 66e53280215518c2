"""Finds the figures of two documents and aligns them.

Rules that a comparator keeps to: a document without text is NOT_COMPARABLE, never like anything; swapping the documents
swaps the changes, so a pair is always aligned in one order, whichever way round it was asked.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, NamedTuple

from collatio.plugins.comparators import (
    Change,
    ChangeCounts,
    ChangeKind,
    ChangeScope,
    ComparedDocument,
    Comparison,
    ComparisonStatus,
    PairError,
    Place,
    Similarity,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collatio.plugins.comparators import Document, Options

_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


class Figure(NamedTuple):
    """A figure as it stands, as it is compared, and where."""

    text: str
    value: str
    place: Place


def compare(left: Document, right: Document, options: Options) -> Comparison:
    """Compare two documents by their figures."""
    ends = (ComparedDocument(left.document_id, left.uri, left.sha256),
            ComparedDocument(right.document_id, right.uri, right.sha256))  # fmt: skip
    if not (left.has_text and right.has_text):
        error = PairError("NO_TEXT", "A document of the pair has no text to compare.")
        return Comparison(*ends, ComparisonStatus.NOT_COMPARABLE, error=error)
    olds, news = list(figures_of(left)), list(figures_of(right))
    swapped = [figure.value for figure in olds] > [figure.value for figure in news]
    first, second = (news, olds) if swapped else (olds, news)
    changes = [change.swapped() if swapped else change for change in _changes(first, second)]
    total = len(olds) + len(news)
    same = (total - sum(bool(change.left_text) + bool(change.right_text) for change in changes)) / (
        total or 1
    )
    alike = same if total else None
    return Comparison(
        *ends,
        ComparisonStatus.COMPARED,
        similarity=Similarity(fields=alike, overall=alike),
        counts=ChangeCounts(values_changed=len(changes), changes=len(changes)),
        changes=tuple(changes[: options.max_changes]),
        changes_truncated=len(changes) > options.max_changes,
    )


def figures_of(document: Document) -> Iterator[Figure]:
    """Find the figures of a document in reading order; 1,000.00 and 1000.00 are one."""
    for at, block in enumerate(document.blocks):
        for found in _FIGURE.finditer(block.text):
            place = Place(block.page, at, found.start(), found.end() - found.start(), block.box, block.table)
            yield Figure(found[0], found[0].replace(",", ""), place)


def _changes(left: list[Figure], right: list[Figure]) -> Iterator[Change]:
    values = ([figure.value for figure in side] for side in (left, right))
    for tag, a, b, c, d in SequenceMatcher(None, *values, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for at in range(max(b - a, d - c)):
            yield _change(left[a + at] if a + at < b else None, right[c + at] if c + at < d else None)


def _change(old: Figure | None, new: Figure | None) -> Change:
    kind = ChangeKind.REPLACED if old and new else ChangeKind.DELETED if old else ChangeKind.INSERTED
    return Change(
        kind,
        ChangeScope.TEXT,
        old.place if old else None,
        new.place if new else None,
        old.text if old else "",
        new.text if new else "",
    )
