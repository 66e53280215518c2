"""Finds the blocks that stand elsewhere: equal ones, and longer ones of which few words changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from compare_svc.engine.align import align
from compare_svc.engine.shingles import common

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from compare_svc.engine.align import Run
    from compare_svc.engine.prepare import Prepared

ALIKE_MIN = 0.7
WORDS_MIN = 8
SHARED_MIN = 0.25
HOLDERS_MAX = 20
"""An n-gram that more blocks hold says nothing of where one of them went."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A block that stands elsewhere: its ordinals, and the runs its two states share."""

    left_block: int
    right_block: int
    runs: tuple[Run, ...]


def whole(left: Prepared, right: Prepared, pair: tuple[int, int]) -> Moved:
    """Say that a block stands elsewhere, unchanged or under another number."""
    begin, other = left.first[pair[0]], right.first[pair[1]]
    end, other_end = left.first[pair[0] + 1], right.first[pair[1] + 1]
    if left.keys[pair[0]] == right.keys[pair[1]]:
        return Moved(*pair, ((begin, other, end - begin),))
    found = align(left.ids[begin:end], right.ids[other:other_end])
    return Moved(*pair, tuple((begin + run[0], other + run[1], run[2]) for run in found))


def find_moved(
    left: Prepared, right: Prepared, placed_left: Container[int], placed_right: Container[int]
) -> list[Moved]:
    """Pair the blocks that found no partner in order: equal ones first, then those that are much alike."""
    lefts = [o for o in left.ordinals if o not in placed_left]
    rights = [o for o in right.ordinals if o not in placed_right]
    if not lefts or not rights:
        return []
    waiting: defaultdict[int, list[int]] = defaultdict(list)
    for o in reversed(rights):
        waiting[right.keys[o]].append(o)
    moved = [
        whole(left, right, (o, waiting[left.keys[o]].pop()))
        for o in lefts
        if waiting[left.keys[o]] and left.word_count(left.first[o], left.first[o + 1])
    ]
    taken_left = {entry.left_block for entry in moved}
    taken_right = {entry.right_block for entry in moved}
    lefts = [o for o in lefts if o not in taken_left]
    rights = [o for o in rights if o not in taken_right]
    return moved + list(_moved_and_changed(left, right, lefts, rights))


def _moved_and_changed(
    left: Prepared, right: Prepared, lefts: list[int], rights: list[int]
) -> Iterator[Moved]:
    """Yield blocks of some length that stand elsewhere with few words changed, the most alike first."""
    taken_left: set[int] = set()
    taken_right: set[int] = set()
    for a, b in _sharing(left, right, _long(left, lefts), _long(right, rights)):
        if a in taken_left or b in taken_right:
            continue
        i, j = left.first[a], right.first[b]
        found = align(left.ids[i : left.first[a + 1]], right.ids[j : right.first[b + 1]])
        size = left.first[a + 1] - i + right.first[b + 1] - j
        if 2 * sum(run[2] for run in found) >= ALIKE_MIN * size:
            taken_left.add(a)
            taken_right.add(b)
            yield Moved(a, b, tuple((i + run[0], j + run[1], run[2]) for run in found))


def _sharing(left: Prepared, right: Prepared, lefts: list[int], rights: list[int]) -> list[tuple[int, int]]:
    """List the pairs of blocks that share a good part of their n-grams, those that share most first."""
    if not lefts or not rights or not common(left.grams.distinct, right.grams.distinct):
        return []
    holders: defaultdict[int, list[int]] = defaultdict(list)
    for b in rights:
        for gram in set(right.grams.of(b, left.grams)):
            holders[gram].append(b)
    found: list[tuple[float, int, int]] = []
    for a in lefts:
        counts: Counter[int] = Counter()
        for gram in left.grams.of(a, right.grams):
            if len(holders[gram]) <= HOLDERS_MAX:
                counts.update(holders[gram])
        size = left.first[a + 1] - left.first[a]
        for b, shared in counts.items():
            both = size + right.first[b + 1] - right.first[b]
            if 2 * shared >= SHARED_MIN * both:
                found.append((-shared / both, a, b))
    return [(a, b) for _, a, b in sorted(found)]


def _long(side: Prepared, blocks: list[int]) -> list[int]:
    return [o for o in blocks if side.word_count(side.first[o], side.first[o + 1]) >= WORDS_MIN]
