"""Changes laid over a text."""

from __future__ import annotations

from collatio.report.marks import marked, numbered, segments
from collatio.report.model import Block, Change, Paper, Spot

PAPER = Paper("Alpha\n\nBeta", (Block("PARAGRAPH", 0, 0, 0, 5), Block("PARAGRAPH", 0, 0, 7, 4)))


def deleted(block: int, offset: int, length: int, **more: object) -> Change:
    """Make a deletion."""
    return Change("DELETED", "TEXT", Spot(0, block, offset, length), None, left_text="x", **more)  # type: ignore[arg-type] # flags only


def test_only_what_counts_is_numbered() -> None:
    """Likely artefacts, fields and metadata are not stations of the redline."""
    changes = [
        deleted(0, 0, 1),
        deleted(0, 1, 1, artifact=True),
        Change("VALUE_CHANGED", "FIELD", None, None),
        Change("VALUE_CHANGED", "TABLE", None, None),
    ]
    assert numbered(changes) == [1, 0, 0, 2]


def test_a_change_may_reach_over_blocks() -> None:
    """Its mark touches each of them."""
    found = marked(PAPER, [deleted(0, 3, 6)], [1], left=True)
    assert [[(mark.start, mark.end) for mark in each] for each in found.by_block] == [[(3, 9)], [(3, 9)]]
    pieces = [
        (piece.start, piece.end, piece.edit is not None)
        for piece in segments(PAPER.blocks[1], found.by_block[1])
    ]
    assert pieces == [(7, 9, True), (9, 11, False)]


def test_places_outside_the_text_are_passed_over() -> None:
    """A folder whose files do not fit each other makes a poorer redline, not an error."""
    found = marked(PAPER, [deleted(9, 0, 3), deleted(1, 2, 50)], [1, 2], left=True)
    assert [(mark.start, mark.end) for mark in found.marks] == [(9, 11)]


def test_white_space_alone_is_not_marked() -> None:
    """A line end in place of a space is nothing that anybody sees."""
    change = Change("REPLACED", "TEXT", Spot(0, 0, 0, 5), Spot(0, 0, 0, 5), "a b", "a\nb", artifact=True)
    assert marked(PAPER, [change], [0], left=True).marks == ()


def test_an_edit_within_a_move_keeps_both() -> None:
    """What changed in a moved block is told apart from the moving."""
    move = Change("MOVED", "TEXT", Spot(0, 0, 0, 5), Spot(0, 1, 0, 4), "Alpha", "Beta")
    found = marked(PAPER, [move, deleted(0, 1, 2)], [1, 2], left=True)
    pieces = list(segments(PAPER.blocks[0], found.by_block[0]))
    assert [(piece.edit is not None, piece.move is not None) for piece in pieces] == [
        (False, True),
        (True, True),
        (False, True),
    ]
