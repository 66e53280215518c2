"""Comparing pairs: what is told, and what is told apart from content."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from collatio.runtime.errors import CollatioError, Reason
from compare_svc.engine.compare import compare, compare_batch
from compare_svc.engine.model import (
    Block,
    BlockKind,
    ChangeKind,
    ChangeScope,
    Comparison,
    ComparisonStatus,
    Document,
    Field,
    Ignore,
    Mark,
    Metadata,
    Options,
    Picture,
    Table,
)

LONG = "The supplier shall deliver the goods to the buyer within thirty days of the order"


def _document(*blocks: str | Block, name: str = "d", **more: object) -> Document:
    made = tuple(Block(block) if isinstance(block, str) else block for block in blocks)
    return Document(name, blocks=made, **more)  # type: ignore[arg-type]  # fields by name, as the tests need


def _told(comparison: Comparison) -> list[tuple[str, str, str, str]]:
    return [
        (change.kind.name, change.left_text, change.right_text, change.artifact_reason)
        for change in comparison.changes
    ]


def test_a_word_replaced_is_told_with_its_place() -> None:
    """The changed words alone are told, with page, block, offset and length on both sides."""
    left = _document(Block("Heading", BlockKind.HEADING, 1, 1), Block(f"{LONG}.", page=2))
    right = _document(
        Block("Heading", BlockKind.HEADING, 1, 1), Block(f"{LONG.replace('thirty', 'sixty')}.", page=2)
    )
    comparison = compare(left, right, Options())
    assert _told(comparison) == [("REPLACED", "thirty", "sixty", "")]
    place = comparison.changes[0].left
    assert place
    assert (place.page, place.block, place.offset, place.length) == (2, 1, LONG.index("thirty"), 6)


def test_an_insertion_within_a_block_says_where_it_would_stand() -> None:
    """Within a block that both sides hold, the other side has a place of length 0; a whole block's has none."""
    left = _document(f"{LONG}.", "The end.")
    right = _document(f"{LONG} in writing.", "An altogether new paragraph of its own.", "The end.")
    within, whole = compare(left, right, Options()).changes
    assert within.right_text == "in writing"
    assert within.left
    assert (within.left.block, within.left.offset, within.left.length) == (0, len(LONG), 0)
    assert whole.kind is ChangeKind.INSERTED
    assert whole.left is None


def test_a_moved_block_that_changed_is_moved_and_its_words_are_told() -> None:
    """A long block that stands elsewhere with a word changed is one move and one replacement inside it."""
    fill = [f"Paragraph {at} has words that no other paragraph has, such as {at * 7919}." for at in range(4)]
    left = _document(f"{LONG}.", *fill)
    right = _document(*fill, f"{LONG.replace('thirty', 'ninety')}.")
    told = _told(compare(left, right, Options()))
    assert [row[0] for row in told] == ["MOVED", "REPLACED"]
    assert told[1][1:3] == ("thirty", "ninety")


def test_a_split_paragraph_is_one_difference_of_white_space() -> None:
    """Breaking a paragraph in two changes no word."""
    left = _document(f"{LONG}. And so on and so forth it goes.")
    right = _document(f"{LONG}.", "And so on and so forth it goes.")
    comparison = compare(left, right, Options())
    assert _told(comparison) == [("REPLACED", " ", "\n\n", "WHITESPACE")]
    assert comparison.similarity
    assert comparison.similarity.text == 1.0


@pytest.mark.parametrize(
    ("left", "right", "reason"),
    [
        (f"{LONG} again", f"{LONG.replace(' ', chr(10))} again", "WHITESPACE"),
        (f"{LONG} some-\nthing else", f"{LONG} something else", "HYPHENATION"),
        (f"{LONG} ﬁnally", f"{LONG} finally", "ENCODING"),
        (f"{LONG} \u201cx\u201d", f'{LONG} "x"', "ENCODING"),
    ],
)
def test_spelling_that_extraction_changes_is_an_artifact(left: str, right: str, reason: str) -> None:
    """Wrapping, hyphenation and encoding are told as such, and do not lower the text's similarity."""
    comparison = compare(_document(left), _document(right), Options())
    assert {change.artifact_reason for change in comparison.changes} == {reason}
    assert comparison.counts
    assert comparison.counts.likely_artifacts == comparison.counts.changes
    assert comparison.similarity
    assert comparison.similarity.text == 1.0


def test_page_furniture_is_told_apart_and_left_out_when_ignored() -> None:
    """A running foot is an artefact; ignored, it is not there at all."""
    left = _document(f"{LONG}.", Block("Page 1 of 9", BlockKind.FOOTER, page=1))
    right = _document(f"{LONG}.")
    told = compare(left, right, Options())
    assert _told(told) == [("DELETED", "Page 1 of 9", "", "PAGE_FURNITURE")]
    assert told.similarity
    assert told.similarity.text == 1.0
    assert compare(left, right, Options(Ignore(page_furniture=True))).changes == ()


