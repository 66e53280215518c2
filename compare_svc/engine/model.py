"""The values the engine works on: the public ones of `collatio.plugins.comparators`, and what a plan concludes.

One definition serves the engine and every plugin; this module is the engine's own name for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from collatio.plugins.comparators import (
    Block,
    BlockKind,
    Box,
    Change,
    ChangeCounts,
    ChangeKind,
    ChangeScope,
    ComparedDocument,
    Comparison,
    ComparisonStatus,
    Document,
    Field,
    Ignore,
    Link,
    Mark,
    Metadata,
    Options,
    PairError,
    Picture,
    Place,
    Similarity,
    Table,
)

__all__ = [
    "Block",
    "BlockKind",
    "Box",
    "Change",
    "ChangeCounts",
    "ChangeKind",
    "ChangeScope",
    "Cluster",
    "ComparedDocument",
    "Comparison",
    "ComparisonStatus",
    "Conclusion",
    "Document",
    "Family",
    "Field",
    "Ignore",
    "Link",
    "Mark",
    "Metadata",
    "Options",
    "PairError",
    "Picture",
    "Place",
    "RollupRow",
    "Similarity",
    "Table",
]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Near-duplicates: their ids, sorted."""

    document_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Versions of one document, oldest first.

    `evidence` has one word for each step from one to the next: "date", "version" or "similarity".
    """

    document_ids: tuple[str, ...]
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RollupRow:
    """A block of the baseline, its text cut after 200 code points, and the sorted ids that changed it."""

    block: int
    text: str
    document_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a plan concluded over all documents; the contract's CompareConclusion."""

    clusters: tuple[Cluster, ...] = ()
    families: tuple[Family, ...] = ()
    rollup: tuple[RollupRow, ...] = ()
    left_only: tuple[str, ...] = ()
    right_only: tuple[str, ...] = ()
    candidates: str = ""
