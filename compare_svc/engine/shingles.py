"""Hashes a text's 5-word shingles and measures how much two sets of them share.

A word's hash depends on the word alone, so sketches made in different processes compare. 64 bits make a
chance collision between two texts of 100,000 shingles about one in two thousand million pairs.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHINGLE_WORDS = 5
_WORDS = re.compile(r"\w+")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class WordHashes(dict[str, int]):
    """Hashes each different word once; 64 bits."""

    __slots__ = ()

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[word] = hashed = int.from_bytes(digest, "little")
        return hashed


def shingle_hashes(text: str, hashes: WordHashes) -> NDArray[np.uint64]:
    """Hash the set of a text's shingles, sorted; a text of fewer words is one shingle, of none has none."""
    words = _WORDS.findall(text.lower())
    if not words:
        return np.zeros(0, dtype=np.uint64)
    values = np.fromiter(map(hashes.__getitem__, words), dtype=np.uint64, count=len(words))
    length = min(SHINGLE_WORDS, len(words))
    keys = np.zeros(len(words) - length + 1, dtype=np.uint64)
    for step in range(length):
        keys *= _FACTOR
        keys ^= keys >> np.uint64(31)
        keys += values[step : len(words) - length + 1 + step]
    return np.unique(keys)


def common(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> int:
    """Count the hashes that stand in both of two sorted sets."""
    if left.size > right.size:
        left, right = right, left
    if not left.size:
        return 0
    at = right.searchsorted(left)
    at[at == right.size] = 0
    return int(np.count_nonzero(right[at] == left))


def jaccard(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> float | None:
    """Measure the Jaccard similarity of two sorted sets; `None` if both are empty."""
    if not left.size and not right.size:
        return None
    shared = common(left, right)
    return shared / (left.size + right.size - shared)
