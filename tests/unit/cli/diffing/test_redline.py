"""Redlines on a terminal, over what the engine answers."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from collatio.cli.diffing.paint import Paint
from collatio.cli.diffing.redline import Redline
from collatio.plugins.comparators import (
    Block,
    Change,
    ChangeKind,
    ChangeScope,
    Document,
    Field,
    Metadata,
    Options,
    Place,
    Table,
)
from compare_svc.engine.compare import compare

ALL = Options(max_unlike_changes=10_000)


def redline(left: Document, right: Document) -> list[str]:
    """Compare, and write the redline without colour."""
    changes = compare(left, right, ALL).changes
    return list(Redline(right.blocks, Paint(colour=False)).lines(changes))


def texts(*blocks: str) -> Document:
    """Make a document of paragraphs."""
    return Document("d", blocks=tuple(Block(text) for text in blocks))


def test_words_are_woven_into_their_paragraph() -> None:
    """All changes of a block are one hunk; what only went stands where it stood."""
    left = texts("Same first.", "The old fee is due within thirty days of the invoice.")
    right = texts("Same first.", "The fee is due within sixty days of the dated invoice.")
    assert redline(left, right) == [
        "@@ block 2 @@",
        "The [-old-] fee is due within [-thirty-]{+sixty+} days of the {+dated+} invoice.",
    ]


def test_word_that_went_keeps_its_distance() -> None:
    """One of the spaces around it went with it; a comma had none before it."""
    assert redline(texts("Pay the fee now."), texts("Pay the fee."))[1] == "Pay the fee [-now-]."
    assert redline(texts("The fee, if due, is paid."), texts("The fee if due is paid."))[1] == (
        "The fee[-,-] if due[-,-] is paid."
    )


def test_whole_blocks_stand_alone() -> None:
    """A block on one side alone says on which."""
    left = texts("One stays here.", "Two goes away entirely.", "Three stays here as well.")
    right = texts("One stays here.", "Three stays here as well.", "Four has come in at the end.")
    assert redline(left, right) == [
        "@@ block 2, on the left @@",
        "[-Two goes away entirely.-]",
        "@@ block 3, on the right @@",
        "{+Four has come in at the end.+}",
    ]


def test_move_is_one_hunk() -> None:
    """Where it was and where it is, and its words."""
    blocks = ["Alpha one two three four five six.", "Beta one.", "Gamma eight nine ten eleven twelve."]
    lines = redline(texts(*blocks), texts(blocks[2], *blocks[:2]))
    assert lines == ["@@ block 3 moved to block 1 @@", f"{{>{blocks[2]}<}}"]


def test_renumbering_is_one_line_at_the_end() -> None:
    """What follows from a clause put in is told once, and not block by block."""
    clauses = [
        "Pay all invoices in time, please.",
        "Keep all secrets that you learn.",
        "Obey the law of this land.",
    ]
    new = "Write all notices on good paper."
    left = texts(*(f"{at}. {text}" for at, text in enumerate(clauses, 1)))
    right = texts(*(f"{at}. {text}" for at, text in enumerate([clauses[0], new, *clauses[1:]], 1)))
    assert redline(left, right) == [
        "@@ block 2, on the right @@",
        f"{{+2. {new}+}}",
        "@@ only renumbered @@ [-2-]{+3+}, [-3-]{+4+}",
    ]


def test_long_stretches_are_cut_at_words() -> None:
    """Unchanged text far from a change is left out, and the cut is shown."""
    words = " ".join(f"word{at}" for at in range(100))
    (_, line) = redline(texts(f"{words} old {words}"), texts(f"{words} new {words}"))
    assert re.fullmatch(r"… word\d+ .* word99 \[-old-\]\{\+new\+\} word0 .* word\d+ …", line)
    assert len(line) < 200


def test_cells_and_values_are_a_line_each() -> None:
    """A cell by row and column, a field and a property by name."""
    left, right = (
        Document(
            "d",
            blocks=(Block("A\tB\nfee\t" + fee, table=0, page=2),),
            tables=(Table((("A", "B"), ("fee", fee)), page=2),),
            fields=(Field("Total", fee),),
            metadata=Metadata(title=fee),
        )
        for fee in ("10.00", "12.00")
    )
    assert redline(left, right) == [
        "@@ page 2, table 1, row 2, column 2 @@ [-10.00-]{+12.00+}",
        "@@ field Total @@ [-10.00-]{+12.00+}",
        "@@ metadata title @@ [-10.00-]{+12.00+}",
    ]


def test_artefact_says_what_it_likely_is() -> None:
    """Who asks for artefacts sees which they are."""
    place = Place(1, 0, 0, 3)
    change = Change(
        ChangeKind.REPLACED,
        ChangeScope.TEXT,
        place,
        place,
        "a b",
        "abc",
        likely_artifact=True,
        artifact_reason="WHITESPACE",
    )
    lines = list(Redline([Block("abc")], Paint(colour=False)).lines([change]))
    assert lines == ["@@ page 1, block 1, likely whitespace @@", "[-a b-]{+abc+}"]


def test_place_beyond_the_blocks_breaks_nothing() -> None:
    """A comparator of somebody else's may name what is not there."""
    change = Change(ChangeKind.INSERTED, ChangeScope.TEXT, None, Place(0, 9, 0, 1), "", "x")
    assert list(Redline([], Paint(colour=False)).lines([change]))[1] == "{+x+}"


_words = st.lists(st.sampled_from(["the", "fee", "is", "due", "Foo", "bar,", "1,000.00"]), max_size=12)
_documents = st.lists(_words.map(" ".join), min_size=1, max_size=6).map(lambda blocks: texts(*blocks))


@given(_documents, _documents)
@settings(max_examples=150, deadline=None)
def test_everything_inserted_is_shown(left: Document, right: Document) -> None:
    """Whatever the documents, each change's text is on a line of the redline, in the list's order."""
    comparison = compare(left, right, ALL)
    written = "\n".join(Redline(right.blocks, Paint(colour=False)).lines(comparison.changes))
    at = 0
    for change in comparison.changes:
        if change.scope is not ChangeScope.TEXT or change.kind is ChangeKind.MOVED:
            continue
        for mark in (f"[-{change.left_text}-]", f"{{+{change.right_text}+}}"):
            if mark not in {"[--]", "{++}"}:
                at = written.index(mark, at) + len(mark)
