"""Finds families of versions and puts each in order, oldest first.

An order rests on what the documents say of themselves: dates, or version numbers, whichever tells more of them
apart. Those that say nothing, or the same, are placed where they are most like their neighbours. Without any
such evidence the order is the path of greatest likeness, and its direction that in which documents grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, permutations
from typing import TYPE_CHECKING

from compare_svc.engine.links import link
from compare_svc.engine.model import Family
from compare_svc.engine.shingles import common

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from compare_svc.engine.sketch import Sketch

Key = str | tuple[tuple[int, str], ...]

DATE, VERSION, SIMILARITY = "date", "version", "similarity"
PERMUTED_MAX = 6


@dataclass(frozen=True, slots=True)
class Families:
    """The families found; the pairs of neighbours, older first, by position; how candidates were found."""

    families: tuple[Family, ...]
    pairs: tuple[tuple[int, int], ...]
    method: str


def find_families(sketches: Sequence[Sketch], threshold: float, max_pairs: int) -> Families:
    """Find the families among documents, largest first.

    Errors: TOO_MANY_PAIRS when more than `max_pairs` pairs of documents reach the threshold.
    """
    groups, method = link(sketches, threshold, max_pairs)
    families = []
    pairs: list[tuple[int, int]] = []
    for members in sorted(groups, key=lambda group: (-len(group), group)):
        order, evidence = _ordered(sketches, members)
        families.append(Family(tuple(sketches[at].document_id for at in order), evidence))
        pairs.extend(pairwise(order))
    return Families(tuple(families), tuple(pairs), method)


def _ordered(sketches: Sequence[Sketch], members: Sequence[int]) -> tuple[list[int], tuple[str, ...]]:
    kind, keys = _evidence(sketches, members)
    likeness = _Likeness(sketches)
    dated = sorted((at for at in members if at in keys), key=lambda at: (keys[at], sketches[at].date, at))
    order = _untied(dated, keys, sketches, likeness)
    order = _inserted(order, [at for at in members if at not in keys], likeness)
    if not keys and _shrinks(order, sketches):
        order.reverse()
    evidence = tuple(
        kind if a in keys and b in keys and keys[a] != keys[b] else SIMILARITY for a, b in pairwise(order)
    )
    return order, evidence


def _evidence(sketches: Sequence[Sketch], members: Sequence[int]) -> tuple[str, dict[int, Key]]:
    """Choose dates or version numbers, whichever tells more members apart; dates where both do as well."""
    dates: dict[int, Key] = {at: sketches[at].date for at in members if sketches[at].date}
    versions: dict[int, Key] = {at: sketches[at].version for at in members if sketches[at].version}
    chosen = max(((DATE, dates), (VERSION, versions)), key=lambda item: len(set(item[1].values())))
    if len(set(chosen[1].values())) < min(2, len(members)):
        return SIMILARITY, {}
    return chosen


class _Likeness:
    """The Jaccard similarity of members, computed once a pair."""

    def __init__(self, sketches: Sequence[Sketch]) -> None:
        self._sketches = sketches
        self._known: dict[tuple[int, int], float] = {}

    def __call__(self, left: int, right: int) -> float:
        pair = (min(left, right), max(left, right))
        if pair not in self._known:
            first, second = (self._sketches[at].shingles for at in pair)
            shared = common(first, second)
            union = first.size + second.size - shared
            self._known[pair] = shared / union if union else 0.0
        return self._known[pair]


def _untied(
    dated: list[int], keys: dict[int, Key], sketches: Sequence[Sketch], likeness: Callable[[int, int], float]
) -> list[int]:
    """Order those with the same key by likeness to what stands before and after them."""
    order: list[int] = []
    at = 0
    while at < len(dated):
        end = at + 1
        while end < len(dated) and keys[dated[end]] == keys[dated[at]]:
            end += 1
        tied = dated[at:end]
        if len(tied) > 1:
            tied = _arranged(tied, order[-1:], dated[end : end + 1], sketches, likeness)
        order.extend(tied)
        at = end
    return order


def _arranged(
    tied: list[int],
    before: list[int],
    after: list[int],
    sketches: Sequence[Sketch],
    likeness: Callable[[int, int], float],
) -> list[int]:
    """Arrange a few documents as the path of greatest likeness between two others; growing where it is equal."""
    if len(tied) > PERMUTED_MAX:
        return sorted(tied, key=lambda at: (sketches[at].words, at))

    def value(path: Iterable[int]) -> tuple[float, int]:
        order = list(path)
        growth = sum(sketches[b].words >= sketches[a].words for a, b in pairwise(order))
        return round(sum(likeness(a, b) for a, b in pairwise([*before, *order, *after])), 4), growth

    return list(max(permutations(tied), key=value))


def _inserted(order: list[int], rest: list[int], likeness: Callable[[int, int], float]) -> list[int]:
    """Insert the rest where each fits best, the one that fits best first."""
    order = list(order)
    waiting = list(rest)
    if not order and waiting:
        order.append(waiting.pop(0))
    while waiting:
        best = max(
            (
                (_gain(order, at, member, likeness), -at, -member)
                for member in waiting
                for at in range(len(order) + 1)
            ),
        )
        member = -best[2]
        order.insert(-best[1], member)
        waiting.remove(member)
    return order


def _gain(order: list[int], at: int, member: int, likeness: Callable[[int, int], float]) -> float:
    """Measure how much likeness along the path a member adds at a place."""
    before = likeness(order[at - 1], member) if at else 0.0
    after = likeness(member, order[at]) if at < len(order) else 0.0
    broken = likeness(order[at - 1], order[at]) if 0 < at < len(order) else 0.0
    return before + after - broken


def _shrinks(order: list[int], sketches: Sequence[Sketch]) -> bool:
    half = len(order) // 2
    first = sum(sketches[at].words for at in order[:half])
    last = sum(sketches[at].words for at in order[len(order) - half :])
    return first > last
