"""For authors of comparators: a suite that checks a comparator's promises.

    def test_my_comparator_keeps_its_promises() -> None:
        check_comparator(Figures(), pairs={"prices": (document("9 EUR"), document("8 EUR"))})

The suite needs no test framework: it raises AssertionError with the promise that was broken.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from collatio.plugins.comparators import (
    Block,
    Change,
    ChangeKind,
    ChangeScope,
    Comparator,
    Comparison,
    ComparisonStatus,
    Document,
    Options,
    Place,
    Similarity,
)
from collatio.plugins.testing.extractors import check_lightness

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["check_comparator", "check_lightness", "document"]

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_MEASURES = ("shingles", "text", "structure", "tables", "fields", "overall")


def document(*texts: str, name: str = "document") -> Document:
    """Make a document of paragraphs."""
    return Document(name, media_type="text/plain", blocks=tuple(Block(text) for text in texts))


def check_comparator(comparator: Comparator, pairs: Mapping[str, tuple[Document, Document]]) -> None:
    """Check that a comparator keeps its promises over pairs of documents that differ for it.

    Raises AssertionError that names the pair and the broken promise.
    """
    _expect(isinstance(comparator, Comparator), "", "it has a name, a version and compare")
    _expect(
        bool(_NAME.fullmatch(comparator.name)), "", "its name is in lower case and at most 64 letters long"
    )
    _expect(bool(comparator.version), "", "it states its version")
    _expect(bool(pairs), "", "there are pairs to check it over")
    for name, (left, right) in pairs.items():
        left, right = (_called(left, "left"), _called(right, "right"))  # noqa: PLW2901 - the same, told apart
        found = comparator.compare(left, right, Options())
        _check(found, left, right, name)
        _expect(bool(found.changes), name, "documents that differ have a change")
        _expect(comparator.compare(left, right, Options()) == found, name, "the same pair compares the same")
        _check_swapped(comparator.compare(right, left, Options()), found, name)
        for each in (left, right):
            _check_itself(comparator.compare(each, _called(each, "copy"), Options()), name)
            _check_empty(comparator.compare(each, _called(document(), "empty"), Options()), name)


def _called(given: Document, name: str) -> Document:
    return replace(given, document_id=name)


def _check(found: Comparison, left: Document, right: Document, name: str) -> None:
    _expect(found.status is ComparisonStatus.COMPARED, name, "documents with text are compared")
    sides = (found.left.document_id, found.right.document_id)
    _expect(
        sides == (left.document_id, right.document_id), name, "a comparison names its two documents in order"
    )
    _check_similarity(found.similarity, name)
    counts = found.counts
    _expect(counts is not None, name, "a comparison has counts")
    if counts is not None and not found.changes_truncated:
        _expect(counts.changes == len(found.changes), name, "counts.changes is the number of changes")
    for change in found.changes:
        _check_change(change, left, right, name)


def _check_similarity(similarity: Similarity | None, name: str) -> None:
    _expect(similarity is not None, name, "a comparison has similarities")
    for measure in _MEASURES:
        value = getattr(similarity, measure)
        _expect(value is None or 0 <= value <= 1, name, "a similarity is from 0 to 1")


def _check_change(change: Change, left: Document, right: Document, name: str) -> None:
    _expect(change.kind is not ChangeKind.UNSPECIFIED, name, "a change says what happened")
    _expect(change.scope is not ChangeScope.UNSPECIFIED, name, "a change says to what it happened")
    _expect(bool(change.left or change.right), name, "a change has a place")
    for side, place, text in (
        (left, change.left, change.left_text),
        (right, change.right, change.right_text),
    ):
        if place is not None and change.scope is ChangeScope.TEXT:
            _check_place(side, place, text, name)


def _check_place(side: Document, place: Place, text: str, name: str) -> None:
    _expect(0 <= place.block < len(side.blocks), name, "a place's block is an index into the blocks")
    whole = side.blocks[place.block].text
    end = place.offset + place.length
    _expect(place.offset >= 0 and place.length >= 0, name, "an offset and a length are not negative")
    if end <= len(whole):
        _expect(whole[place.offset : end] == text, name, "a change's text is what stands at its place")


def _check_swapped(found: Comparison, before: Comparison, name: str) -> None:
    swapped = sorted((change.swapped() for change in before.changes), key=repr)
    _expect(sorted(found.changes, key=repr) == swapped, name, "swapping the documents swaps the changes")
    _expect(found.similarity == before.similarity, name, "swapped documents are as alike as before")


def _check_itself(found: Comparison, name: str) -> None:
    _expect(found.status is ComparisonStatus.COMPARED, name, "a document is compared with its copy")
    _expect(not found.changes, name, "a document has no change against its copy")
    _check_similarity(found.similarity, name)
    for measure in _MEASURES:
        _expect(getattr(found.similarity, measure) in {None, 1.0}, name, "a document is wholly like its copy")


def _check_empty(found: Comparison, name: str) -> None:
    _expect(
        found.status is ComparisonStatus.NOT_COMPARABLE,
        name,
        "beside a document without text there is no comparing",
    )
    _expect(found.similarity is None, name, "what was not compared has no similarity")
    _expect(found.error is not None, name, "what was not compared says why")


def _expect(holds: bool, pair: str, promise: str) -> None:
    if not holds:
        raise AssertionError(
            f"A comparator's promise is broken{f' over {pair!r}' if pair else ''}: {promise}."
        )
