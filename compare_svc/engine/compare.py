"""Compares pairs of documents: the engine's entry.

Rules:
1. A document without text is never equal to anything: its pairs are NOT_COMPARABLE, but for one whose pictures are
   known and another of its format that has text: all of that came, and the pictures went.
2. Swapping the sides swaps the changes, exactly. A pair is therefore always worked on in one order, that of
   its documents' digests, and mirrored where it was asked the other way round.
3. Counts and similarities are whole even where the list of changes is cut.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from collatio.runtime.errors import Reason
from compare_svc.engine.blocks import align_documents
from compare_svc.engine.cells import explain_tables
from compare_svc.engine.changes import ordered, place_edits, place_last, place_tables
from compare_svc.engine.edits import text_edits
from compare_svc.engine.hidden import compare_links, compare_pictures
from compare_svc.engine.model import (
    ChangeCounts,
    ChangeKind,
    ChangeScope,
    ComparedDocument,
    Comparison,
    ComparisonStatus,
    PairError,
)
from compare_svc.engine.numbering import tell_renumbering
from compare_svc.engine.prepare import Preparer
from compare_svc.engine.properties import compare_fields, compare_metadata
from compare_svc.engine.reasons import artifact_words, explain
from compare_svc.engine.similarity import measure
from compare_svc.engine.tables import compare_tables
from compare_svc.engine.versioning import ENGINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from compare_svc.engine.model import Change, Document, Options
    from compare_svc.engine.prepare import Prepared
    from compare_svc.engine.tables import TableChanges

PREPARED_MAX = 64
TOKENS_MAX = 4_000_000
PASSAGES_MAX = 8_000_000
"""Tokens kept of all documents a batch has met, in use or not; beyond it the batch begins anew."""


def compare(left: Document, right: Document, options: Options) -> Comparison:
    """Compare two documents. Raises INVALID_REQUEST for a faulty ignore pattern."""
    return next(compare_batch([(left, right)], options))


def compare_batch(pairs: Iterable[tuple[Document, Document]], options: Options) -> Iterator[Comparison]:
    """Compare pairs in order, preparing a document that recurs only once. Raises as `compare` does."""
    shelf = Shelf(options)
    for left, right in pairs:
        if _are_comparable(left, right):
            yield _compared(*shelf.pair(left, right), options)
        else:
            yield _not_comparable(
                left, right, Reason.NO_TEXT, "A document of the pair has no text to compare."
            )


def _are_comparable(left: Document, right: Document) -> bool:
    if left.has_text and right.has_text:
        return True
    pictured = all(each.has_text or each.pictures for each in (left, right))
    return pictured and (left.has_text or right.has_text) and left.media_type == right.media_type


class Shelf:
    """Keeps the prepared documents of a batch, the latest used, within bounds of number and size."""

    def __init__(self, options: Options) -> None:
        self._ignore = options.ignore
        self._preparer = Preparer(options.ignore)
        self._kept: OrderedDict[int, Prepared] = OrderedDict()
        self._tokens = 0

    def pair(self, left: Document, right: Document) -> tuple[Prepared, Prepared]:
        """Prepare both documents of a pair, or take them from the shelf."""
        if self._preparer.size > PASSAGES_MAX:
            self._preparer = Preparer(self._ignore)
            self._kept.clear()
            self._tokens = 0
        return self._get(left), self._get(right)

    def _get(self, document: Document) -> Prepared:
        """Find a document by identity: the shelf holds it, so no other can have its address."""
        found = self._kept.get(id(document))
        if found is not None:
            self._kept.move_to_end(id(document))
            return found
        made = self._preparer.prepare(document)
        self._kept[id(document)] = made
        self._tokens += made.ids.size
        while len(self._kept) > 2 and (len(self._kept) > PREPARED_MAX or self._tokens > TOKENS_MAX):
            _, dropped = self._kept.popitem(last=False)
            self._tokens -= dropped.ids.size
        return made


def _compared(left: Prepared, right: Prepared, options: Options) -> Comparison:
    if not left.ids.size and not right.ids.size and not left.document.tables and not right.document.tables:
        message = "Nothing is left to compare once what is ignored is taken out."
        return _not_comparable(left.document, right.document, Reason.NO_TEXT, message)
    same = left is right or bool(left.document.digest and left.document.digest == right.document.digest)
    if same or left.identity == right.identity:
        return _equal(left, right)
    if left.identity < right.identity:
        return _different(left, right, options, swapped=False)
    return _different(right, left, options, swapped=True)


def _different(left: Prepared, right: Prepared, options: Options, *, swapped: bool) -> Comparison:
    """Compare in the settled order; `swapped`: the caller's left is this right."""
    ignore = options.ignore
    edits, words_equal = text_edits(left, right, align_documents(left, right), ignore)
    edits = explain(left, right, edits)
    tables = compare_tables(left.document, right.document, ignore, options.max_changes)
    fields, fields_alike = compare_fields(left.document, right.document, ignore)
    metadata = compare_metadata(left.document, right.document, ignore)
    celled = explain_tables(left, right, edits, tables.changes)
    edited = place_edits(left, right, edits, tables.pairs, celled.apart)
    told = tell_renumbering(left.document, right.document, [entry.change for entry in edited])
    placed = [
        *(entry._replace(change=change) for entry, change in zip(edited, told, strict=True)),
        *place_tables(left, right, celled.changes),
        *place_last([*fields, *metadata, *compare_links(left.document, right.document, ignore)]),
        *place_last(compare_pictures(left.document, right.document)),
    ]
    changes = ordered(placed, swapped=swapped)
    first, second = (right, left) if swapped else (left, right)
    similarity = measure(
        first,
        second,
        words_equal,
        artifact_words=artifact_words(left, right, edits),
        tables=tables.similarity,
        fields=fields_alike,
    )
    limit = options.max_changes
    if similarity.text is not None and similarity.text < options.unlike_below:
        limit = min(limit, options.max_unlike_changes)
    return Comparison(
        compared_document(first.document),
        compared_document(second.document),
        ComparisonStatus.COMPARED,
        similarity=similarity,
        counts=_counts(first, second, words_equal, tables, changes),
        changes=_listed(changes, limit),
        changes_truncated=len(changes) > limit or tables.count > len(tables.changes),
        engine=ENGINE,
    )


