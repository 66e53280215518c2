"""The Protocol of an extractor and the values it takes and makes.

An extractor reads documents of some media types. Announce yours under the entry point group
`collatio.extractors`; its declaration must be light, so import your parser inside `extract`:

    class Rot13:
        name, version, priority, needs_network = "rot13", "1", 0, False
        media_types = frozenset({"text/x-rot13"})

        def extract(self, document: Document, options: Options) -> Extraction:
            text = codecs.decode(document.data.decode(), "rot13")
            return Extraction(document.media_type, blocks=(Block(BlockKind.PARAGRAPH, text),))

Raise `CollatioError` with the catalogue's reason (DOCUMENT_CORRUPT, ENCRYPTED, ...) for a document that cannot
be read; any other exception counts as a fault of the engine. The engine adds language, fields and the
warnings EMPTY and NO_TEXT by itself. A format that collatio cannot tell by content needs `recognitions` too.
`collatio.plugins.testing.extractors` checks your class; docs/plugins.md is a tutorial.
"""

from __future__ import annotations

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.model import (
    Block,
    BlockKind,
    Box,
    Document,
    Extraction,
    Extractor,
    Field,
    FieldRule,
    FieldType,
    Limits,
    Link,
    Mark,
    MemberFile,
    Metadata,
    MetadataEntry,
    Options,
    OutlineEntry,
    Page,
    Recognition,
    Table,
    TableCell,
    TableRow,
    Warning,  # noqa: A004 - the contract's word for it
)

__all__ = [
    "Block",
    "BlockKind",
    "Box",
    "CollatioError",
    "Document",
    "Extraction",
    "Extractor",
    "Field",
    "FieldRule",
    "FieldType",
    "Limits",
    "Link",
    "Mark",
    "MemberFile",
    "Metadata",
    "MetadataEntry",
    "Options",
    "OutlineEntry",
    "Page",
    "Reason",
    "Recognition",
    "Table",
    "TableCell",
    "TableRow",
    "Warning",
]
