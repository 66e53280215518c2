"""Numbers the words of blocks; a block that many documents share is read once a batch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from compare_svc.engine.numbering import label_end
from compare_svc.engine.words import Vocabulary, spans, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from compare_svc.engine.patterns import Pattern


@dataclass(slots=True)
class Passage:
    """The words of a block: their numbers, and a number for them all that equal blocks share.

    `body` is such a number for the words behind its label ("6.1"), the same as `key` where it has none.
    """

    text: str
    ids: NDArray[np.uint32]
    key: int
    body: int
    ignored: tuple[Pattern, ...]
    _offsets: list[tuple[int, int]] | None = None

    @property
    def offsets(self) -> list[tuple[int, int]]:
        """Give the begin and end of each token in the text; made on first use, since most are never asked for."""
        if self._offsets is None:
            self._offsets = _kept(spans(self.text), self.text, self.ignored)
        return self._offsets


@dataclass(slots=True)
class Passages:
    """The passages of one batch, by text. `token_count` says how much it holds."""

    vocabulary: Vocabulary
    ignored: tuple[Pattern, ...]
    token_count: int = 0
    _known: dict[str, Passage] = field(default_factory=dict)
    _keys: dict[bytes, int] = field(default_factory=dict)

    def read(self, text: str) -> Passage:
        """Give the passage of a block's text."""
        found = self._known.get(text)
        if found is None:
            words = tokens(text)
            if self.ignored:
                words = [text[begin:end] for begin, end in _kept(spans(text), text, self.ignored)]
            ids = np.array(list(map(self.vocabulary.__getitem__, words)), dtype=np.uint32)
            key = self._keys.setdefault(ids.tobytes(), len(self._keys))
            label = 0 if self.ignored else len(tokens(text[: label_end(text)]))
            body = self._keys.setdefault(ids[label:].tobytes(), len(self._keys)) if label else key
            found = self._known[text] = Passage(text, ids, key, body, self.ignored)
            self.token_count += ids.size
        return found


def _kept(found: list[tuple[int, int]], text: str, patterns: Sequence[Pattern]) -> list[tuple[int, int]]:
    """Leave out the tokens that a pattern's match touches; both come in order."""
    for pattern in patterns:
        found = list(_outside(found, pattern.spans(text)))
    return found


def _outside(found: list[tuple[int, int]], matches: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    low, high = next(matches, (-1, -1))
    for begin, end in found:
        while low >= 0 and high <= begin:
            low, high = next(matches, (-1, -1))
        if not (0 <= low < end and begin < high):
            yield begin, end
