"""Pairs the blocks that are equal in both documents: those that stay in place, and those that moved.

Blocks that stand once on each side are anchors; the chain of them that increases on both sides and holds the
most words stays, the rest has moved. Blocks that stand more than once are paired where they touch an anchor.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from compare_svc.engine.chains import heaviest

if TYPE_CHECKING:
    from collections.abc import Iterator

Pair = tuple[int, int]


def anchor_blocks(left: list[int], right: list[int], first: list[int]) -> tuple[list[Pair], list[Pair]]:
    """Pair equal blocks: those that stay in place, and those that moved."""
    head = 0
    while head < min(len(left), len(right)) and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < min(len(left), len(right)) - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    kept = [(o, o) for o in range(head)]
    moved: list[Pair] = []
    if head + tail < min(len(left), len(right)):
        once = _once_in_both(left, right, head, tail)
        stay = heaviest([pair[1] for pair in once], [first[o + 1] - first[o] for o, _ in once])
        staying = set(stay)
        moved = [pair for at, pair in enumerate(once) if at not in staying]
        kept.extend(_extended([once[at] for at in stay], left, right, (head, tail), moved))
    kept.extend((len(left) - back, len(right) - back) for back in range(tail, 0, -1))
    return kept, moved


def _once_in_both(left: list[int], right: list[int], head: int, tail: int) -> list[Pair]:
    """Pair the blocks between head and tail that stand exactly once on each side there."""
    lefts, rights = left[head : len(left) - tail], right[head : len(right) - tail]
    right_counts = Counter(rights)
    left_counts = Counter(lefts)
    where = {key: head + at for at, key in enumerate(rights)}
    return [
        (head + at, where[key])
        for at, key in enumerate(lefts)
        if left_counts[key] == 1 and right_counts.get(key) == 1
    ]


def _extended(
    anchors: list[Pair], left: list[int], right: list[int], ends: Pair, moved: list[Pair]
) -> Iterator[Pair]:
    """Yield anchors with the equal blocks that touch them, which may stand more than once."""
    gone_left = {pair[0] for pair in moved}
    gone_right = {pair[1] for pair in moved}
    head, tail = ends
    done = (head, head)
    for a, b in [*anchors, (len(left) - tail, len(right) - tail)]:
        i, j = done
        while i < a and j < b and left[i] == right[j] and i not in gone_left and j not in gone_right:
            yield i, j
            i, j = i + 1, j + 1
        back = 0
        while a - back > i and b - back > j and left[a - back - 1] == right[b - back - 1]:
            if a - back - 1 in gone_left or b - back - 1 in gone_right:
                break
            back += 1
        yield from ((a - step, b - step) for step in range(back, 0, -1))
        if a < len(left) - tail:
            yield a, b
        done = (a + 1, b + 1)
