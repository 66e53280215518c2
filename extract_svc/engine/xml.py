"""Parses XML under the rule of RELIABILITY section 5, rule 7.

Nothing external is ever loaded and no entity is expanded by the parser. A DOCTYPE may stand in plain XML;
entity declarations that reach outside (SYSTEM, PUBLIC), that name other entities, or that repeat into a
blow-up fail, and in OOXML any DTD fails.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENTITY = re.compile(
    r"<!ENTITY\s+(%\s+)?([^\s>]+)\s+(?:(SYSTEM|PUBLIC)\b|\"([^\"]*)\"|'([^']*)')", re.ASCII
)
_REFERENCE = re.compile(r"&(?!#)[^;\s&]+;|%[^;\s%]+;")
_MAX_EXPANDED = 1_000_000
_PROLOGUE = 4096


def guard(data: bytes, *, doctype_allowed: bool) -> dict[str, str]:
    """Check a document's DTD and answer its harmless internal entities.

    Errors: CollatioError XML_DTD_FORBIDDEN.
    """
    head = data
    if b"\0" in data[:64]:
        head = data.decode("utf-16", "replace").encode("utf-8", "replace")
    start = head.find(b"<!DOCTYPE")
    if start < 0 or start > max(head.find(b"<!DOCTYPE", 0, _PROLOGUE * 16), 0):
        return {}
    if not doctype_allowed:
        raise CollatioError(Reason.XML_DTD_FORBIDDEN, "An office document may not have a DTD.")
    end = head.find(b"]", start)
    subset_end = head.find(b"]>", start)
    text = head[start : max(end, subset_end) + 2 if end >= 0 else len(head)].decode("utf-8", "replace")
    if "[" not in text.split(">", 1)[0]:
        return {}
    return _entities(text, head)


def _entities(subset: str, data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    for parameter, name, outside, double, single in _ENTITY.findall(subset):
        value = double or single
        if outside:
            raise CollatioError(Reason.XML_DTD_FORBIDDEN, "An entity refers to something outside the document.")
        if parameter or _REFERENCE.search(value):
            raise CollatioError(Reason.XML_DTD_FORBIDDEN, "An entity is made of other entities.")
        found.setdefault(name, value)
        if len(value) * data.count(f"&{name};".encode()) > max(_MAX_EXPANDED, 0) or (
            len(value) > 10_000 and data.count(f"&{name};".encode()) > 10
        ):
            raise CollatioError(Reason.XML_DTD_FORBIDDEN, "An entity repeats into a blow-up.")
    return found


def parse(data: bytes, *, doctype_allowed: bool = False) -> Any:
    """Parse bytes into an lxml element, mending what is broken where the parser can.

    Errors: CollatioError XML_DTD_FORBIDDEN, DOCUMENT_CORRUPT.
    """
    from lxml import etree  # noqa: PLC0415 - only the worker loads parsers

    guard(data, doctype_allowed=doctype_allowed)
    try:
        root = etree.fromstring(data, _parser(recover=False))
    except (etree.XMLSyntaxError, ValueError):
        try:
            root = etree.fromstring(data, _parser(recover=True))
        except (etree.XMLSyntaxError, ValueError) as error:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The XML cannot be read.") from error
    if root is None:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The XML holds no element.")
    return root


def _parser(*, recover: bool) -> Any:
    from lxml import etree  # noqa: PLC0415 - only the worker loads parsers

    return etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        dtd_validation=False,
        huge_tree=True,
        recover=recover,
        remove_comments=True,
        remove_pis=True,
    )


def local(tag: Any) -> str:
    """Answer an element's name without its namespace, "" for what is no element."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def texts(element: Any) -> str:
    """Join all text under an element, unknown entities left out."""
    return "".join(_itertext(element))


def _itertext(element: Any) -> Iterator[str]:
    for part in element.itertext():
        if isinstance(part, str):
            yield part
