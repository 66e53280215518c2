"""Which pairs matter most: each document's closest one, the most alike, those that changed most."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from collatio.report.model import Account, Pair

RELATED_MIN = 0.25
"""Pairs less alike than this share a language and little else: their redline is two texts side by side."""


def by_likeness(pairs: Iterable[Pair]) -> list[Pair]:
    """Sort compared pairs, the most alike first; pairs equally alike keep their order."""
    return sorted((pair for pair in pairs if pair.compared), key=lambda pair: (-pair.overall, pair.index))


def closest_pairs(account: Account) -> dict[int, Pair]:
    """Find each document's closest pair. A document that was compared with none is absent."""
    found: dict[int, Pair] = {}
    for pair in by_likeness(account.pairs):
        found.setdefault(pair.left, pair)
        found.setdefault(pair.right, pair)
    return found


def on_the_page(account: Account, count: int) -> list[Pair]:
    """Choose the pairs whose redlines stand on the page: half the most alike, half those that changed most.

    Pairs in which nothing but likely artefacts changed are left to files of their own. The most alike come first.
    """
    changed = [pair for pair in by_likeness(account.pairs) if pair.counts.get("changes", 0)]
    alike = [pair for pair in changed if pair.edits][: (count + 1) // 2]
    chosen = {pair.index for pair in alike}
    related = [
        pair for pair in changed if pair.edits and pair.overall >= RELATED_MIN and pair.index not in chosen
    ]
    related.sort(key=lambda pair: (-pair.edits, pair.index))
    chosen |= {pair.index for pair in related[: count - len(alike)]}
    return [pair for pair in changed if pair.index in chosen]


def in_files(account: Account, shown: Iterable[Pair], count: int) -> list[Pair]:
    """Choose the pairs that get a file of their own: the most alike of those that are not on the page."""
    taken = {pair.index for pair in shown}
    rest = (pair for pair in by_likeness(account.pairs) if pair.counts.get("changes", 0))
    return [pair for pair in rest if pair.index not in taken][:count]
