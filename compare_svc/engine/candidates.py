"""Finds the pairs of documents whose Jaccard similarity of shingles reaches a threshold.

Two ways, and which was taken is part of the result:
"exact"    up to `EXACT_DOCUMENTS_MAX` documents: the sparse product of the documents-by-shingles matrix with
           its transpose counts what each pair shares. Rows are taken in blocks, so that a collection of copies
           does not fill the memory with its square. Recall is 1.
"minhash"  beyond: documents that agree in a band of minimum hashes are candidates (Broder 1997; banding:
           Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4), verified exactly. Bands are as many
           as it takes for a pair at the threshold to be missed once in `MISSED_ONE_IN`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from collatio.runtime.errors import CollatioError, Reason
from compare_svc.engine.shingles import common

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from compare_svc.engine.sketch import Sketch

EXACT_DOCUMENTS_MAX = 10_000
BLOCK_CELLS_MAX = 4_000_000
MISSED_ONE_IN = 20_000
ROWS_MAX = 8
HASHES_MAX = 512
CHUNK_CELLS = 1 << 21
_SEED = 20_240_229


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair of positions in the sketches, the lower first, and its exact Jaccard similarity."""

    left: int
    right: int
    jaccard: float


@dataclass(frozen=True, slots=True)
class Candidates:
    """The pairs found, sorted by position, and how: "exact" or "minhash"."""

    pairs: tuple[Candidate, ...]
    method: str


def find_candidates(
    sketches: Sequence[Sketch],
    threshold: float,
    max_pairs: int,
    *,
    exact_documents_max: int = EXACT_DOCUMENTS_MAX,
) -> Candidates:
    """Find all pairs at or above a threshold above 0; documents without words have none.

    Errors: TOO_MANY_PAIRS as soon as there are more than `max_pairs`.
    """
    exact = len(sketches) <= exact_documents_max
    found = _exact(sketches, threshold) if exact else _minhash(sketches, threshold)
    pairs: list[Candidate] = []
    for candidate in found:
        pairs.append(candidate)
        _refuse_excess(len(pairs), max_pairs)
    pairs.sort(key=lambda pair: (pair.left, pair.right))
    return Candidates(tuple(pairs), "exact" if exact else "minhash")


def find_near_duplicates(sketches: Sequence[Sketch], threshold: float, max_pairs: int) -> Candidates:
    """Find all pairs at or above a threshold by what their comparison will say.

    Two documents that both keep their source are as alike as their sources are. Errors: TOO_MANY_PAIRS.
    """
    kept = [(at, entry.source) for at, entry in enumerate(sketches) if entry.source is not None]
    if len(kept) < 2:
        return find_candidates(sketches, threshold, max_pairs)
    sources = [replace(sketches[at], shingles=source) for at, source in kept]
    among = find_candidates(sources, threshold, max_pairs)
    pairs = [replace(pair, left=kept[pair.left][0], right=kept[pair.right][0]) for pair in among.pairs]
    if len(kept) == len(sketches):
        return among
    texts = find_candidates(sketches, threshold, 2 * max_pairs)
    pairs += [
        pair
        for pair in texts.pairs
        if sketches[pair.left].source is None or sketches[pair.right].source is None
    ]
    _refuse_excess(len(pairs), max_pairs)
    return Candidates(tuple(sorted(pairs, key=lambda pair: (pair.left, pair.right))), texts.method)


def _refuse_excess(count: int, max_pairs: int) -> None:
    if count > max_pairs:
        raise CollatioError(
            Reason.TOO_MANY_PAIRS,
            f"More than {max_pairs:,} pairs reach the threshold.",
            metadata={"max_pairs": str(max_pairs)},
        )


def _exact(sketches: Sequence[Sketch], threshold: float) -> Iterator[Candidate]:
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - 40 ms that plans without sketches need not pay

    sizes = np.array([entry.shingles.size for entry in sketches], dtype=np.int64)
    if not sizes.sum():
        return
    _, columns = np.unique(np.concatenate([entry.shingles for entry in sketches]), return_inverse=True)
    matrix = csr_matrix(
        (np.ones(columns.size, dtype=np.int32), columns, np.concatenate([[0], sizes.cumsum()])),
        shape=(len(sketches), int(columns.max()) + 1),
    )
    transposed = matrix.T.tocsr()
    step = max(1, BLOCK_CELLS_MAX // len(sketches))
    for begin in range(0, len(sketches), step):
        shared = (matrix[begin : begin + step] @ transposed).tocoo()
        lefts, rights, counts = shared.row + begin, shared.col, shared.data
        later = rights > lefts
        lefts, rights, counts = lefts[later], rights[later], counts[later]
        values = counts / (sizes[lefts] + sizes[rights] - counts)
        for at in np.flatnonzero(values >= threshold).tolist():
            yield Candidate(int(lefts[at]), int(rights[at]), float(values[at]))


def bands(threshold: float) -> tuple[int, int]:
    """Choose how many bands of how many rows find pairs at the threshold with the recall promised."""
    best = (1, 1)
    for rows in range(1, ROWS_MAX + 1):
        agree = threshold**rows
        count = 1 if agree >= 1 else math.ceil(math.log(1 / MISSED_ONE_IN) / math.log(1 - agree))
        if rows == 1 or count * rows <= HASHES_MAX // 2:
            best = (min(count, HASHES_MAX), rows)
    return best


def _minhash(sketches: Sequence[Sketch], threshold: float) -> Iterator[Candidate]:
    count, rows = bands(threshold)
    generator = np.random.default_rng(_SEED)
    factors = generator.integers(1, 1 << 63, size=count * rows, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    signatures = np.stack([_signature(entry.shingles, factors) for entry in sketches])
    filled = [at for at, entry in enumerate(sketches) if entry.shingles.size]
    seen: set[tuple[int, int]] = set()
    for band in range(count):
        buckets: defaultdict[bytes, list[int]] = defaultdict(list)
        part = np.ascontiguousarray(signatures[:, band * rows : (band + 1) * rows])
        for at in filled:
            buckets[part[at].tobytes()].append(at)
        for bucket in buckets.values():
            for pair in combinations(bucket, 2):
                if pair not in seen:
                    seen.add(pair)
                    value = _verified(sketches[pair[0]], sketches[pair[1]], threshold)
                    if value >= threshold:
                        yield Candidate(*pair, value)


def _verified(left: Sketch, right: Sketch, threshold: float) -> float:
    small, large = sorted((left.shingles.size, right.shingles.size))
    if small < threshold * large:
        return 0.0
    shared = common(left.shingles, right.shingles)
    return shared / (small + large - shared)


def _signature(shingles: NDArray[np.uint64], factors: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Take the least of each hash function's values; multiply-shift hashes of what are hashes already."""
    least = np.full(factors.size, np.iinfo(np.uint64).max, dtype=np.uint64)
    step = max(1, CHUNK_CELLS // factors.size)
    for begin in range(0, shingles.size, step):
        np.minimum(least, (shingles[begin : begin + step, None] * factors).min(axis=0), out=least)
    return (least >> np.uint64(32)).astype(np.uint32)
