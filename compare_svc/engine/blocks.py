"""Aligns two documents: equal blocks first, then words in what lies between, then what moved.

Rules:
1. Runs of equal words increase on both sides, lie each within one block of either side, and leave out what
   moved. Moved blocks are pairs that stand in both documents out of that order.
2. Equal words count only between blocks that have something to do with one another: a rewritten paragraph
   shares "the" and "of" with any other, and a redline that keeps those is unreadable.

Theory: blocks that stand once on each side, whatever number they bear, are anchors; the chain of them that increases on both sides and
holds the most words stays in place, the rest has moved. Between anchors the words of all blocks are aligned
as one sequence, so a paragraph that was split, or merged with the next, still aligns.

Known ugliness: which of two blocks that changed places has moved is settled by their length, and a block that
moved and changed beyond recognition is a deletion and an insertion.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from compare_svc.engine.align import align
from compare_svc.engine.anchors import anchor_blocks
from compare_svc.engine.moves import Moved, find_moved, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from compare_svc.engine.align import Ids, Run
    from compare_svc.engine.prepare import Prepared

Pair = tuple[int, int]

RELATED_MIN = 0.4
RELATED_RUN_MIN = 6
_FAR = 1 << 60
SMALL_BLOCK = 4


class Piece(NamedTuple):
    """A run of equal tokens within one block of either side: ordinals, first tokens, length."""

    left_block: int
    right_block: int
    left: int
    right: int
    length: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """What stands in both documents: pieces in order, and what moved."""

    pieces: tuple[Piece, ...]
    moved: tuple[Moved, ...]


def align_documents(left: Prepared, right: Prepared) -> Alignment:
    """Align two documents prepared by the same preparer."""
    kept, moved = anchor_blocks(*_anchor_keys(left, right), left.first)
    moved = [pair for pair in moved if left.word_count(left.first[pair[0]], left.first[pair[0] + 1])]
    gone_left = {pair[0] for pair in moved}
    gone_right = {pair[1] for pair in moved}
    pieces: list[Piece] = []
    done = (0, 0)
    for pair in [*kept, (len(left.keys), len(right.keys))]:
        if pair[0] > done[0] and pair[1] > done[1]:
            lefts = [o for o in range(done[0], pair[0]) if o not in gone_left]
            rights = [o for o in range(done[1], pair[1]) if o not in gone_right]
            pieces.extend(_gap(left, right, lefts, rights))
        if pair[0] < len(left.keys):
            pieces.extend(Piece(*pair, *run) for run in whole(left, right, pair).runs)
        done = (pair[0] + 1, pair[1] + 1)
    exact = [whole(left, right, pair) for pair in moved]
    late = find_moved(
        left,
        right,
        gone_left.union(piece.left_block for piece in pieces),
        gone_right.union(piece.right_block for piece in pieces),
    )
    return Alignment(tuple(pieces), tuple(exact + late))


def _anchor_keys(left: Prepared, right: Prepared) -> tuple[list[int], list[int]]:
    """Give the numbers blocks are anchored by: those of the words behind the label where they stand once on each side."""
    counts = Counter(left.bodies), Counter(right.bodies)
    once = {body for body, count in counts[0].items() if count == 1 and counts[1].get(body) == 1}
    return (
        [body if body in once else key for body, key in zip(left.bodies, left.keys, strict=True)],
        [body if body in once else key for body, key in zip(right.bodies, right.keys, strict=True)],
    )


def _gap(left: Prepared, right: Prepared, lefts: Sequence[int], rights: Sequence[int]) -> list[Piece]:
    """Align the words of the blocks between two anchors, and drop what is common by chance."""
    if not lefts or not rights:
        return []
    left_ids, left_starts = _gathered(left, lefts)
    right_ids, right_starts = _gathered(right, rights)
    pieces = list(_cut(left, right, (lefts, left_starts), (rights, right_starts), align(left_ids, right_ids)))
    return _related(left, right, pieces)


def _gathered(side: Prepared, blocks: Sequence[int]) -> tuple[Ids, list[int]]:
    """Join the tokens of blocks, with the position at which each begins."""
    if blocks[-1] - blocks[0] + 1 == len(blocks):
        begin = side.first[blocks[0]]
        joined = side.ids[begin : side.first[blocks[-1] + 1]]
        return joined, [side.first[o] - begin for o in blocks]
    parts = [side.ids[side.first[o] : side.first[o + 1]] for o in blocks]
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + part.size)
    return np.concatenate(parts), starts[:-1]


def _cut(
    left: Prepared,
    right: Prepared,
    lefts: tuple[Sequence[int], list[int]],
    rights: tuple[Sequence[int], list[int]],
    runs: Iterable[Run],
) -> Iterator[Piece]:
    """Cut the runs of a gap at the blocks' ends; blocks come with the positions at which they begin."""
    a = b = 0
    left_ends = [*lefts[1][1:], _FAR]
    right_ends = [*rights[1][1:], _FAR]
    for begin, other, length in runs:
        i, j, rest = begin, other, length
        while rest:
            while left_ends[a] <= i:
                a += 1
            while right_ends[b] <= j:
                b += 1
            size = min(rest, left_ends[a] - i, right_ends[b] - j)
            left_at = left.first[lefts[0][a]] + i - lefts[1][a]
            yield Piece(
                lefts[0][a], rights[0][b], left_at, right.first[rights[0][b]] + j - rights[1][b], size
            )
            i, j, rest = i + size, j + size, rest - size


def _related(left: Prepared, right: Prepared, pieces: list[Piece]) -> list[Piece]:
    """Keep the pieces of blocks that have something to do with one another."""
    shared: defaultdict[Pair, int] = defaultdict(int)
    longest: defaultdict[Pair, int] = defaultdict(int)
    for piece, stretch in zip(pieces, _stretches(pieces), strict=True):
        pair = _pair(piece)
        shared[pair] += left.word_count(piece.left, piece.left + piece.length)
        longest[pair] = max(longest[pair], stretch)
    keep = {pair for pair in shared if _are_related(left, right, pair, shared[pair], longest[pair])}
    if len(keep) == len(shared):
        return pieces
    kept = [piece for piece in pieces if _pair(piece) in keep]
    return list(_refilled(left, right, kept))


def _stretches(pieces: list[Piece]) -> Iterator[int]:
    """Give for each piece the length of the run it is part of, across the ends of blocks: text wrapped anew."""
    begin = 0
    length = 0
    for at, piece in enumerate(pieces):
        length += piece.length
        follows = pieces[at + 1] if at + 1 < len(pieces) else None
        if follows and (follows.left, follows.right) == (
            piece.left + piece.length,
            piece.right + piece.length,
        ):
            continue
        yield from [length] * (at + 1 - begin)
        begin, length = at + 1, 0


def _refilled(left: Prepared, right: Prepared, kept: list[Piece]) -> Iterator[Piece]:
    """Yield the pieces kept, and between them what their blocks share now that other blocks have no claim."""
    done = (0, 0)
    for before, piece in pairwise([None, *kept, None]):
        until = (piece.left, piece.right) if piece else (left.ids.size, right.ids.size)
        for owner in dict.fromkeys(_pair(near) for near in (before, piece) if near):
            for found in _within(left, right, owner, done, until):
                yield found
                done = (found.left + found.length, found.right + found.length)
        if piece:
            yield piece
            done = (piece.left + piece.length, piece.right + piece.length)


def _pair(piece: Piece) -> Pair:
    return piece.left_block, piece.right_block


def _within(left: Prepared, right: Prepared, owner: Pair, begin: Pair, end: Pair) -> Iterator[Piece]:
    """Align what two blocks hold between two positions in tokens."""
    i, j = max(begin[0], left.first[owner[0]]), max(begin[1], right.first[owner[1]])
    left_end, right_end = min(end[0], left.first[owner[0] + 1]), min(end[1], right.first[owner[1] + 1])
    if i < left_end and j < right_end:
        for run in align(left.ids[i:left_end], right.ids[j:right_end]):
            yield Piece(*owner, i + run[0], j + run[1], run[2])


def _are_related(left: Prepared, right: Prepared, pair: Pair, shared: int, longest: int) -> bool:
    if longest >= RELATED_RUN_MIN:
        return True
    sizes = [
        side.word_count(side.first[o], side.first[o + 1]) for side, o in zip((left, right), pair, strict=True)
    ]
    small, large = min(sizes), max(sizes)
    if small <= SMALL_BLOCK < large:
        return longest >= max(small - 1, 2)
    return shared > 0 and shared >= RELATED_MIN * small
