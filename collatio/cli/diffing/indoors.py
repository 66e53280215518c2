"""The engines, in this process: the one place where the command reaches into the services.

Why it may: `collatio diff A B` is to answer within a second, and a mesh takes longer to start than the whole
answer. The engines are pure, bytes in and values out, and reach no transport, queue or store; only they are
imported, only here, and only when a diff runs. Documents are read without the sandbox of a mesh, with the
rights of whoever typed the command, as any other program would open them.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePath
from typing import TYPE_CHECKING

from collatio.cli.diffing.model import Reading
from collatio.plugins import comparators
from compare_svc.engine.compare import compare
from extract_svc.engine import model
from extract_svc.engine.extract import extract_one
from extract_svc.engine.registry import Registry

if TYPE_CHECKING:
    from collatio.cli.diffing.model import Side


_OPTIONS = model.Options(detect_language=False)  # a diff is of what is said, and is to be quick


class Indoors:
    """Implements `Engines` with the shipped comparator and every installed extractor."""

    def __init__(self) -> None:
        """Find the extractors; none of them is loaded before its first document."""
        self._registry = Registry.load()

    def read(self, side: Side) -> Reading:
        """Extract one document."""
        document = model.Document(side.data, PurePath(side.name).name)
        found = extract_one(document, _OPTIONS, self._registry)
        digest = hashlib.sha256(side.data).hexdigest()
        return Reading(
            document_from(found, uri=side.name, sha256=digest),
            {each.path: hashlib.sha256(each.data).hexdigest() for each in found.members},
            tuple((each.code, each.message) for each in found.warnings),
        )

    def compare(self, left: Reading, right: Reading, options: comparators.Options) -> comparators.Comparison:
        """Compare two documents."""
        return compare(left.document, right.document, options)


def document_from(found: model.Extraction, *, uri: str, sha256: str) -> comparators.Document:
    """Turn what the extract engine gives into what the compare engine takes."""
    return comparators.Document(
        document_id=sha256,
        uri=uri,
        sha256=sha256,
        media_type=found.media_type,
        blocks=tuple(_block(each) for each in found.blocks),
        tables=tuple(_table(each) for each in found.tables),
        fields=tuple(_field(each) for each in found.fields),
        metadata=_metadata(found.metadata),
        warnings=tuple(each.code for each in found.warnings),
        confidence=found.confidence,
        source_text=_clean(found.source_text),
        links=tuple(comparators.Link(_clean(each.text), _clean(each.uri), each.page) for each in found.links),
        pictures=tuple(comparators.Picture(each.sha256, each.page, each.block) for each in found.pictures),
    )


def _block(block: model.Block) -> comparators.Block:
    return comparators.Block(
        text=_clean(block.text),
        kind=comparators.BlockKind(block.kind),
        level=block.level,
        page=block.page,
        box=_box(block.box),
        table=block.table,
        marks=tuple(comparators.Mark(mark) for mark in block.marks),
        confidence=block.confidence,
    )


def _table(table: model.Table) -> comparators.Table:
    return comparators.Table(
        rows=tuple(tuple(_clean(cell.text) for cell in row.cells) for row in table.rows),
        page=table.page,
        box=_box(table.box),
        caption=_clean(table.caption),
    )


def _field(found: model.Field) -> comparators.Field:
    return comparators.Field(
        name=_clean(found.name),
        raw=_clean(found.raw),
        value=_clean(found.value),
        page=found.page,
        block=found.block,
        box=_box(found.box),
    )


def _metadata(found: model.Metadata) -> comparators.Metadata:
    return comparators.Metadata(
        title=_clean(found.title),
        author=_clean(found.author),
        subject=_clean(found.subject),
        keywords=tuple(_clean(word) for word in found.keywords),
        create_time=found.create_time,
        modify_time=found.modify_time,
        language=found.language,
        page_count=found.page_count,
    )


def _box(box: model.Box | None) -> comparators.Box | None:
    return None if box is None else comparators.Box(box.x0, box.y0, box.x1, box.y1)


def _clean(text: str) -> str:
    """Keep what UTF-8 can say, as the mesh does: a lone surrogate becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
