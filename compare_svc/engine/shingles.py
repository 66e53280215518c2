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
    from collections.abc import Iterable

    from numpy.typing import NDArray

SHINGLE_WORDS = 5
KEPT_WORDS_MAX = 2_000_000
"""Words of pieces kept hashed; beyond it the keeping begins anew."""
_WORDS = re.compile(r"\w+")
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class WordHashes(dict[str, int]):
    """Hashes each different word once, and the words of each different piece of text; 64 bits.

    Near-duplicates have most of their paragraphs in common: what one has hashed, the next only looks up.
    """

    __slots__ = ("_pieces", "count")

    def __init__(self) -> None:
        super().__init__()
        self._pieces: dict[str, NDArray[np.uint64]] = {}
        self.count = 0

    def __missing__(self, word: str) -> int:
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        self[word] = hashed = int.from_bytes(digest, "little")
        return hashed

    def of(self, piece: str) -> NDArray[np.uint64]:
        """Hash the words of a piece of text, in order."""
        found = self._pieces.get(piece)
        if found is None:
            words = _WORDS.findall(piece.lower())
            found = np.fromiter(map(self.__getitem__, words), dtype=np.uint64, count=len(words))
            if self.count > KEPT_WORDS_MAX:
                self._pieces.clear()
                self.count = 0
            self._pieces[piece] = found
            self.count += found.size
        return found


def shingle_hashes(pieces: Iterable[str], hashes: WordHashes) -> NDArray[np.uint64]:
    """Hash the set of a text's shingles, sorted; a text of fewer words is one shingle, of none has none.

    The text comes in pieces between which no word goes on: blocks, or lines.
    """
    parts = [hashes.of(piece) for piece in pieces]
    values = np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)
    if not values.size:
        return values
    length = min(SHINGLE_WORDS, values.size)
    count = values.size - length + 1
    keys = np.zeros(count, dtype=np.uint64)
    for step in range(length):
        keys *= _FACTOR
        keys ^= keys >> np.uint64(31)
        keys += values[step : count + step]
    keys.sort()  # numpy's unique takes ten times as long
    return keys[np.concatenate(([True], keys[1:] != keys[:-1]))]


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