def test_low_confidence_makes_an_artifact_but_no_likeness() -> None:
    """A word misread in a bad scan is likely no edit; still the texts are not called equal."""
    left = _document(f"{LONG}.")
    right = _document(Block(f"{LONG.replace('goods', 'g00ds')}.", marks=(Mark.OCR,), confidence=0.2))
    comparison = compare(left, right, Options())
    assert _told(comparison) == [("REPLACED", "goods", "g00ds", "LOW_CONFIDENCE")]
    assert comparison.similarity
    assert comparison.similarity.text is not None
    assert comparison.similarity.text < 1.0


def test_list_markers_between_formats_are_artifacts() -> None:
    """What one format writes and the other keeps as a property is no edit; within one format it is."""
    left = _document("\u2022 first thing to do", "1. second thing to do", media_type="application/pdf")
    right = _document("first thing to do", "second thing to do", media_type="text/html")
    reasons = {change.artifact_reason for change in compare(left, right, Options()).changes}
    assert reasons == {"FORMAT"}
    same = _document("first thing to do", "second thing to do", media_type="application/pdf")
    assert {change.artifact_reason for change in compare(left, same, Options()).changes} == {""}


@pytest.mark.parametrize(
    ("ignore", "right"),
    [
        (Ignore(case=True), LONG.upper()),
        (Ignore(whitespace=True), LONG.replace(" ", "\n")),
        (Ignore(patterns=(r"thirty|\d+",)), LONG.replace("thirty", "45")),
    ],
)
def test_what_is_ignored_does_not_count(ignore: Ignore, right: str) -> None:
    """Case, white space and patterns vanish from changes and similarity alike."""
    comparison = compare(_document(LONG), _document(right), Options(ignore))
    assert comparison.changes == ()
    assert comparison.similarity
    assert comparison.similarity.text == 1.0


def test_a_pattern_leaves_out_cells_fields_and_properties_too() -> None:
    """A placeholder filled in differently is no change wherever it stands; what stands around it counts."""

    def filled(who: str, total: str) -> Document:
        return Document(
            who,
            blocks=(Block(f"Between <<{who}>> and us."), Block("x", BlockKind.TABLE, table=0)),
            tables=(Table((("Party", f"<<{who}>>"), ("Total", total))),),
            fields=(Field("Client", f"<<{who}>>"), Field("Total", total)),
            metadata=Metadata(title=f"Offer to <<{who}>>"),
        )

    options = Options(Ignore(patterns=("<<.*?>>",)))
    assert compare(filled("Ann", "10"), filled("Bob", "10"), options).changes == ()
    scopes = [change.scope for change in compare(filled("Ann", "10"), filled("Bob", "11"), options).changes]
    assert scopes == [ChangeScope.TABLE, ChangeScope.FIELD]


def test_a_pattern_that_may_match_nothing_leaves_words_whole() -> None:
    """A match without length takes nothing out."""
    compared = compare(_document(LONG), _document(LONG + " more"), Options(Ignore(patterns=("q*",))))
    assert compared.similarity
    assert compared.similarity.shingles
    assert compared.similarity.shingles > 0.9


def test_no_pattern_takes_more_than_linear_time() -> None:
    """What sends a backtracking matcher into an exponential search is answered at once."""
    trap = _document("a" * 50_000 + "!")
    compared = compare(trap, _document("a" * 50_000 + "?"), Options(Ignore(patterns=("(a|a)*$", "(a+)+$"))))
    assert compared.counts
    assert compared.counts.changes


@pytest.mark.parametrize("pattern", ["(", "(?=x)", r"(a)\1", "(?>a)", "a" * 1_001])
def test_a_faulty_pattern_is_the_callers_fault(pattern: str) -> None:
    """What RE2's syntax lacks is refused by name of the field."""
    with pytest.raises(CollatioError) as caught:
        compare(_document("a"), _document("b"), Options(Ignore(patterns=(pattern,))))
    assert caught.value.reason is Reason.INVALID_REQUEST


@pytest.mark.parametrize("other", [_document(), _document(" \n "), _document("text")])
def test_a_document_without_text_is_never_equal(other: Document) -> None:
    """Two scans are not the same because neither has text, even with equal digests."""
    empty = _document(name="scan", digest="x")
    comparison = compare(empty, other, Options())
    assert comparison.status is ComparisonStatus.NOT_COMPARABLE
    assert comparison.error
    assert comparison.error.reason == "NO_TEXT"
    assert comparison.similarity is None
    assert compare(empty, empty, Options()).status is ComparisonStatus.NOT_COMPARABLE


def test_equal_digests_are_equal_without_a_diff() -> None:
    """The same extraction is the same document: similarity 1, all words equal."""
    left = _document(LONG, name="a", uri="file:///a", digest="same")
    right = _document(LONG, name="b", uri="file:///b", digest="same")
    comparison = compare(left, right, Options())
    assert comparison.comparison_id == "a..b"
    assert comparison.right.uri == "file:///b"
    assert comparison.counts
    assert comparison.counts.words_equal == len(LONG.split())
    assert comparison.similarity
    assert comparison.similarity.overall == 1.0


def test_strangers_list_few_changes_and_count_all() -> None:
    """Documents with nothing in common are not written out in full; the counts say all."""
    left = _document(*(f"alpha{at} beta{at} gamma{at}" for at in range(60)))
    right = _document(*(f"delta{at} epsilon{at}" for at in range(50)), *("zeta",))
    comparison = compare(left, right, Options(max_unlike_changes=7))
    assert len(comparison.changes) == 7
    assert comparison.changes_truncated
    assert comparison.counts
    assert comparison.counts.changes > 7
    assert comparison.counts.words_deleted == 180


def test_a_long_list_of_changes_loses_artifacts_first() -> None:
    """When changes must be left out, those that are likely no edits go."""
    words = LONG.split()
    left = _document(*(f"{LONG} number {at}" for at in range(6)))
    right = _document(*(f"{'  '.join(words)} number {at + 1000}" for at in range(6)))
    comparison = compare(left, right, Options(max_changes=6))
    assert comparison.changes_truncated
    assert not any(change.likely_artifact for change in comparison.changes)


def test_a_batch_gives_what_single_comparisons_give() -> None:
    """Preparing documents once for many pairs changes nothing."""
    documents = [_document(LONG, f"{LONG} {at}", "x" * at, name=str(at)) for at in range(5)]
    pairs = [(left, right) for left in documents for right in documents]
    assert list(compare_batch(pairs, Options())) == [compare(*pair, Options()) for pair in pairs]


def test_shingles_are_exact() -> None:
    """Five-word shingles of lower-case words: 4 of 6 differ when the middle word of nine... is another."""
    left, right = "a b c d e f g h i", "a b c d X f g h i"
    comparison = compare(_document(left), _document(right), Options())
    assert comparison.similarity
    assert comparison.similarity.shingles == 0.0
    longer = compare(_document(f"{left} j k"), _document(f"{left} j Z"), Options()).similarity
    assert longer
    assert longer.shingles == pytest.approx(6 / 8)


def test_an_empty_block_between_is_part_of_the_break() -> None:
    """What stands between two words is told whole, blocks without words included."""
    left = _document(f"{LONG}.", "", f"{LONG} too.")
    right = _document(f"{LONG}. {LONG} too.")
    assert _told(compare(left, right, Options())) == [("REPLACED", "\n\n\n\n", " ", "WHITESPACE")]


def test_pictures_alone_are_told_beside_the_text_of_the_same_format() -> None:
    """Where a picture gave way to text, both are changes, and the two are not alike."""
    pictured = Document("a", media_type="m", pictures=(Picture("d" * 64, page=1),))
    written = Document("b", media_type="m", blocks=(Block("x = 2"),))
    found = compare(pictured, written, Options())
    assert found.status is ComparisonStatus.COMPARED
    assert {(change.kind, change.scope) for change in found.changes} == {
        (ChangeKind.INSERTED, ChangeScope.TEXT),
        (ChangeKind.DELETED, ChangeScope.PICTURE),
    }
    assert found.similarity.text == 0.0


def test_pictures_alone_are_no_text() -> None:
    """Two documents of pictures alone, or one beside another format's text, cannot be compared."""
    pictured = Document("a", media_type="m", pictures=(Picture("d" * 64, page=1),))
    other = Document("b", media_type="other", blocks=(Block("x = 2"),))
    for right in (other, replace(pictured, document_id="c")):
        assert compare(pictured, right, Options()).status is ComparisonStatus.NOT_COMPARABLE


def test_strangers_of_many_blocks_take_time_by_their_length() -> None:
    """Twice as many blocks without a word in common take about twice as long, not four times."""

    def spent_s(blocks: int) -> float:
        left = _document(*(f"left{at} word{at}" for at in range(blocks)), name="a")
        right = _document(*(f"right{at} thing{at}" for at in range(blocks)), name="b")
        began = time.process_time()
        assert compare(left, right, Options()).changes
        return time.process_time() - began

    assert min(spent_s(8_000) for _ in range(2)) < 6 * max(spent_s(2_000) for _ in range(2))
