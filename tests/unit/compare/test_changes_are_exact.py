"""The promises a reader of changes builds on, over generated documents."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from compare_svc.engine.compare import compare
from compare_svc.engine.model import (
    Block,
    BlockKind,
    Change,
    ChangeKind,
    ComparisonStatus,
    Document,
    Ignore,
    Options,
    Place,
)
from compare_svc.engine.words import fold, spans

WORDS = [
    "a",
    "b",
    "the",
    "of",
    "x1",
    "Foo",
    "bar,",
    "baz.",
    "-",
    "1,000.00",
    "some-",
    "thing",
    "日本",
    "ﬁn",
    "“q”",
]
LEADS = ["", "", "", "1. ", "2. ", "2.1 ", "3.1 ", "(b) ", "(c) ", "Foot "]
"""What blocks begin with: nothing, a number, or the word that makes them a running foot here."""
ALL = Options(max_unlike_changes=10_000)
SWAPPED = {ChangeKind.INSERTED: ChangeKind.DELETED, ChangeKind.DELETED: ChangeKind.INSERTED}

Where = tuple[int, int, int]
"""A word's block, begin and end."""


@dataclass(frozen=True)
class Shape:
    """Where a document's words stand, without the words: the lengths of its blocks, its words' places."""

    lengths: list[int]
    words: list[Where]

    @classmethod
    def of(cls, document: Document) -> Shape:
        """Take a document's shape; its words with page furniture last, whose place among the others says nothing."""
        blocks = sorted(enumerate(document.blocks), key=lambda entry: entry[1].kind is BlockKind.FOOTER)
        words = [(at, *span) for at, block in blocks for span in spans(block.text)]
        return cls([len(block.text) for block in document.blocks], words)

    def absolute(self, block: int, offset: int) -> int:
        """Give an offset in the whole text, blocks joined by blank lines."""
        return sum(length + 2 for length in self.lengths[:block]) + offset

    def covered(self, place: Place | None) -> list[Where]:
        """List the words a place covers, whole ones only; it may reach into the next block."""
        if place is None:
            return []
        low = self.absolute(place.block, place.offset)
        found = []
        for word in self.words:
            begin, end = (self.absolute(word[0], offset) for offset in word[1:])
            if begin < low + place.length and end > low:
                assert low <= begin
                assert end <= low + place.length
                found.append(word)
        return found


@st.composite
def _texts(draw: st.DrawFn) -> str:
    words = draw(st.lists(st.sampled_from(WORDS), max_size=12))
    return draw(st.sampled_from(LEADS)) + "".join(
        word + draw(st.sampled_from([" ", "\n", "  "])) for word in words
    )


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[Document, Document]:
    """Draw a document and either an edited copy of it or another one."""
    left = draw(st.lists(_texts(), min_size=1, max_size=7))
    if draw(st.booleans()):
        return _document("a", left), _document("b", draw(st.lists(_texts(), min_size=1, max_size=7)))
    right = list(left)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(right) - 1))
        match draw(st.sampled_from(["insert", "delete", "move", "append", "cut", "renumber"])):
            case "insert":
                right.insert(at, draw(_texts()))
            case "delete" if len(right) > 1:
                del right[at]
            case "move":
                right.insert(draw(st.integers(0, len(right) - 1)), right.pop(at))
            case "renumber":
                right[at] = draw(st.sampled_from(LEADS)) + right[at].partition(" ")[2]
            case "append":
                right[at] += " " + draw(st.sampled_from(WORDS))
            case _:
                right[at] = " ".join(right[at].split()[1:])
    return _document("a", left), _document("b", right)


def _document(name: str, texts: list[str]) -> Document:
    kinds = (BlockKind.FOOTER if text.startswith("Foot") else BlockKind.PARAGRAPH for text in texts)
    return Document(name, blocks=tuple(map(Block, texts, kinds)))


def _text(document: Document, word: Where) -> str:
    return fold(document.blocks[word[0]].text[word[1] : word[2]])


