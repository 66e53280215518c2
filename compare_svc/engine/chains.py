"""Longest and heaviest increasing chains: what keeps its order when two sequences are aligned."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise


def increasing(values: list[int]) -> list[int]:
    """Give the positions of a longest strictly increasing subsequence (patience sorting)."""
    tails: list[int] = []
    tail_at: list[int] = []
    before = [-1] * len(values)
    for at, value in enumerate(values):
        pile = bisect_left(tails, value)
        if pile == len(tails):
            tails.append(value)
            tail_at.append(at)
        else:
            tails[pile] = value
            tail_at[pile] = at
        before[at] = tail_at[pile - 1] if pile else -1
    kept = []
    at = tail_at[-1] if tail_at else -1
    while at >= 0:
        kept.append(at)
        at = before[at]
    return kept[::-1]


def heaviest(values: list[int], weights: list[int]) -> list[int]:
    """Give the positions of the increasing subsequence of the greatest total weight.

    Values are distinct. Fenwick tree of the best chain that ends at or before a value; O(n log n).
    """
    if all(a < b for a, b in pairwise(values)):
        return list(range(len(values)))
    ranks = {value: rank for rank, value in enumerate(sorted(values), 1)}
    best: list[tuple[int, int]] = [(0, -1)] * (len(values) + 1)
    before = [-1] * len(values)
    for at, value in enumerate(values):
        rank = ranks[value]
        top = (0, -1)
        probe = rank - 1
        while probe:
            top = max(top, best[probe])
            probe &= probe - 1
        before[at] = top[1]
        chain = (top[0] + weights[at], at)
        while rank <= len(values):
            best[rank] = max(best[rank], chain)
            rank += rank & -rank
    top = (0, -1)
    probe = len(values)
    while probe:
        top = max(top, best[probe])
        probe &= probe - 1
    chosen = []
    at = top[1]
    while at >= 0:
        chosen.append(at)
        at = before[at]
    return chosen[::-1]


def best_pairs(score: list[list[float]]) -> list[tuple[int, int]]:
    """Pair rows with columns of a score matrix, in order, for the greatest sum; a score of 0 never pairs."""
    n, m = len(score), len(score[0]) if score else 0
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    for i in range(n - 1, -1, -1):
        for j in range(m - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], best[i + 1][j + 1] + score[i][j])
    pairs = []
    i = j = 0
    while i < n and j < m:
        if score[i][j] and best[i][j] == best[i + 1][j + 1] + score[i][j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs
