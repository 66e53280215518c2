"""Aligns two sequences of numbers: which runs stand in both, in the same order.

Rules:
1. The answer is a list of runs `(left, right, length)`, increasing on both sides, maximal where two touch.
2. Memory stays linear. rapidfuzz keeps a matrix of n * m bits, so it sees only gaps whose product is below
   `MATRIX_BITS_MAX`; a larger gap is first cut at anchors.

Theory: anchors are n-grams that stand exactly once on each side; the longest chain of them that increases on
both sides (patience sorting, Fredman 1975) is part of nearly every good alignment. 4-grams first, then
2-grams, then single numbers, each within the gaps of the one before.

Known ugliness: two long stretches without a common unique number are cut into pieces of equal proportion, so
that equal parts far apart in them are missed. That is text with nothing in common, or a table of zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import Indel

from compare_svc.engine.chains import increasing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Ids = NDArray[np.uint32]

Run = tuple[int, int, int]

MATRIX_BITS_MAX = 1 << 27
_GRAMS = (4, 2, 1)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_SURROGATES = 0xD800
_CODE_POINTS = 0x10F800


def align(left: Ids, right: Ids) -> list[Run]:
    """Align two sequences; the longest common subsequence where they are short, nearly so where long."""
    return _joined(_aligned(left, right, 0, 0, 0))


def _aligned(left: Ids, right: Ids, i: int, j: int, level: int) -> Iterator[Run]:
    """Yield the runs of two sequences that begin at `i` and `j` of the whole."""
    head = common_prefix(left, right)
    if head:
        yield i, j, head
        left, right, i, j = left[head:], right[head:], i + head, j + head
    tail = common_prefix(left[::-1], right[::-1])
    if tail:
        left, right = left[: left.size - tail], right[: right.size - tail]
    if left.size and right.size:
        if left.size * right.size <= MATRIX_BITS_MAX:
            yield from _exact(left, right, i, j)
        elif level < len(_GRAMS):
            yield from _anchored(left, right, i, j, level)
        else:
            yield from _proportional(left, right, i, j)
    if tail:
        yield i + left.size, j + right.size, tail


def common_prefix(left: Ids, right: Ids) -> int:
    """Count the numbers at which two sequences begin alike."""
    size = min(left.size, right.size)
    if not size or left[0] != right[0]:
        return 0
    differs = left[:size] != right[:size]
    first = int(differs.argmax())
    return first if differs[first] else size


def _exact(left: Ids, right: Ids, i: int, j: int) -> Iterator[Run]:
    first, second = _texts(left, right)
    for block in Indel.opcodes(first, second).as_matching_blocks():
        if block.size:
            yield i + block.a, j + block.b, block.size


def _texts(left: Ids, right: Ids) -> tuple[str, str]:
    """Write numbers as code points: rapidfuzz compares strings without hashing every element."""
    top = max(int(left.max()), int(right.max()))
    if top >= _CODE_POINTS:
        _, inverse = np.unique(np.concatenate([left, right]), return_inverse=True)
        dense = inverse.astype(np.uint32)
        left, right = dense[: left.size], dense[left.size :]
        top = int(dense.max())
    if top >= _SURROGATES:
        left = np.where(left < _SURROGATES, left, left + np.uint32(0x800))
        right = np.where(right < _SURROGATES, right, right + np.uint32(0x800))
    return left.tobytes().decode("utf-32-le"), right.tobytes().decode("utf-32-le")


def _anchored(left: Ids, right: Ids, i: int, j: int, level: int) -> Iterator[Run]:
    done_left = done_right = 0
    for a, b, length in _chain(left, right, _GRAMS[level]):
        yield from _aligned(left[done_left:a], right[done_right:b], i + done_left, j + done_right, level + 1)
        yield i + a, j + b, length
        done_left, done_right = a + length, b + length
    yield from _aligned(left[done_left:], right[done_right:], i + done_left, j + done_right, level + 1)


def _chain(left: Ids, right: Ids, gram: int) -> Iterator[Run]:
    """Yield the longest increasing chain of unique common n-grams, those that touch joined to runs."""
    if min(left.size, right.size) < gram:
        return
    left_keys, left_at = _unique_grams(left, gram)
    right_keys, right_at = _unique_grams(right, gram)
    _, in_left, in_right = np.intersect1d(left_keys, right_keys, assume_unique=True, return_indices=True)
    lefts, rights = left_at[in_left], right_at[in_right]
    order = np.argsort(lefts)
    lefts, rights = lefts[order], rights[order]
    for step in range(gram):  # a hash may lie
        same = left[lefts + step] == right[rights + step]
        lefts, rights = lefts[same], rights[same]
    kept = increasing(rights.tolist())
    begin_left = begin_right = end_left = end_right = 0
    for a, b in zip(lefts[kept].tolist(), rights[kept].tolist(), strict=True):
        if a - b == end_left - end_right and a <= end_left and end_left > begin_left:
            end_left, end_right = a + gram, b + gram
            continue
        overlap = max(end_left - a, end_right - b, 0)
        if overlap >= gram:
            continue
        if end_left > begin_left:
            yield begin_left, begin_right, end_left - begin_left
        begin_left, begin_right, end_left, end_right = a + overlap, b + overlap, a + gram, b + gram
    if end_left > begin_left:
        yield begin_left, begin_right, end_left - begin_left


def _unique_grams(ids: Ids, gram: int) -> tuple[NDArray[np.uint64], NDArray[np.intp]]:
    keys = np.zeros(ids.size - gram + 1, dtype=np.uint64)
    for step in range(gram):
        keys *= _FACTOR
        keys += ids[step : ids.size - gram + 1 + step] + np.uint64(1)
        keys ^= keys >> np.uint64(29)
    values, first, counts = np.unique(keys, return_index=True, return_counts=True)
    once = counts == 1
    return values[once], first[once]


def _proportional(left: Ids, right: Ids, i: int, j: int) -> Iterator[Run]:
    pieces = 1
    while (left.size // pieces + 1) * (right.size // pieces + 1) > MATRIX_BITS_MAX:
        pieces += 1
    for piece in range(pieces):
        a, a_end = (left.size * part // pieces for part in (piece, piece + 1))
        b, b_end = (right.size * part // pieces for part in (piece, piece + 1))
        if a < a_end and b < b_end:
            yield from _exact(left[a:a_end], right[b:b_end], i + a, j + b)


def _joined(runs: Iterator[Run]) -> list[Run]:
    """Join runs that touch on both sides."""
    joined: list[Run] = []
    for a, b, length in runs:
        if joined:
            i, j, before = joined[-1]
            if i + before == a and j + before == b:
                joined[-1] = (i, j, before + length)
                continue
        joined.append((a, b, length))
    return joined
