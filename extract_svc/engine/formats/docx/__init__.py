"""Word documents (DOCX, flat OPC and the XML of Word 2003) by zip and lxml.

The order: headers, body, footnotes and endnotes, comments, footers. Text boxes, charts and pictures' texts
follow the paragraph that anchors them. Tracked deletions stand in blocks of their own, marked.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from extract_svc.engine import xml
from extract_svc.engine.formats.docx.body import Body
from extract_svc.engine.formats.docx.numbering import Numbering
from extract_svc.engine.formats.docx.styles import Styles
from extract_svc.engine.media_type import FLAT_OPC, WORDML
from extract_svc.engine.model import BlockKind, Mark
from extract_svc.engine.ooxml import Names, Office

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_STORIES = (("footnotes", "footnote"), ("endnotes", "endnote"))


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read a Word document."""
    if document.media_type == WORDML:
        _read_2003(document, draft)
        return
    office = (
        Office(_FlatParts(xml.parse(document.data)))
        if document.media_type == FLAT_OPC
        else Office.open(document.data, options.limits)
    )
    main = office.main("word/document.xml")
    root = office.xml(main)
    names = Names()
    styles = Styles.read(_first(office, main, "styles"), names)
    numbering = Numbering.read(_first(office, main, "numbering"), names)
    draft.metadata = office.metadata()
    body = Body(office, draft, names, styles, numbering)
    headers, footers = office.related(main, "header"), office.related(main, "footer")
    for part in headers:
        body.story(part, office.xml(part), BlockKind.HEADER)
    if root is not None:
        body.story(main, root, BlockKind.PARAGRAPH)
    for kind, _ in _STORIES:
        for part in office.related(main, kind):
            body.story(part, office.xml(part), BlockKind.FOOTNOTE)
    for part in office.related(main, "comments"):
        body.comments(part, office.xml(part))
    for part in footers:
        body.story(part, office.xml(part), BlockKind.FOOTER)
    for part in (main, *headers, *footers):
        office.embedded(part, draft)


def _first(office: Office, main: str, kind: str) -> Any:
    parts = office.related(main, kind)
    return office.xml(parts[0]) if parts else None


def _read_2003(document: Document, draft: Draft) -> None:
    root = xml.parse(document.data)
    names = Names()
    office = Office(_FlatParts(root))
    styles = Styles.read(next((e for e in root if names[e.tag] == "styles"), None), names)
    lists = next((e for e in root if names[e.tag] == "lists"), None)
    body = Body(office, draft, names, styles, Numbering.read(lists, names))
    for kind, tag in ((BlockKind.HEADER, "hdr"), (BlockKind.PARAGRAPH, "body"), (BlockKind.FOOTER, "ftr")):
        seen: set[str] = set()
        for element in root.iter():
            if names[element.tag] == tag:
                text = xml.texts(element) if tag != "body" else ""
                if not text or text not in seen:
                    body.story("", element, kind)
                seen.add(text)
    for element in root.iter():
        if names[element.tag] == "annotation" and any(names[child.tag] == "content" for child in element):
            for child in element:
                if names[child.tag] == "content":
                    body.story("", child, BlockKind.PARAGRAPH, (Mark.COMMENT,))


class _FlatParts:
    """The parts of a flat OPC document, each an XML subtree or base64."""

    def __init__(self, root: Any) -> None:
        self._parts = {
            (element.get(key) or "").lstrip("/"): element
            for element in root
            for key in element.attrib
            if key.endswith("}name")
        }

    def __contains__(self, name: str) -> bool:
        return name in self._parts

    def names(self) -> list[str]:
        """Name the parts."""
        return list(self._parts)

    def read(self, name: str) -> bytes:
        """Write a part's subtree out again, or decode its bytes."""
        from lxml import etree  # noqa: PLC0415 - only the worker loads parsers

        for child in self._parts.get(name, ()):
            kind = xml.local(child.tag)
            if kind == "xmlData" and len(child):
                return bytes(etree.tostring(child[0], encoding="utf-8"))
            if kind == "binaryData":
                try:
                    return base64.b64decode("".join((child.text or "").split()))
                except binascii.Error:
                    return b""
        return b""
