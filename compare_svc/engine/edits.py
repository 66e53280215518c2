"""Lists the edits of two aligned documents, those inside moved blocks included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compare_svc.engine.blocks import Piece
from compare_svc.engine.edit import Edit
from compare_svc.engine.model import ChangeKind
from compare_svc.engine.walk import Related, Walk, part_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compare_svc.engine.blocks import Alignment
    from compare_svc.engine.model import Ignore
    from compare_svc.engine.moves import Moved
    from compare_svc.engine.prepare import Prepared

LONE_WORDS_MAX = 1
LONE_AROUND_MIN = 6


def text_edits(
    left: Prepared, right: Prepared, alignment: Alignment, ignore: Ignore
) -> tuple[list[Edit], int]:
    """List the edits of running text in no order, and count the words that are equal."""
    pieces = _smoothed(left, right, alignment.pieces)
    walk = Walk(
        left,
        right,
        ignore,
        Related((piece.left_block, piece.right_block) for piece in pieces),
        {moved.left_block for moved in alignment.moved},
        {moved.right_block for moved in alignment.moved},
    )
    edits = list(walk.edits(pieces, (0, 0), (left.ids.size, right.ids.size)))
    equal = sum(left.word_count(piece.left, piece.left + piece.length) for piece in pieces)
    disguised = walk.disguised_words
    for moved in alignment.moved:
        inner, words = _moved_edits(left, right, moved, ignore)
        edits.extend(inner)
        equal += words
    return edits, equal + disguised


def _moved_edits(left: Prepared, right: Prepared, moved: Moved, ignore: Ignore) -> tuple[list[Edit], int]:
    begin = (left.first[moved.left_block], right.first[moved.right_block])
    end = (left.first[moved.left_block + 1], right.first[moved.right_block + 1])
    pair = (moved.left_block, moved.right_block)
    pieces = _smoothed(left, right, [Piece(*pair, *run) for run in moved.runs])
    walk = Walk(left, right, ignore, Related([pair]), (), ())
    edits = [
        Edit(
            ChangeKind.MOVED,
            begin,
            part_span(left, (pair[0], begin[0], end[0])),
            part_span(right, (pair[1], begin[1], end[1])),
        ),
        *walk.edits(pieces, begin, end),
    ]
    equal = sum(left.word_count(piece.left, piece.left + piece.length) for piece in pieces)
    return edits, equal + walk.disguised_words


def _smoothed(left: Prepared, right: Prepared, pieces: Sequence[Piece]) -> list[Piece]:
    """Drop lone words that stand equal amid much change: a redline reads better without them."""
    kept: list[Piece] = []
    for at, piece in enumerate(pieces):
        follows = pieces[at + 1] if at + 1 < len(pieces) else None
        if kept and follows and _same_blocks(kept[-1], piece, follows) and piece.length <= 2 * LONE_WORDS_MAX:
            before = kept[-1]
            words = left.word_count(piece.left, piece.left + piece.length)
            ahead = _changed(left, right, before, piece)
            behind = _changed(left, right, piece, follows)
            if words <= LONE_WORDS_MAX and min(ahead, behind) > words and ahead + behind >= LONE_AROUND_MIN:
                continue
        kept.append(piece)
    return kept


def _same_blocks(*pieces: Piece) -> bool:
    return len({(piece.left_block, piece.right_block) for piece in pieces}) == 1


def _changed(left: Prepared, right: Prepared, before: Piece, after: Piece) -> int:
    """Count the words between two pieces, on both sides."""
    return left.word_count(before.left + before.length, after.left) + right.word_count(
        before.right + before.length, after.right
    )
