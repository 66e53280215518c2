"""Blocks that say the same stand side by side."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collatio.report.align import Row, align
from collatio.report.marks import Marked, marked, numbered
from collatio.report.model import Block, Change, Paper, Spot


def paper(*texts: str) -> Paper:
    """Make a text of paragraphs."""
    blocks, start = [], 0
    for text in texts:
        blocks.append(Block("PARAGRAPH", 0, 0, start, len(text)))
        start += len(text) + 2
    return Paper("\n\n".join(texts), tuple(blocks))


def both(left: Paper, right: Paper, *changes: Change) -> tuple[Marked, Marked]:
    """Lay the changes over both."""
    numbers = numbered(changes)
    return marked(left, changes, numbers, left=True), marked(right, changes, numbers, left=False)


def text(kind: str, left: Spot | None = None, right: Spot | None = None) -> Change:
    """Make a change of text."""
    return Change(kind, "TEXT", left, right, "x" if left else "", "y" if right else "")


def test_equal_texts_stand_side_by_side() -> None:
    """Block by block."""
    left, right = both(paper("One.", "Two."), paper("One.", "Two."))
    assert align(left, right, []) == [Row((0,), (0,)), Row((1,), (1,))]


def test_an_inserted_and_a_deleted_block_stand_alone() -> None:
    """Each at the place where it stands."""
    changes = [text("INSERTED", right=Spot(0, 1, 0, 4)), text("DELETED", Spot(0, 1, 0, 5))]
    left, right = both(paper("One.", "Gone.", "Three."), paper("One.", "New!", "Three."), *changes)
    assert align(left, right, changes) == [Row((0,), (0,)), Row((1,), ()), Row((), (1,)), Row((2,), (2,))]


def test_a_replaced_block_stands_beside_what_replaced_it() -> None:
    """Even where no word of it is left."""
    changes = [text("REPLACED", Spot(0, 1, 0, 4), Spot(0, 1, 0, 4))]
    left, right = both(paper("One.", "Abcd", "Three."), paper("One.", "Wxyz", "Three."), *changes)
    assert align(left, right, changes) == [Row((0,), (0,)), Row((1,), (1,)), Row((2,), (2,))]


def test_a_split_paragraph_stands_beside_its_halves() -> None:
    """Layout alone moves no text to another row."""
    left, right = both(paper("One two.", "Three."), paper("One", "two.", "Three."))
    assert align(left, right, []) == [Row((0,), (0, 1)), Row((1,), (2,))]


def test_texts_that_differ_beyond_the_list_are_anchored() -> None:
    """A list that was cut leaves the blocks that say the same once on each side in step."""
    left, right = both(paper("Alpha.", "same here", "Beta."), paper("Gamma.", "same here", "Delta."))
    assert Row((1,), (1,)) in align(left, right, [])


@given(st.lists(st.text("ab ", max_size=4), max_size=6), st.lists(st.text("ab ", max_size=4), max_size=6))
def test_every_block_is_in_one_row_and_in_order(one: list[str], other: list[str]) -> None:
    """Whatever the texts are, nothing is lost, doubled or out of order."""
    left, right = both(paper(*one), paper(*other))
    rows = align(left, right, [])
    assert [at for row in rows for at in row.left] == list(range(len(one)))
    assert [at for row in rows for at in row.right] == list(range(len(other)))
