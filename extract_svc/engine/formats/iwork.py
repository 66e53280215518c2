"""iWork documents: the XML of iWork '09 as text; of later ones the PDF preview, where there is one, as a member."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import xml
from extract_svc.engine.archive import Package
from extract_svc.engine.metadata import normalise
from extract_svc.engine.model import BlockKind
from extract_svc.engine.ooxml import Names, attribute

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_INDEXES = ("index.xml", "index.apxl", "index.xml.gz", "index.apxl.gz")
_PACKED_MAX = 99  # the last method that zip itself has (APPNOTE 6.3.9, 4.4.5)
_STORIES = {"header": BlockKind.HEADER, "footer": BlockKind.FOOTER, "footnote": BlockKind.FOOTNOTE}
_INLINE = {"tab": "\t", "br": "\n", "lnbr": "\n", "crbr": "\n", "contbr": "\n", "pgbr": "\n"}


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read an iWork document.

    Errors: CollatioError ENCRYPTED: a hint beside the index says so, or, in iWork '09, packing methods of its own.
    """
    package = Package(document.data, options.limits)
    if any(
        entry.filename.endswith(".iwph") or entry.compress_type > _PACKED_MAX for entry in package.infos()
    ):
        raise CollatioError(Reason.ENCRYPTED, "The document is locked with a password.")
    for name in _INDEXES:
        if name in package:
            data = package.read(name)
            if name.endswith(".gz"):
                data = zlib.decompressobj(31).decompress(data, options.limits.max_inflated_bytes)
                package.budget.spend(len(data))
            _index(data, draft)
            return
    for name in package.names():
        if name.lower().endswith("preview.pdf"):
            draft.warn("PREVIEW_ONLY", "Only the document's preview can be read.")
            draft.member(name, package.read(name), "application/pdf")
            return


def _index(data: bytes, draft: Draft) -> None:
    try:
        root = xml.parse(data)
    except CollatioError:
        draft.warn("ENCRYPTED", "The document's index cannot be read; it may be locked.")
        return
    names = Names()
    story = BlockKind.PARAGRAPH
    for element in root.iter():
        tag = names[element.tag]
        if tag == "text-storage":
            story = _STORIES.get(attribute(element, "kind") or "", BlockKind.PARAGRAPH)
        elif tag == "p":
            draft.block(_paragraph(element, names), story)
        elif tag == "ct":
            draft.block(attribute(element, "s") or "")
        elif tag == "tabular-model" and attribute(element, "name"):
            draft.block(attribute(element, "name") or "", BlockKind.HEADING, level=2)
    draft.metadata = normalise(_stated(root, names))


def _paragraph(element: Any, names: Names) -> str:
    parts = [element.text or ""]
    for child in element:
        tag = names[child.tag]
        parts.append(_INLINE.get(tag) or ("" if tag == "p" else _paragraph(child, names)))
        parts.append(child.tail or "")
    return "".join(parts)


def _stated(root: Any, names: Names) -> dict[str, str]:
    stated: dict[str, str] = {}
    metadata = next((e for e in root.iter() if names[e.tag] == "metadata"), ())
    for element in metadata:
        value = next((attribute(e, "string") for e in element.iter() if names[e.tag] == "string"), "")
        if value:
            stated[names[element.tag]] = value
    return {{"authors": "author"}.get(key, key): value for key, value in stated.items()}
