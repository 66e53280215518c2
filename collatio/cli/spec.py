"""Write an order and its placed sources as the job that the mesh understands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.cli.exit_status import JobFailed
from collatio.cli.ignoring import NOTHING
from collatio.cli.order import Mode
from collatio.client.messages import (
    AllPairsPlan,
    BaselinePlan,
    CompareSpec,
    ExplicitPair,
    ExplicitPlan,
    JobSpec,
    MatchedPlan,
    NearDuplicatesPlan,
    VersionsPlan,
)
from collatio.runtime.errors import CATALOGUE, Reason

if TYPE_CHECKING:
    from collatio.cli.ignoring import Ignoring
    from collatio.cli.order import Order
    from collatio.cli.placing import Placed


def job_spec(order: Order, placed: Placed) -> JobSpec:
    """Make the job's spec.

    Errors: `JobFailed` where nothing that could be read here is left to send: NO_DOCUMENTS,
    ALL_DOCUMENTS_FAILED, BASELINE_FAILED. ValueError for two trees of different kinds.
    """
    if not placed.sources:
        raise _nothing_left(placed)
    spec = JobSpec(sources=placed.sources, labels=dict(order.labels))
    compare = _compare_spec(order, placed)
    if compare is not None:
        if order.max_pairs is not None:
            compare.max_pairs = order.max_pairs
        _ignore(compare, order.ignoring)
        compare.comparators.extend(order.comparators)
        spec.compare.CopyFrom(compare)
    if order.timeout_s is not None:
        spec.timeout.FromMilliseconds(round(order.timeout_s * 1000))
    return spec


def _ignore(spec: CompareSpec, ignoring: Ignoring) -> None:
    if ignoring != NOTHING:
        spec.ignore.case = ignoring.case
        spec.ignore.whitespace = ignoring.space
        spec.ignore.page_furniture = ignoring.furniture
        spec.ignore.patterns.extend(ignoring.patterns)


def _compare_spec(order: Order, placed: Placed) -> CompareSpec | None:
    spec: CompareSpec | None = None
    match order.mode:
        case Mode.NONE:
            pass
        case Mode.ALL_PAIRS:
            spec = CompareSpec(all_pairs=AllPairsPlan())
        case Mode.VERSIONS:
            spec = CompareSpec(versions=VersionsPlan(threshold=order.threshold))
        case Mode.NEAR_DUPLICATES:
            spec = CompareSpec(near_duplicates=NearDuplicatesPlan(threshold=order.threshold))
        case Mode.BASELINE:
            spec = CompareSpec(baseline=_baseline(order, placed))
        case Mode.MATCHED:
            spec = _matched(order, placed)
        case Mode.EXPLICIT:
            spec = CompareSpec(explicit=_explicit(order, placed))
    return spec


def _baseline(order: Order, placed: Placed) -> BaselinePlan:
    if placed.baseline is not None:
        return BaselinePlan(source=placed.baseline)
    assert order.baseline is not None
    key = placed.reference(order.baseline)
    if key is None:
        raise _job_failed(Reason.BASELINE_FAILED)
    return BaselinePlan(key=key)


def _explicit(order: Order, placed: Placed) -> ExplicitPlan:
    """Pair what could be read; a pair that lost an end is told of by the failure of that document."""
    ends = ((placed.reference(left), placed.reference(right)) for left, right in order.pairs)
    pairs = [ExplicitPair(left=left, right=right) for left, right in ends if left and right]
    if not pairs:
        raise _job_failed(Reason.ALL_DOCUMENTS_FAILED)
    return ExplicitPlan(pairs=pairs)


def _matched(order: Order, placed: Placed) -> CompareSpec:
    """Match two trees: by the mesh where it lists them, here where their files were uploaded one by one."""
    left, right = order.inputs
    if left not in placed.uploaded and right not in placed.uploaded:
        keys = [source.key for source in placed.sources]
        return CompareSpec(matched=MatchedPlan(left=keys[0], right=keys[1]))
    if left not in placed.uploaded or right not in placed.uploaded:
        raise ValueError("--mode matched takes two paths or two URIs, not one of each")
    lefts, rights = placed.uploaded[left], placed.uploaded[right]
    held = {source.key for source in placed.sources}
    pairs = [
        ExplicitPair(left=lefts[path], right=rights[path])
        for path in sorted(lefts.keys() & rights.keys())
        if lefts[path] in held and rights[path] in held
    ]
    if not pairs:
        raise JobFailed(str(Reason.NO_DOCUMENTS), "The two folders have no path in common.")
    return CompareSpec(explicit=ExplicitPlan(pairs=pairs))


def one_sided(order: Order, placed: Placed) -> list[tuple[str, str]]:
    """Name, as (tree, path), what one of two uploaded trees has and the other lacks; the mesh names it for others."""
    if order.mode is not Mode.MATCHED or not all(tree in placed.uploaded for tree in order.inputs):
        return []
    left, right = order.inputs
    lefts, rights = placed.uploaded[left], placed.uploaded[right]
    return [
        *((left.text, path) for path in sorted(lefts.keys() - rights.keys())),
        *((right.text, path) for path in sorted(rights.keys() - lefts.keys())),
    ]


def _nothing_left(placed: Placed) -> JobFailed:
    if not placed.unread:
        return _job_failed(Reason.NO_DOCUMENTS)
    first = placed.unread[0]
    return JobFailed(
        str(Reason.ALL_DOCUMENTS_FAILED),
        f"{len(placed.unread)} of {len(placed.unread)} failed; {first.uri}: {first.failure.reason}.",
    )


def _job_failed(reason: Reason) -> JobFailed:
    entry = CATALOGUE[reason]
    return JobFailed(str(reason), f"{entry.meaning} {entry.remedy}")
