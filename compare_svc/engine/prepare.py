"""Prepares a document once for all its pairs: words as numbers, block keys, shingles.

A `Preparer` belongs to one batch: documents can be aligned only if the same preparer numbered their words.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from compare_svc.engine.furniture import find_furniture
from compare_svc.engine.patterns import compile_patterns
from compare_svc.engine.shingles import WordHashes, shingle_hashes
from compare_svc.engine.words import Vocabulary, spans, tokens

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from compare_svc.engine.model import Block, Document, Ignore


@dataclass(slots=True)
class BlockKeys:
    """Numbers blocks by their words, so that equal blocks have equal numbers."""

    numbers: dict[bytes, int] = field(default_factory=dict)

    def __call__(self, words: bytes) -> int:
        """Give the number of a block's words."""
        return self.numbers.setdefault(words, len(self.numbers))


@dataclass(frozen=True)
class Prepared:
    """A document, ready to be compared.

    `at` lists the blocks that hold words, by index; a position in it is a block's *ordinal*. `first[o]` is
    the index of ordinal `o`'s first token in `ids`, with one more entry for the end. `words[t]` is the number
    of words among the first `t` tokens.
    """

    document: Document
    at: list[int]
    first: list[int]
    ids: NDArray[np.uint32]
    words: NDArray[np.int64]
    keys: list[int]
    furniture: frozenset[int]
    shingles: NDArray[np.uint64]
    ignored: tuple[re.Pattern[str], ...]
    _offsets: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    @cached_property
    def identity(self) -> bytes:
        """A digest of all content that comparing looks at; equal ones mean no difference at all."""
        document = self.document
        parts = [document.media_type, repr(document.metadata), repr(document.tables)]
        parts.extend(f"{entry.name}\0{entry.raw}\0{entry.value}" for entry in document.fields)
        parts.extend(f"{block.kind}\0{block.level}\0{block.table}\0{block.text}" for block in document.blocks)
        return hashlib.blake2b("\1".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()

    @cached_property
    def structure(self) -> str:
        """The sequence of block kinds and levels, a character each."""
        return "".join(
            chr(1 + int(self.block(o).kind) * 64 + min(self.block(o).level, 63)) for o in self.ordinals
        )

    @property
    def ordinals(self) -> range:
        """The ordinals of its blocks."""
        return range(len(self.at))

    def block(self, ordinal: int) -> Block:
        """Give the block of an ordinal."""
        return self.document.blocks[self.at[ordinal]]

    def ordinal(self, token: int) -> int:
        """Give the ordinal of the block that holds a token."""
        return bisect_right(self.first, token) - 1

    def word_count(self, begin: int = 0, end: int | None = None) -> int:
        """Count the words among the tokens from `begin` to before `end`."""
        return int(self.words[self.ids.size if end is None else end] - self.words[begin])

    def offsets(self, ordinal: int) -> list[tuple[int, int]]:
        """Give the begin and end of each of a block's tokens in its text; made on first use."""
        found = self._offsets.get(ordinal)
        if found is None:
            text = self.block(ordinal).text
            found = self._offsets[ordinal] = _kept(spans(text), text, self.ignored)
        return found

    def bounds(self, begin: int, end: int) -> tuple[int, int]:
        """Give the offsets, in their block's text, that tokens of one block reach from and to."""
        ordinal = self.ordinal(begin)
        offsets = self.offsets(ordinal)
        start = self.first[ordinal]
        return offsets[begin - start][0], offsets[end - 1 - start][1]

    def text(self, begin: int, end: int) -> str:
        """Give the text that tokens of one block reach over, as it stands."""
        low, high = self.bounds(begin, end)
        return self.block(self.ordinal(begin)).text[low:high]

    def text_between(self, begin: int, end: int) -> str:
        """Give the text that tokens of one or several blocks reach over, blank lines between blocks."""
        first, last = self.ordinal(begin), self.ordinal(end - 1)
        low, high = self.bounds(begin, begin + 1)[0], self.bounds(end - 1, end)[1]
        if first == last:
            return self.block(first).text[low:high]
        inner = (self.block(ordinal).text for ordinal in range(first + 1, last))
        return "\n\n".join([self.block(first).text[low:], *inner, self.block(last).text[:high]])


class Preparer:
    """Prepares the documents of one batch."""

    def __init__(self, ignore: Ignore) -> None:
        """Begin a batch; raises INVALID_REQUEST for a faulty pattern."""
        self.ignore = ignore
        self._vocabulary = Vocabulary(ignore_case=ignore.case)
        self._keys = BlockKeys()
        self._hashes = WordHashes()
        self._patterns = compile_patterns(ignore.patterns)

    @property
    def size(self) -> int:
        """How many different words the batch has met."""
        return self._vocabulary.size

    def prepare(self, document: Document) -> Prepared:
        """Prepare one document."""
        furniture = find_furniture(document.blocks)
        at: list[int] = []
        numbers: list[int] = []
        counts: list[int] = []
        number = self._vocabulary.__getitem__
        for index, block in enumerate(document.blocks):
            if self.ignore.page_furniture and index in furniture:
                continue
            found = self._tokens(block.text)
            if found:
                at.append(index)
                counts.append(len(found))
                numbers.extend(map(number, found))
        first = [0, *accumulate(counts)]
        ids = np.array(numbers, dtype=np.uint32)
        flags = np.frombuffer(self._vocabulary.is_word, dtype=np.uint8)
        words = np.zeros(ids.size + 1, dtype=np.int64)
        if ids.size:
            np.cumsum(flags[ids], out=words[1:])
        del flags  # lets the vocabulary grow again
        keys = [self._keys(ids[begin:end].tobytes()) for begin, end in pairwise(first)]
        texts = (self._counted(document.blocks[index].text) for index in at)
        shingles = shingle_hashes("\n\n".join(texts), self._hashes)
        return Prepared(document, at, first, ids, words, keys, furniture, shingles, self._patterns)

    def _tokens(self, text: str) -> list[str]:
        if not self._patterns:
            return tokens(text)
        return [text[begin:end] for begin, end in _kept(spans(text), text, self._patterns)]

    def _counted(self, text: str) -> str:
        for pattern in self._patterns:
            text = pattern.sub(" ", text)
        return text


def _kept(
    found: list[tuple[int, int]], text: str, patterns: Sequence[re.Pattern[str]]
) -> list[tuple[int, int]]:
    """Leave out the tokens that a pattern's match touches."""
    for pattern in patterns:
        matches = [match.span() for match in pattern.finditer(text) if match.end() > match.start()]
        found = [
            (begin, end)
            for begin, end in found
            if not any(low < end and begin < high for low, high in matches)
        ]
    return found
