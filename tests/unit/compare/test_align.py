"""Alignment of number sequences: correct, as good as the exact one where it matters, bounded in memory."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from compare_svc.engine.align import MATRIX_BITS_MAX, Run, align
from compare_svc.engine.chains import best_pairs, heaviest, increasing

NUMBERS = st.lists(st.integers(0, 6), max_size=40)


def _ids(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.uint32)


def _check(left: np.ndarray, right: np.ndarray, runs: list[Run]) -> int:
    done = (0, 0)
    for i, j, length in runs:
        assert length > 0
        assert i >= done[0]
        assert j >= done[1]
        assert (left[i : i + length] == right[j : j + length]).all()
        done = (i + length, j + length)
    return sum(run[2] for run in runs)


def _lcs(left: list[int], right: list[int]) -> int:
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            best[i + 1][j + 1] = best[i][j] + 1 if a == b else max(best[i][j + 1], best[i + 1][j])
    return best[-1][-1]


@given(NUMBERS, NUMBERS)
def test_short_sequences_align_as_long_as_possible(left: list[int], right: list[int]) -> None:
    """Runs are equal, in order, and together a longest common subsequence."""
    runs = align(_ids(left), _ids(right))
    assert _check(_ids(left), _ids(right), runs) == _lcs(left, right)


def test_long_sequences_align_by_anchors() -> None:
    """Beyond the matrix' bound nearly every equal word is still found."""
    random = np.random.default_rng(7)
    left = random.zipf(1.3, 20_000).clip(0, 30_000).astype(np.uint32)
    right = left.copy()
    changed = random.choice(left.size, 400, replace=False)
    right[changed] = 40_000 + np.arange(400)
    assert left.size * right.size > MATRIX_BITS_MAX
    assert _check(left, right, align(left, right)) >= 0.999 * (left.size - changed.size)


def test_long_sequences_without_anchors_still_align_in_order() -> None:
    """Two long stretches without a unique number are cut, and what is found is true."""
    random = np.random.default_rng(5)
    left = random.integers(0, 3, 30_000).astype(np.uint32)
    right = random.integers(0, 3, 25_000).astype(np.uint32)
    assert _check(left, right, align(left, right)) > 10_000


def test_numbers_beyond_code_points_align() -> None:
    """A vocabulary larger than Unicode makes no difference."""
    left = _ids([2_000_000, 5, 3_000_000, 0xD800, 9])
    right = _ids([2_000_000, 6, 3_000_000, 0xD800])
    assert _check(left, right, align(left, right)) == 3


@given(st.permutations(range(8)), st.lists(st.integers(1, 9), min_size=8, max_size=8))
def test_the_heaviest_chain_weighs_at_least_the_longest(values: list[int], weights: list[int]) -> None:
    """Both chains increase; the heaviest one is no lighter than the longest."""
    heavy, long = heaviest(values, weights), increasing(values)
    for chain in (heavy, long):
        assert [values[at] for at in chain] == sorted(values[at] for at in chain)
    assert sum(weights[at] for at in heavy) >= sum(weights[at] for at in long)


def test_best_pairs_keep_order_and_take_the_greatest_sum() -> None:
    """A lower score is passed over where two of them beat it."""
    assert best_pairs([[0.0, 0.9], [0.8, 0.0], [0.0, 0.8]]) == [(1, 0), (2, 1)]
    assert best_pairs([]) == []
