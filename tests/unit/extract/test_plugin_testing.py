"""The suite for authors of extractors finds broken promises, and the shipped extractors keep them."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from collatio.plugins.extractors import (
    Block,
    BlockKind,
    Box,
    CollatioError,
    Document,
    Extraction,
    Field,
    FieldType,
    MemberFile,
    Options,
    OutlineEntry,
    Page,
    Reason,
    Recognition,
    Table,
    TableCell,
    TableRow,
    Warning,  # noqa: A004 - the contract's word for it
)
from collatio.plugins.testing.extractors import MemoryExtractor, check_extractor, check_lightness
from extract_svc.engine.extract import extract
from extract_svc.engine.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

TEXTS = {b"one": "One text.", b"two": "Two texts, in order."}


def check(extractor: MemoryExtractor) -> None:
    """Run the suite on an extractor of `TEXTS`."""
    good = {"one.mem": (b"one", ["One"]), "two.mem": (b"two", ["Two", "order"])}
    check_extractor(extractor, good=good, broken={"three.mem": b"three"})


def test_the_memory_extractor_keeps_every_promise() -> None:
    """The fake passes the suite."""
    check(MemoryExtractor(TEXTS))


class Wrong(MemoryExtractor):
    """Answers what a test makes of the right extraction."""

    def __init__(self, spoil: Callable[[Extraction], Extraction]) -> None:
        super().__init__(TEXTS)
        self._spoil = spoil

    def extract(self, document: Document, options: Options) -> Extraction:
        """Answer it spoilt."""
        return self._spoil(super().extract(document, options))


def _with_block(block: Block) -> Callable[[Extraction], Extraction]:
    return lambda found: replace(found, blocks=(*found.blocks, block))


_CELLS = TableRow((TableCell("a"), TableCell("b"))), TableRow((TableCell("c"),))
_FIELD = Field("a", "a", "b", "b", FieldType.TEXT, block=5)


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        (lambda found: replace(found, media_type="text/else"), "media type"),
        (_with_block(Block(BlockKind.PARAGRAPH, " ")), "without text"),
        (_with_block(Block(BlockKind.PARAGRAPH, "a\ud800")), "UTF-8"),
        (_with_block(Block(BlockKind.TABLE, "a", table=0)), "index into the tables"),
        (_with_block(Block(BlockKind.PARAGRAPH, "a", page=1)), "one of the pages"),
        (_with_block(Block(BlockKind.PARAGRAPH, "a", box=Box(0, 0, 1, 1))), "on a page"),
        (_with_block(Block(BlockKind.PARAGRAPH, "a", confidence=2)), "from 0 to 1"),
        (lambda found: replace(found, tables=(Table(_CELLS),)), "every column"),
        (lambda found: replace(found, pages=(Page(2),)), "count from 1"),
        (lambda found: replace(found, outline=(OutlineEntry(1, "a", page=7),)), "one of the pages"),
        (lambda found: replace(found, fields=(_FIELD,)), "index into the blocks"),
        (lambda found: replace(found, members=(MemberFile("../a", b""),)), "stays inside"),
        (lambda found: replace(found, members=(MemberFile("a", b""),) * 2), "one path"),
        (lambda found: replace(found, warnings=(Warning("no text", "x"),)), "UPPER_SNAKE"),
        (lambda found: replace(found, blocks=found.blocks[::-1][:0]), "holds"),
    ],
)
def test_broken_extractions_are_found(spoil: Callable[[Extraction], Extraction], promise: str) -> None:
    """Each way to break an extraction is told by its promise."""
    with pytest.raises(AssertionError, match=promise):
        check(Wrong(spoil))


class Moody(MemoryExtractor):
    """Answers another text every time."""

    def extract(self, document: Document, options: Options) -> Extraction:
        """Answer, with a count."""
        found = super().extract(document, options)
        return replace(found, blocks=(*found.blocks, Block(BlockKind.PARAGRAPH, str(len(self.asked)))))


class Careless(MemoryExtractor):
    """Lets its parser's exception out."""

    def extract(self, document: Document, options: Options) -> Extraction:
        """Answer, or break."""
        if document.data not in self._texts:
            raise ValueError("unexpected byte")
        return super().extract(document, options)


class Lenient(MemoryExtractor):
    """Reads what is broken."""

    def extract(self, document: Document, options: Options) -> Extraction:
        """Answer anything."""
        try:
            return super().extract(document, options)
        except CollatioError:
            return Extraction(document.media_type)


@pytest.mark.parametrize(
    ("extractor", "promise"),
    [
        (Moody(TEXTS), "equal extraction"),
        (Careless(TEXTS), "not ValueError"),
        (Lenient(TEXTS), "is broken and fails"),
        (MemoryExtractor(TEXTS, name="My Extractor"), "name"),
        (MemoryExtractor(TEXTS, version=""), "version"),
        (MemoryExtractor(TEXTS, media_type="Text/Plain; charset=utf-8"), "lower case"),
    ],
)
def test_broken_extractors_are_found(extractor: MemoryExtractor, promise: str) -> None:
    """Moods, leaking exceptions, too much kindness and odd declarations are told."""
    with pytest.raises(AssertionError, match=promise):
        check(extractor)


def test_a_heavy_declaration_is_found() -> None:
    """What an entry point draws in is named."""
    check_lightness("extract_svc.engine.shipped:EXTRACTORS", heavy=["lxml", "pypdfium2"])
    with pytest.raises(AssertionError, match="re2"):
        check_lightness("extract_svc.engine.fields:find_fields", heavy=["re2"])
    with pytest.raises(AssertionError, match="can be loaded"):
        check_lightness("extract_svc.engine.absent:nothing")


class Acta(MemoryExtractor):
    """Knows its documents by their start and by their name."""

    recognitions = (
        Recognition("text/x-acta", starts=b"%ACTA"),
        Recognition("text/x-acta", suffix=".minutes"),
    )

    def __init__(self) -> None:
        super().__init__({b"%ACTA 1": "By start.", b"plain": "By name."}, media_type="text/x-acta")


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"%ACTA 1", "a.txt", "text/x-acta"),
        (b"plain", "A.MINUTES", "text/x-acta"),
        (b"plain", "a.txt", "text/plain"),
        (b"%PDF-1.7\n%%EOF", "a.minutes", ""),
    ],
)
def test_a_format_of_ones_own_is_recognised(data: bytes, name: str, expected: str) -> None:
    """Its start or its name bring a document to its extractor, but never against the content's own word."""
    registry = Registry([*Registry.load(), Acta()])
    [found] = extract([Document(data, name)], Options(), registry)
    assert (found.media_type if isinstance(found, Extraction) else "") == expected


def test_one_that_needs_the_network_is_never_chosen() -> None:
    """The sandbox has no network, so such an extractor is listed and left alone."""

    class Online(MemoryExtractor):
        needs_network = True

    registry = Registry([Online(TEXTS, media_type="text/x-online")])
    assert registry.find("memory") is not None
    assert registry.media_types() == []


def test_shipped_extractors_survive_damage() -> None:
    """Random bytes under every media type end as an extraction or a typed error."""
    registry = Registry.load()
    noise = random.Random(5)
    for media_type in registry.media_types():
        for size in (1, 64, 700):
            document = Document(noise.randbytes(size), "noise", media_type)
            [found] = extract([document], Options(), registry)
            assert isinstance(found, Extraction) or found.reason is not Reason.ENGINE_FAILED, media_type
