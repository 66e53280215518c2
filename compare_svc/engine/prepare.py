"""Prepares a document once for all its pairs: words as numbers, block keys, shingles.

A `Preparer` belongs to one batch: documents can be aligned only if the same preparer numbered their words.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from compare_svc.engine.furniture import find_furniture
from compare_svc.engine.grams import Grams
from compare_svc.engine.passages import Passage, Passages
from compare_svc.engine.patterns import compile_patterns, counted
from compare_svc.engine.shingles import WordHashes, shingle_hashes
from compare_svc.engine.words import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from compare_svc.engine.edit import Span
    from compare_svc.engine.model import Block, Document, Ignore
    from compare_svc.engine.patterns import Pattern

BREAK = "\n\n"
"""What stands between two blocks in a document's whole text."""


@dataclass(frozen=True)
class Prepared:
    """A document, ready to be compared.

    `at` lists the blocks that hold words, by index, page furniture last: a text goes on over the page's end, and
    what crosses one has not moved. A position in it is a block's *ordinal*. `first[o]` is
    the index of ordinal `o`'s first token in `ids`, with one more entry for the end. `words[t]` is the number
    of words among the first `t` tokens.
    """

    document: Document
    at: list[int]
    first: list[int]
    ids: NDArray[np.uint32]
    words: NDArray[np.int64]
    passages: list[Passage]
    furniture: frozenset[int]
    hashed: Hashed

    @cached_property
    def identity(self) -> bytes:
        """A digest of all content that comparing looks at; equal ones mean no difference at all."""
        document = self.document
        parts = [document.media_type, repr(document.metadata), repr(document.tables)]
        parts.extend(f"{link.text}\0{link.uri}" for link in document.links)
        parts.extend(picture.sha256 for picture in document.pictures)
        parts.extend(f"{entry.name}\0{entry.raw}\0{entry.value}" for entry in document.fields)
        parts.extend(f"{block.kind}\0{block.level}\0{block.table}\0{block.text}" for block in document.blocks)
        return hashlib.blake2b("\1".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()

    @cached_property
    def keys(self) -> list[int]:
        """A number for each block's words; equal blocks have equal ones."""
        return [passage.key for passage in self.passages]

    @cached_property
    def bodies(self) -> list[int]:
        """A number for each block's words behind its label; blocks that differ in the label alone have equal ones."""
        return [passage.body for passage in self.passages]

    @cached_property
    def structure(self) -> str:
        """The sequence of block kinds and levels, a character each."""
        return "".join(
            chr(1 + int(self.block(o).kind) * 64 + min(self.block(o).level, 63)) for o in self.ordinals
        )

    @cached_property
    def grams(self) -> Grams:
        """Its n-grams, for finding what moved and changed."""
        return Grams(self.ids, self.first)

    @cached_property
    def table_starts(self) -> dict[int, int]:
        """The token at which each table's block begins."""
        tables = ((self.block(ordinal).table, ordinal) for ordinal in reversed(self.ordinals))
        return {table: self.first[ordinal] for table, ordinal in tables if table is not None}

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

    def follow(self, first: int, last: int) -> bool:
        """Tell whether blocks follow one another, from ordinal to ordinal, without page furniture between."""
        begin, end = self.at[first], self.at[last]
        return begin == end or (
            begin < end and not any(index in self.furniture for index in range(begin, end + 1))
        )

    def word_count(self, begin: int = 0, end: int | None = None) -> int:
        """Count the words among the tokens from `begin` to before `end`."""
        return int(self.words[self.ids.size if end is None else end] - self.words[begin])

    def offsets(self, ordinal: int) -> list[tuple[int, int]]:
        """Give the begin and end of each of a block's tokens in its text; made on first use."""
        return self.passages[ordinal].offsets

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

    def span_text(self, span: Span) -> str:
        """Give the text of a span, as it stands."""
        return self.block(span.block).text[span.begin : span.end] if span.text is None else span.text

    def text_between(self, begin: int, end: int) -> str:
        """Give the text that tokens of one or several blocks reach over, blank lines between blocks."""
        low, high = self.bounds(begin, begin + 1)[0], self.bounds(end - 1, end)[1]
        return self.text_over((self.ordinal(begin), low), (self.ordinal(end - 1), high))

    def text_over(self, begin: tuple[int, int], end: tuple[int, int]) -> str:
        """Give the whole text between two points, each an ordinal and an offset, wordless blocks included."""
        (first, low), (last, high) = begin, end
        if first == last:
            return self.block(first).text[low:high]
        inner = (block.text for block in self.document.blocks[self.at[first] + 1 : self.at[last]])
        return BREAK.join([self.block(first).text[low:], *inner, self.block(last).text[:high]])


class Hashed:
    """The shingles of a document, made on first use: of its blocks, and of its source where it keeps one."""

    def __init__(
        self, document: Document, texts: Sequence[str], ignored: Sequence[Pattern], hashes: WordHashes
    ) -> None:
        self._document, self._texts, self._ignored, self._hashes = document, texts, ignored, hashes

    @property
    def has_source(self) -> bool:
        """Whether the document keeps its source."""
        return bool(self._document.source_text)

    @cached_property
    def of_blocks(self) -> NDArray[np.uint64]:
        """The shingles of the blocks that count."""
        return shingle_hashes((counted(text, self._ignored) for text in self._texts), self._hashes)

    @cached_property
    def of_source(self) -> NDArray[np.uint64]:
        """The shingles of the text as it stands in the file."""
        return shingle_hashes(counted(self._document.source_text, self._ignored).split("\n"), self._hashes)


class Preparer:
    """Prepares the documents of one batch."""

    def __init__(self, ignore: Ignore) -> None:
        """Begin a batch; raises INVALID_REQUEST for a faulty pattern."""
        self._ignore = ignore
        self._passages = Passages(Vocabulary(ignore_case=ignore.case), compile_patterns(ignore.patterns))
        self._hashes = WordHashes()

    @property
    def size(self) -> int:
        """How many words it keeps, of all documents it has met."""
        return self._passages.token_count + self._hashes.count

    def prepare(self, document: Document) -> Prepared:
        """Prepare one document."""
        furniture = find_furniture(document.blocks)
        at: list[int] = []
        passages: list[Passage] = []
        order = [index for index in range(len(document.blocks)) if index not in furniture]
        if not self._ignore.page_furniture:
            order += sorted(furniture)
        for index in order:
            passage = self._passages.read(document.blocks[index].text)
            if passage.ids.size:
                at.append(index)
                passages.append(passage)
        first = [0, *accumulate(passage.ids.size for passage in passages)]
        ids = np.concatenate([passage.ids for passage in passages]) if passages else np.zeros(0, np.uint32)
        texts = [passage.text for passage in passages]
        hashed = Hashed(document, texts, self._passages.ignored, self._hashes)
        return Prepared(document, at, first, ids, self._counts(ids), passages, furniture, hashed)

    def _counts(self, ids: NDArray[np.uint32]) -> NDArray[np.int64]:
        """Count the words before each token."""
        words = np.zeros(ids.size + 1, dtype=np.int64)
        if ids.size:
            flags = np.frombuffer(self._passages.vocabulary.is_word, dtype=np.uint8)
            np.cumsum(flags[ids], out=words[1:])
        return words