def apply(left: Document, changes: tuple[Change, ...], right: Shape) -> list[str]:
    """Write the right document's words into its shape: what changes bring, and else the left's, in order."""
    origin = Shape.of(left)
    written: dict[Where, str] = {}
    gone: set[Where] = set()
    moved = [change for change in changes if change.kind is ChangeKind.MOVED]
    for change in changes:
        if change.kind is not ChangeKind.MOVED:
            gone.update(origin.covered(change.left))
            new = [fold(change.right_text[begin:end]) for begin, end in spans(change.right_text)]
            written.update(zip(right.covered(change.right), new, strict=True))
    for change in moved:
        carried = [word for word in origin.covered(change.left) if word not in gone]
        free = [word for word in right.covered(change.right) if word not in written]
        written.update(zip(free, (_text(left, word) for word in carried), strict=True))
        gone.update(carried)
    rest = [_text(left, word) for word in origin.words if word not in gone]
    free = [word for word in right.words if word not in written]
    written.update(zip(free, rest, strict=True))
    return [written[word] for word in right.words]


@settings(max_examples=300, deadline=None)
@given(_pairs())
def test_applying_the_changes_to_the_left_gives_the_right(pair: tuple[Document, Document]) -> None:
    """Every word of the right is either brought by a change, or the left's next word that no change took."""
    left, right = pair
    comparison = compare(left, right, ALL)
    if comparison.status is ComparisonStatus.COMPARED:
        assert comparison.counts
        assert comparison.counts.changes == len(comparison.changes)
        shape = Shape.of(right)
        assert apply(left, comparison.changes, shape) == [_text(right, word) for word in shape.words]


def _key(change: Change) -> str:
    return repr(
        (change.kind, change.left, change.right, change.left_text, change.right_text, change.artifact_reason)
    )


def _mirrored(change: Change) -> str:
    kind = SWAPPED.get(change.kind, change.kind)
    return repr(
        (kind, change.right, change.left, change.right_text, change.left_text, change.artifact_reason)
    )


@settings(max_examples=200, deadline=None)
@given(_pairs(), st.booleans())
def test_swapping_the_sides_swaps_the_changes(pair: tuple[Document, Document], ignore: bool) -> None:
    """The other way round, insertions are deletions at the same places and everything else is mirrored."""
    options = Options(Ignore(case=ignore, whitespace=ignore), max_unlike_changes=10_000)
    there, back = compare(*pair, options), compare(*reversed(pair), options)
    assert sorted(map(_key, there.changes)) == sorted(map(_mirrored, back.changes))
    assert there.similarity == back.similarity


@settings(max_examples=200, deadline=None)
@given(_pairs())
def test_places_hold_the_texts_and_counts_add_up(pair: tuple[Document, Document]) -> None:
    """A change's text stands at its place; equal and changed words make up each document."""
    comparison = compare(*pair, ALL)
    if comparison.counts is None:
        return
    shapes = [Shape.of(document) for document in pair]
    wholes = ["\n\n".join(block.text for block in document.blocks) for document in pair]
    for change in comparison.changes:
        sides = ((change.left, change.left_text), (change.right, change.right_text))
        for shape, whole, (place, text) in zip(shapes, wholes, sides, strict=True):
            begin = shape.absolute(place.block, place.offset) if place else 0
            assert (whole[begin : begin + place.length] if place else "") == text
    changed = (comparison.counts.words_deleted, comparison.counts.words_inserted)
    for document, shape, count in zip(pair, shapes, changed, strict=True):
        words = sum(any(sign.isalnum() for sign in _text(document, word)) for word in shape.words)
        assert comparison.counts.words_equal + count == words
        assert count >= 0


@settings(max_examples=100, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 5), st.integers(0, 5))
def test_a_moved_block_is_one_change(order: list[int], origin: int, target: int) -> None:
    """However far a block goes, it is one change, and its words count as equal."""
    texts = [f"Clause {name} speaks of matter {name} and of nothing else." for name in order]
    moved = list(texts)
    moved.insert(target, moved.pop(origin))
    comparison = compare(_document("a", texts), _document("b", moved), ALL)
    kinds = [change.kind for change in comparison.changes]
    assert kinds == ([] if moved == texts else [ChangeKind.MOVED])
    assert comparison.counts
    assert comparison.counts.words_inserted == comparison.counts.words_deleted == 0
    assert comparison.counts.blocks_moved == len(kinds)


@settings(max_examples=100, deadline=None)
@given(_pairs())
def test_a_document_against_itself_has_no_change(pair: tuple[Document, Document]) -> None:
    """The same content is similarity 1 without a change, under whatever name."""
    left = pair[0]
    twin = Document("twin", "file:///twin", blocks=left.blocks)
    comparison = compare(left, twin, ALL)
    if comparison.status is ComparisonStatus.COMPARED:
        assert comparison.changes == ()
        assert comparison.similarity
        assert comparison.similarity.overall == 1.0