def _listed(changes: list[Change], limit: int) -> tuple[Change, ...]:
    """Cut a list that is too long, likely artefacts first."""
    if len(changes) <= limit:
        return tuple(changes)
    ranked = sorted(range(len(changes)), key=lambda at: (changes[at].likely_artifact, at))
    return tuple(changes[at] for at in sorted(ranked[:limit]))


def _counts(
    left: Prepared, right: Prepared, equal: int, tables: TableChanges, changes: list[Change]
) -> ChangeCounts:
    return ChangeCounts(
        words_inserted=right.word_count() - equal,
        words_deleted=left.word_count() - equal,
        words_equal=equal,
        blocks_moved=sum(change.kind is ChangeKind.MOVED for change in changes),
        cells_changed=tables.cells_changed,
        values_changed=sum(change.scope not in {ChangeScope.TEXT, ChangeScope.TABLE} for change in changes),
        changes=len(changes) + tables.count - len(tables.changes),
        likely_artifacts=sum(change.likely_artifact for change in changes),
        renumbered=sum(change.renumbering for change in changes),
    )


def _equal(left: Prepared, right: Prepared) -> Comparison:
    """Answer for two documents with the same content, without a diff."""
    words = left.word_count()
    has_cells = any(cell.strip() for table in left.document.tables for row in table.rows for cell in row)
    similarity = measure(
        left,
        right,
        words,
        tables=1.0 if has_cells else None,
        fields=1.0 if left.document.fields else None,
    )
    return Comparison(
        compared_document(left.document),
        compared_document(right.document),
        ComparisonStatus.COMPARED,
        similarity=similarity,
        counts=ChangeCounts(words_equal=words),
        engine=ENGINE,
    )


def _not_comparable(left: Document, right: Document, reason: Reason, message: str) -> Comparison:
    return Comparison(
        compared_document(left),
        compared_document(right),
        ComparisonStatus.NOT_COMPARABLE,
        error=PairError(reason.value, message),
        engine=ENGINE,
    )


def compared_document(document: Document) -> ComparedDocument:
    """Name a document of a pair."""
    return ComparedDocument(document.document_id, document.uri, document.sha256)
