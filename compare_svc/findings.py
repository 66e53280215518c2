"""From pairs to conclusions: what a tile tells of its pairs, and what all tiles together say of the documents.

A tile's step carries, beside its blob, the few facts that conclusions are made of: which pairs are close, and, for
a baseline, which of its blocks each document changed. So nobody reads all comparisons again at the end.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from collatio.v1 import compare_pb2
from compare_svc.engine.clusters import find_clusters
from compare_svc.engine.entries import NearDuplicates

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collatio.v1 import extract_pb2

CLOSE = 0.3
TEXT_MAX = 200
CONTENT = {compare_pb2.CHANGE_SCOPE_TEXT, compare_pb2.CHANGE_SCOPE_TABLE}


def findings(made: compare_pb2.TileComparisons, *, rollup: bool) -> list[dict[str, Any]]:
    """List the pairs of a tile worth knowing of: by position, with shingle similarity and changed blocks."""
    found = []
    for index, comparison in enumerate(made.comparisons):
        similarity = comparison.similarity
        close = (
            similarity.shingles if similarity.HasField("shingles") and similarity.shingles >= CLOSE else None
        )
        blocks = sorted(_changed_blocks(comparison)) if rollup else []
        if close is not None or blocks:
            found.append({"i": index, "s": close, "b": blocks})
    return found


def _changed_blocks(comparison: compare_pb2.Comparison) -> set[int]:
    """Collect the left document's blocks that changed; likely artefacts do not count."""
    return {
        change.left.block
        for change in comparison.changes
        if change.scope in CONTENT and change.HasField("left") and not change.likely_artifact
    }


class Gathered:
    """The findings of a plan's tiles as they come."""

    def __init__(self) -> None:
        self._close: list[tuple[str, str, float]] = []
        self._changed: defaultdict[int, set[str]] = defaultdict(set)

    def add(self, plan: compare_pb2.ComparePlan, tile: compare_pb2.PlannedTile, findings_json: str) -> None:
        """Take a tile's findings."""
        for found in json.loads(findings_json) if findings_json else ():
            left = plan.documents[tile.left[found["i"]]].document_id
            right = plan.documents[tile.right[found["i"]]].document_id
            if found["s"] is not None:
                self._close.append((left, right, found["s"]))
            for block in found["b"]:
                self._changed[block].add(right)

    def conclusion(self, plan: compare_pb2.ComparePlan) -> compare_pb2.CompareConclusion:
        """Make the conclusion of a plan whose tiles have all been added; the rollup is without texts yet."""
        made = compare_pb2.CompareConclusion(
            families=plan.families,
            left_only=plan.left_only,
            right_only=plan.right_only,
            candidates=plan.candidates,
        )
        kind = plan.spec.WhichOneof("plan")
        if kind in {None, "all_pairs", "near_duplicates"}:
            for cluster in find_clusters(self._edges(_threshold(plan.spec))):
                made.clusters.add(document_ids=cluster.document_ids)
        if kind == "baseline":
            for block, who in sorted(self._changed.items()):
                made.rollup.add(block=block, document_ids=sorted(who))
        return made

    def _edges(self, threshold: float) -> Iterator[tuple[str, str]]:
        return ((left, right) for left, right, shingles in self._close if shingles >= threshold)


def _threshold(spec: compare_pb2.CompareSpec) -> float:
    near = spec.near_duplicates
    return near.threshold if near.HasField("threshold") else NearDuplicates().threshold


def name_rollup(conclusion: compare_pb2.CompareConclusion, baseline: extract_pb2.Extraction) -> None:
    """Put the baseline's texts into the rollup."""
    for row in conclusion.rollup:
        if row.block < len(baseline.blocks):
            row.text = baseline.blocks[row.block].text[:TEXT_MAX]
