"""Put documents in an order in which those that are alike stand together.

Pairs are taken from the most alike to the least; each joins the two runs its documents stand in, at those ends
that bring the two closest (single linkage). The order is the same for the same pairs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.report.closest import by_likeness

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from collatio.report.model import Pair


def alike_together(documents: Iterable[int], pairs: Iterable[Pair]) -> list[int]:
    """Order documents by their pairs; those without a pair come last, in their own order."""
    runs = {each: [each] for each in documents}
    home = {each: each for each in runs}
    for pair in by_likeness(pairs):
        a, b = home.get(pair.left), home.get(pair.right)
        if a is None or b is None or a == b:
            continue
        left, right = runs[a], runs.pop(b)
        runs[a] = _put_together(left, right, pair)
        for each in right:
            home[each] = a
    ordered = sorted(runs.values(), key=lambda run: (-len(run), min(run)))
    return [each for run in ordered for each in run]


def _put_together(left: list[int], right: list[int], pair: Pair) -> list[int]:
    """Join two runs, turning either where that brings the pair's documents closer."""
    ours, theirs = (pair.left, pair.right) if pair.left in left else (pair.right, pair.left)
    if left.index(ours) < len(left) / 2 and len(left) > 1:
        left.reverse()
    if right.index(theirs) >= len(right) / 2 and len(right) > 1:
        right.reverse()
    return [*left, *right]


def worth_showing(
    documents: Iterable[int], pairs: Iterable[Pair], clusters: Iterable[Sequence[int]], count: int
) -> list[int]:
    """Choose documents, at most so many: whole clusters first, then those with the closest others.

    They come in their own order. Those that were compared with none are left out.
    """
    best = dict.fromkeys(documents, -1.0)
    for pair in pairs:
        if pair.compared:
            for each in (pair.left, pair.right):
                if each in best:
                    best[each] = max(best[each], pair.overall)
    ranked = sorted((each for each in best if best[each] >= 0), key=lambda each: (-best[each], each))
    chosen: dict[int, None] = {}
    for cluster in clusters:
        if len(chosen) + len(cluster) <= count:
            chosen.update(dict.fromkeys(each for each in cluster if best.get(each, -1) >= 0))
    for each in ranked:
        if len(chosen) >= count:
            break
        chosen[each] = None
    return sorted(chosen)
