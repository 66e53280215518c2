"""Makes the plan: which pairs are compared, cut into tiles. It reads the manifest's entries, never a text."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason, invalid
from compare_svc.engine.cost import predict_cost
from compare_svc.engine.entries import (
    AllPairs,
    Baseline,
    Entry,
    Explicit,
    Matched,
    NearDuplicates,
    PlanSpec,
    Versions,
)
from compare_svc.engine.tiles import DOCUMENTS_MAX, Pair, Tile, cut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "DOCUMENTS_MAX",
    "AllPairs",
    "Baseline",
    "Entry",
    "Explicit",
    "Matched",
    "NearDuplicates",
    "Pair",
    "Plan",
    "PlanSpec",
    "Tile",
    "Versions",
    "plan",
    "plan_pairs",
    "predict_cost",
]

MAX_PAIRS = 100_000
COST_PER_TILE_S = 0.2


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan, as made. `skipped` are explicit pairs, by name, one of whose documents failed earlier."""

    tiles: tuple[Tile, ...]
    pair_count: int
    left_only: tuple[str, ...] = ()
    right_only: tuple[str, ...] = ()
    skipped: tuple[tuple[str, str], ...] = ()


def plan(
    entries: Sequence[Entry],
    plan: PlanSpec,
    max_pairs: int = MAX_PAIRS,
    cost_per_tile_s: float = COST_PER_TILE_S,
) -> Plan:
    """Plan the comparisons of a job whose pairs follow from the manifest alone.

    Versions and near-duplicates need sketches first; hand the pairs they give to `plan_pairs`.

    Errors: TOO_MANY_PAIRS above `max_pairs`, the message naming the count; INVALID_REQUEST for a name that no
    entry or several bear, for no or more than one baseline, and for a plan that needs sketches.
    """
    match plan:
        case AllPairs():
            count = len(entries)
            _refuse_excess(count * (count - 1) // 2, max_pairs)
            return plan_pairs(entries, list(combinations(range(count), 2)), max_pairs, cost_per_tile_s)
        case Baseline():
            return plan_pairs(entries, _against_baseline(entries), max_pairs, cost_per_tile_s)
        case Explicit():
            pairs, skipped = _named(entries, plan)
            made = plan_pairs(entries, pairs, max_pairs, cost_per_tile_s)
            return Plan(made.tiles, made.pair_count, skipped=skipped)
        case Matched():
            return _matched(entries, plan, max_pairs, cost_per_tile_s)
        case Versions() | NearDuplicates():
            raise invalid("spec.plan", "this plan is made from sketches of the texts, not from the manifest")


def plan_pairs(
    entries: Sequence[Entry],
    pairs: Sequence[Pair],
    max_pairs: int = MAX_PAIRS,
    cost_per_tile_s: float = COST_PER_TILE_S,
) -> Plan:
    """Cut given pairs (indexes into the entries, left first) into tiles; repeated pairs count once.

    Errors: TOO_MANY_PAIRS above `max_pairs`.
    """
    distinct = list(dict.fromkeys(pairs))
    _refuse_excess(len(distinct), max_pairs)
    return Plan(cut(entries, distinct, cost_per_tile_s), len(distinct))


def _refuse_excess(count: int, max_pairs: int) -> None:
    if count > max_pairs:
        raise CollatioError(
            Reason.TOO_MANY_PAIRS,
            f"The plan makes {count:,} pairs; at most {max_pairs:,} are allowed.",
            metadata={"pair_count": str(count), "max_pairs": str(max_pairs)},
        )


def _against_baseline(entries: Sequence[Entry]) -> list[Pair]:
    marked = [at for at, entry in enumerate(entries) if entry.baseline]
    if len(marked) != 1:
        raise invalid("spec.baseline", f"exactly one document must be the baseline, not {len(marked)}")
    base = entries[marked[0]]
    return [
        (marked[0], at)
        for at, entry in enumerate(entries)
        if at != marked[0] and not (base.uri and entry.uri == base.uri)
    ]


def _named(entries: Sequence[Entry], plan: Explicit) -> tuple[list[Pair], tuple[tuple[str, str], ...]]:
    by_key: defaultdict[str, list[int]] = defaultdict(list)
    by_uri: defaultdict[str, list[int]] = defaultdict(list)
    for at, entry in enumerate(entries):
        by_key[entry.key].append(at)
        by_uri[entry.uri].append(at)
    pairs = []
    skipped = []
    for number, names in enumerate(plan.pairs):
        if any(name in plan.absent for name in names):
            skipped.append(names)
            continue
        left = _one(names[0], by_key, by_uri, f"spec.explicit.pairs[{number}].left")
        right = _one(names[1], by_key, by_uri, f"spec.explicit.pairs[{number}].right")
        pairs.append((left, right))
    return pairs, tuple(skipped)


def _one(name: str, by_key: Mapping[str, list[int]], by_uri: Mapping[str, list[int]], field: str) -> int:
    found = (by_key.get(name) or by_uri.get(name, [])) if name else []
    if not found:
        raise invalid(field, "no document has this key or URI")
    if len(found) > 1:
        raise invalid(field, f"{len(found)} documents bear this name; name one by its URI")
    return found[0]


def _matched(entries: Sequence[Entry], plan: Matched, max_pairs: int, cost_per_tile_s: float) -> Plan:
    left = {entry.relative_path: at for at, entry in enumerate(entries) if entry.key == plan.left}
    right = {entry.relative_path: at for at, entry in enumerate(entries) if entry.key == plan.right}
    both = sorted(left.keys() & right.keys())
    made = plan_pairs(entries, [(left[path], right[path]) for path in both], max_pairs, cost_per_tile_s)
    return Plan(
        made.tiles,
        made.pair_count,
        left_only=tuple(sorted(left.keys() - right.keys())),
        right_only=tuple(sorted(right.keys() - left.keys())),
    )
