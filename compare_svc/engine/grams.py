"""The 3-grams of a document's token numbers: a quick way to see which blocks may share text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

GRAM = 3
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Grams:
    """Hashes of the n-grams that begin at each token; valid among documents of one preparer."""

    def __init__(self, ids: NDArray[np.uint32], first: Sequence[int]) -> None:
        """Hash the n-grams; `first` are the blocks' first tokens, with the end."""
        count = max(0, ids.size - GRAM + 1)
        self._keys = np.zeros(count, dtype=np.uint64)
        for step in range(GRAM if count else 0):
            self._keys *= _FACTOR
            self._keys += ids[step : step + count] + np.uint64(1)
            self._keys ^= self._keys >> np.uint64(29)
        self._first = first
        self.distinct: NDArray[np.uint64] = np.unique(self._keys)

    def of(self, block: int, other: Grams) -> list[int]:
        """List the n-grams within a block that stand anywhere in another document."""
        keys = self._keys[self._first[block] : max(self._first[block], self._first[block + 1] - GRAM + 1)]
        at = other.distinct.searchsorted(keys)
        at[at == other.distinct.size] = 0
        found: list[int] = keys[other.distinct[at] == keys].tolist()
        return found
