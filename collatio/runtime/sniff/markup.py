"""Which markup a text is: HTML by the tags that can open a page, XML by its root element."""

from __future__ import annotations

import re

HTML, XML = "text/html", "application/xml"
_FLAT_ODF = "application/vnd.oasis.opendocument."

# Comments and processing instructions may stand before the first tag; each alternative consumes input, so
# the skipping is linear.
_PROLOGUE = re.compile(r"(?:\s+|<!--(?:(?!-->).)*-->|<\?(?:(?!\?>).)*\?>)*", re.DOTALL)
_HTML_SURE = re.compile(r"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_HTML_LIKELY = re.compile(
    r"<(?:head|body|title|meta|script|style|div|table|p|h[1-6]|center|font|a|br|ul|ol|article|section|span|"
    r"img|link|base|b|i|pre|iframe)(?=[\s/>])",
    re.IGNORECASE,
)
_ROOT = re.compile(r"(?:<!DOCTYPE[^>\[]*(?:\[[^\]]*\]\s*)?>\s*)?<(?:[\w.-]+:)?([A-Za-z_][\w.-]*)([^>]*)")
_DOCTYPE = re.compile(r"<!DOCTYPE\s", re.IGNORECASE)
_OFFICE_TYPE = re.compile(r"office:mimetype=[\"'](application/vnd\.oasis\.opendocument\.[\w-]+)")
_BY_ROOT = {
    "FictionBook": "application/x-fictionbook+xml",
    "svg": "image/svg+xml",
    "wordDocument": "application/vnd.ms-word.2003+xml",
}


def markup_media_type(text: str, *, named_text: bool) -> str:
    """Return the media type of a text that starts with markup, or an empty string for one that does not.

    A text whose name says another kind of text (`named_text`: Markdown may well begin with a tag) is HTML or
    XML only if it declares itself.
    """
    if not text.lstrip().startswith("<"):
        return ""
    end = _PROLOGUE.match(text)
    lead = text[end.end() :] if end else text
    if _HTML_SURE.match(lead):
        return HTML
    declared = text.lstrip().startswith("<?xml") or bool(_DOCTYPE.match(lead))
    if named_text and not declared:
        return ""
    if not declared and _HTML_LIKELY.match(lead):
        return HTML
    root = _ROOT.match(lead)
    if root is None:
        return XML if declared else ""
    return _by_root(root[1], root[2], declared=declared)


def _by_root(name: str, attributes: str, *, declared: bool) -> str:
    if name.lower() == "html":
        return HTML
    if name == "package" and "2006/xmlPackage" in attributes:
        return "application/vnd.ms-office.flat-opc+xml"
    if name == "document" and "opendocument" in attributes:
        stated = _OFFICE_TYPE.search(attributes)
        return stated[1] if stated else _FLAT_ODF + "text"
    if name in _BY_ROOT:
        return _BY_ROOT[name]
    return XML if declared or "xmlns" in attributes or len(name) > 1 else ""
