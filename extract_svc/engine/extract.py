"""The engine's entry: documents in, extractions or typed errors out."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import replace
from struct import error as StructError  # noqa: N812 - the standard library's name is no class name
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from collatio.runtime.sniff import sniff_bytes
from extract_svc.engine import language
from extract_svc.engine.fields import find_fields
from extract_svc.engine.media_type import EMPTY, OCTETS
from extract_svc.engine.model import Document, Extraction, Options, Warning  # noqa: A004 - contract
from extract_svc.engine.registry import HEAD_BYTES, Registry, fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# What parsers raise on broken input; it says something of the document, not of the engine.
_BROKEN = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    StructError,
    TypeError,
    UnicodeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
_PACKAGED = (".odt", ".ods", ".odp", ".docx", ".xlsx", ".pptx", ".epub", ".pdf")
_VAGUE = ("", OCTETS, EMPTY, "text/plain", "application/zip", "application/x-ole-storage", "application/xml")


def extract(
    documents: Iterable[Document], options: Options, registry: Registry
) -> Iterator[Extraction | CollatioError]:
    """Extract a batch: one result a document, in order; a failure is yielded, not raised."""
    for document in documents:
        try:
            yield extract_one(document, options, registry)
        except CollatioError as error:
            yield error


def extract_one(document: Document, options: Options, registry: Registry) -> Extraction:
    """Extract one document.

    Errors: CollatioError FORMAT_UNSUPPORTED, DOCUMENT_CORRUPT, ENCRYPTED, DECOMPRESSION_LIMIT,
    NESTING_LIMIT, XML_DTD_FORBIDDEN, MEMORY_LIMIT, ENGINE_FAILED; INVALID_REQUEST for a faulty field rule.
    """
    if not document.data:
        media_type = document.media_type or EMPTY
        return Extraction(media_type, warnings=(Warning("EMPTY", "The document has no bytes."),))
    try:
        media_type = registry.recognise(document.data[:HEAD_BYTES], document.name, media_type_of(document))
        extractor = registry.resolve(media_type, options.extractors)
        found = extractor.extract(replace(document, media_type=media_type), options)
        return _complete(replace(found, engine=fingerprint(extractor)), options)
    except CollatioError:
        raise
    except RecursionError as error:
        raise CollatioError(Reason.NESTING_LIMIT) from error
    except MemoryError as error:
        raise CollatioError(Reason.MEMORY_LIMIT) from error
    except _BROKEN as error:
        raise CollatioError(Reason.DOCUMENT_CORRUPT) from error
    except Exception as error:
        raise CollatioError(Reason.ENGINE_FAILED) from error


def media_type_of(document: Document) -> str:
    """Answer the media type a document is read as: the one it came with, unless that one says little.

    Errors: CollatioError DOCUMENT_CORRUPT for plain text under the name of a packaged format: such a file is
    a broken download, and its text is not what the name promises.
    """
    if document.media_type not in _VAGUE:
        return document.media_type
    found = sniff_bytes(document.data, document.name)
    if found == "text/plain" and document.name.lower().endswith(_PACKAGED):
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The file is plain text, not the format its name says.")
    return found


def _complete(found: Extraction, options: Options) -> Extraction:
    """Add what every format has in common: language, fields, and honesty about missing text."""
    warnings = list(found.warnings)
    has_text = any(block.text for block in found.blocks)
    if not has_text and not found.members and not any(w.code in ("ENCRYPTED", "EMPTY") for w in warnings):
        warnings.append(Warning("NO_TEXT", "The document holds no text; it may be a scan."))
    metadata = found.metadata
    if has_text and not metadata.language and options.detect_language:
        metadata = replace(metadata, language=language.detect(found.blocks))
    if found.pages and not metadata.page_count:
        metadata = replace(metadata, page_count=len(found.pages))
    fields = found.fields + find_fields(found, options.fields)
    return replace(found, metadata=metadata, warnings=tuple(warnings), fields=fields)
