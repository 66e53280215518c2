"""Keep, of a job's pairs as they pass by, the few that a summary tells: the closest, and those that changed most."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collatio.client.messages import ChangeCounts

CLOSEST_MAX = 5
LARGEST_MAX = 5
RELATED_MIN = 0.5
"""Pairs less alike than this have nothing to do with each other: all of them changed, and none tells anything."""


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A compared pair: the overall similarity, 0..1; changes that are edits; words that went or came by them."""

    similarity: float
    left: str
    right: str
    edits: int
    words: int


Kept = TypeVar("Kept", Pair, tuple[int, Pair])


@dataclass(slots=True)
class Ranking:
    """The pairs worth telling. `different` counts those that differ by more than likely artefacts."""

    different: int = 0
    _closest: list[Pair] = field(default_factory=list)
    _largest: list[tuple[int, Pair]] = field(default_factory=list)

    def add(self, left: str, right: str, similarity: float, counts: ChangeCounts) -> None:
        """Take a compared pair in."""
        edits = max(0, counts.changes - counts.likely_artifacts - counts.renumbered)
        pair = Pair(similarity, left, right, edits, counts.words_inserted + counts.words_deleted)
        self.different += edits > 0
        _keep(self._closest, pair, CLOSEST_MAX)
        if edits and similarity >= RELATED_MIN:
            _keep(self._largest, (pair.words, pair), LARGEST_MAX)

    def closest(self) -> list[Pair]:
        """List the pairs most alike, the closest first."""
        return sorted(self._closest, key=lambda pair: (-pair.similarity, pair.left, pair.right))

    def largest(self) -> list[Pair]:
        """List the related pairs in which most words changed, the largest change first."""
        return [
            pair
            for _, pair in sorted(self._largest, key=lambda kept: (-kept[0], kept[1].left, kept[1].right))
        ]


def _keep(kept: list[Kept], new: Kept, count: int) -> None:
    heapq.heappush(kept, new)
    if len(kept) > count:
        heapq.heappop(kept)
