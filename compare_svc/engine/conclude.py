"""Concludes a plan: what its comparisons say of all documents together."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from compare_svc.engine.clusters import find_clusters
from compare_svc.engine.entries import AllPairs, Baseline, NearDuplicates
from compare_svc.engine.model import ChangeScope, ComparisonStatus, Conclusion, RollupRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from compare_svc.engine.entries import PlanSpec
    from compare_svc.engine.model import Cluster, Comparison, Document, Family

ROLLUP_TEXT_MAX = 200


def conclude(
    plan: PlanSpec,
    comparisons: Iterable[Comparison],
    *,
    baseline: Document | None = None,
    families: Sequence[Family] = (),
    left_only: Sequence[str] = (),
    right_only: Sequence[str] = (),
    candidates: str = "",
) -> Conclusion:
    """Conclude a plan from its comparisons, read once, in any order.

    Clusters join what is alike at the plan's threshold (all pairs: that of near-duplicates). The rollup needs
    the comparisons' changes and, for its texts, the `baseline`. The rest was found when the plan was made
    (`plan.plan`, `families.find_families`, `candidates.find_candidates`) and is handed through.
    """
    clusters: tuple[Cluster, ...] = ()
    rollup: tuple[RollupRow, ...] = ()
    match plan:
        case NearDuplicates():
            clusters = find_clusters(_edges(comparisons, plan.threshold))
        case AllPairs():
            clusters = find_clusters(_edges(comparisons, NearDuplicates().threshold))
        case Baseline():
            rollup = _rollup(comparisons, baseline)
        case _:
            pass
    return Conclusion(clusters, tuple(families), rollup, tuple(left_only), tuple(right_only), candidates)


def _edges(comparisons: Iterable[Comparison], threshold: float) -> Iterator[tuple[str, str]]:
    for comparison in comparisons:
        similarity = comparison.similarity
        if similarity and similarity.shingles is not None and similarity.shingles >= threshold:
            yield comparison.left.document_id, comparison.right.document_id


def _rollup(comparisons: Iterable[Comparison], baseline: Document | None) -> tuple[RollupRow, ...]:
    """List the baseline's blocks that changed, in order, with who changed each; artefacts do not count."""
    changed: defaultdict[int, set[str]] = defaultdict(set)
    for comparison in comparisons:
        if comparison.status is not ComparisonStatus.COMPARED:
            continue
        for change in comparison.changes:
            content = change.scope in {ChangeScope.TEXT, ChangeScope.TABLE}
            if content and change.left and not change.likely_artifact and not change.renumbering:
                changed[change.left.block].add(comparison.right.document_id)
    texts = [block.text for block in baseline.blocks] if baseline else []
    return tuple(
        RollupRow(block, texts[block][:ROLLUP_TEXT_MAX] if block < len(texts) else "", tuple(sorted(who)))
        for block, who in sorted(changed.items())
    )
