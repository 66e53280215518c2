"""Sketches a document: the little that finding near-duplicates and families needs of it.

A sketch has 8 bytes a distinct shingle and a few words besides. Its byte form
is stable across processes and machines: a JSON head, a line end, the hashes in little-endian order.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from collatio.runtime.errors import CollatioError, Reason
from compare_svc.engine.dating import HEAD_CHARACTERS, Version, find_date, find_version
from compare_svc.engine.furniture import find_furniture
from compare_svc.engine.model import BlockKind, Ignore
from compare_svc.engine.patterns import compile_patterns, counted
from compare_svc.engine.shingles import WordHashes, shingle_hashes
from compare_svc.engine.words import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from compare_svc.engine.model import Document

TITLE_WORDS_MAX = 12
_FRONT_TITLE = re.compile(r"^title:[ \t]*['\"]?(.+?)['\"]?[ \t]*$", re.MULTILINE | re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]+")
_TITLE_END = re.compile(
    r"\b(?:version|v|ver|rev|revision|release|edition)\b\.?\s*\d.*", re.IGNORECASE | re.DOTALL
)
_EMPTY_WORDS = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "for",
        "and",
        "or",
        "to",
        "in",
        "on",
        "der",
        "die",
        "das",
        "und",
        "für",
        "le",
        "la",
        "les",
        "de",
        "des",
        "du",
        "et",
        "el",
        "los",
        "y",
        "il",
        "di",
    ]
)
_FILE_NAME = re.compile(r"\S+\.[A-Za-z0-9]{2,4}|untitled|document\s*\d*|microsoft word.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """What finding candidates and families reads of a document.

    `shingles` are sorted, distinct hashes, `source` those of the text as it stands in the file, for formats whose
    blocks leave out marks that people wrote; `title` its title's words that tell it from others; `date` is
    ISO 8601, possibly without a day; `words` how many words it has. A document without words has no shingles.
    """

    document_id: str
    shingles: NDArray[np.uint64]
    title: tuple[str, ...] = ()
    date: str = ""
    version: Version = ()
    words: int = 0
    source: NDArray[np.uint64] | None = None

    def to_bytes(self) -> bytes:
        """Write the sketch without its document's id, so that equal documents share it."""
        head = {"title": self.title, "date": self.date, "version": self.version, "words": self.words}
        hashes = self.shingles
        if self.source is not None:
            head["source"] = self.source.size
            hashes = np.concatenate([hashes, self.source])
        return json.dumps(head).encode() + b"\n" + hashes.astype("<u8").tobytes()

    @classmethod
    def from_bytes(cls, document_id: str, data: bytes) -> Sketch:
        """Read a sketch. Raises EXTRACTION_LOST for bytes that are none."""
        head, _, hashes = data.partition(b"\n")
        try:
            stated = json.loads(head)
            version = tuple((int(number), str(letter)) for number, letter in stated["version"])
            shingles = np.frombuffer(hashes, dtype="<u8").astype(np.uint64)
            source = None
            if "source" in stated:
                shingles, source = np.split(shingles, [shingles.size - int(stated["source"])])
            return cls(
                document_id,
                shingles,
                tuple(stated["title"]),
                stated["date"],
                version,
                int(stated["words"]),
                source,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise CollatioError(Reason.EXTRACTION_LOST, "A kept sketch cannot be read.") from error


def sketch(document: Document, ignore: Ignore | None = None) -> Sketch:
    """Sketch one document; what is ignored does not count."""
    return next(sketch_batch([document], ignore))


def sketch_batch(documents: Iterable[Document], ignore: Ignore | None = None) -> Iterator[Sketch]:
    """Sketch documents in order. Raises INVALID_REQUEST for a faulty ignore pattern."""
    ignore = ignore or Ignore()
    patterns = compile_patterns(ignore.patterns)
    hashes = WordHashes()
    for document in documents:
        skipped = find_furniture(document.blocks) if ignore.page_furniture else frozenset()
        texts = [block.text for at, block in enumerate(document.blocks) if at not in skipped]
        head = _head(texts)
        texts = [counted(text, patterns) for text in texts]
        source = counted(document.source_text, patterns)
        title = find_title(document)
        yield Sketch(
            document.document_id,
            shingle_hashes(texts, hashes),
            title_words(title),
            find_date(head, document.metadata),
            find_version(head, title),
            sum(len(text.split()) for text in texts),
            shingle_hashes(source.split("\n"), hashes) if source else None,
        )


def _head(texts: Iterable[str]) -> str:
    """Give the beginning of a text, blank lines between its blocks."""
    parts: list[str] = []
    size = 0
    for text in texts:
        parts.append(text)
        size += len(text)
        if size >= HEAD_CHARACTERS:
            break
    return "\n\n".join(parts)[:HEAD_CHARACTERS]


def find_title(document: Document) -> str:
    """Give a document's title: the stated one, else its first heading, else its first line."""
    stated = document.metadata.title.strip()
    if stated and not _FILE_NAME.fullmatch(stated):
        return stated
    texts = [block for block in document.blocks if block.text.strip()]
    if not texts:
        return ""
    front = _FRONT_TITLE.search(texts[0].text)
    if front and texts[0].text.lstrip().startswith(("---", "title:")):
        return front[1]
    for block in texts[:5]:
        if block.kind is BlockKind.HEADING:
            return block.text
    lines = [line.strip(" \t#*=-_") for line in texts[0].text.splitlines()]
    return next((line for line in lines if line), "")


def title_words(title: str) -> tuple[str, ...]:
    """Give the words that tell a title from others: no numbers, no version, no articles; sorted."""
    words = _WORD.findall(_TITLE_END.sub("", fold(title)).casefold())
    return tuple(sorted({word for word in words if word not in _EMPTY_WORDS and len(word) > 1}))[
        :TITLE_WORDS_MAX
    ]
