"""Parses XML under the rule of RELIABILITY section 5, rule 7.

Nothing external is ever loaded, and no DTD reaches the parser. A DOCTYPE may stand in plain XML; entity
declarations that reach outside (SYSTEM, PUBLIC) or name other entities fail, and so does a text that uses an
entity its DTD declares: nothing is expanded. In OOXML any DTD fails.
"""

from __future__ import annotations

import re
from html.entities import html5
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import charset

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROLOG = re.compile(rb"\A(?:\xef\xbb\xbf)?(?>\s+|<\?.*?\?>|<!--.*?-->)*+(?=<!DOCTYPE)", re.DOTALL)
_DECLARATION = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<\?xml[^>]*\?>")
_ENTITY = re.compile(
    r"<!ENTITY\s+(%\s+)?([^\s>]+)\s+"
    r"(?:(SYSTEM|PUBLIC)\s+(?:\"[^\"]*\"|'[^']*'|\s)+(NDATA\b)?|(\"[^\"]*\"|'[^']*'))",
    re.ASCII,
)
_TOKEN = re.compile(rb"<!--.*?-->|<\?.*?\?>|\"[^\"]*\"|'[^']*'|[\[\]<>]", re.DOTALL)
_NESTED = re.compile(r"&(?!#)[^;\s&]+;|%[^;\s%]+;")
_REFERENCE = re.compile(rb"&([A-Za-z_][\w.-]*);|(<!\[CDATA\[.*?\]\]>)", re.DOTALL)
_PREDEFINED = frozenset((b"amp", b"lt", b"gt", b"quot", b"apos"))
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0<", b"<\0")


def parse(data: bytes, *, doctype_allowed: bool = False) -> Any:
    """Parse bytes into an lxml element, mending what is broken where the parser can.

    The DTD never reaches the parser. The named characters of HTML are put in here; a reference to an entity
    that the DTD declares fails, and one to anything else stays in the text as it is written.
    Errors: CollatioError XML_DTD_FORBIDDEN, DOCUMENT_CORRUPT.
    """
    from lxml import etree  # noqa: PLC0415 - only the worker loads parsers

    if data.startswith(_WIDE_MARKS):
        data = _DECLARATION.sub(b"", charset.decode(data)[0].encode("utf-8", "replace"))
    data, entities = _without_doctype(data, doctype_allowed=doctype_allowed)
    if entities is not None:
        data = _resolve(data, entities)
    try:
        root = etree.fromstring(data, _parser(recover=False))
    except (etree.XMLSyntaxError, ValueError):
        try:
            root = etree.fromstring(
                data if entities is not None else _resolve(data, frozenset()), _parser(recover=True)
            )
        except (etree.XMLSyntaxError, ValueError) as error:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The XML cannot be read.") from error
    if root is None:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The XML holds no element.")
    return root


def _without_doctype(data: bytes, *, doctype_allowed: bool) -> tuple[bytes, frozenset[bytes] | None]:
    """Cut the DTD out; answer its entities, None where there is no DTD."""
    prolog = _PROLOG.match(data) if b"<!DOCTYPE" in data else None
    if prolog is None:
        return data, None
    if not doctype_allowed:
        raise CollatioError(Reason.XML_DTD_FORBIDDEN, "An office document may not have a DTD.")
    start, depth, bracket = prolog.end(), 0, 0
    for token in _TOKEN.finditer(data, start):
        sign = token[0]
        if sign == b"[":
            bracket += 1
        elif sign == b"]":
            bracket -= 1
        elif sign == b"<":
            depth += 1
        elif sign == b">":
            depth -= 1
            if depth <= 0 and bracket <= 0:
                subset = data[start : token.end()].decode("utf-8", "replace")
                return data[:start] + data[token.end() :], _entities(subset)
    raise CollatioError(Reason.DOCUMENT_CORRUPT, "The XML's DTD does not end.")


def _entities(subset: str) -> frozenset[bytes]:
    """Name a DTD's plain internal entities; an unparsed one (NDATA) names a file and is never text."""
    found: set[bytes] = set()
    for parameter, name, outside, unparsed, quoted in _ENTITY.findall(subset):
        if unparsed:
            continue
        if outside:
            raise CollatioError(
                Reason.XML_DTD_FORBIDDEN, "An entity refers to something outside the document."
            )
        if parameter or _NESTED.search(quoted):
            raise CollatioError(Reason.XML_DTD_FORBIDDEN, "An entity is made of other entities.")
        found.add(name.encode())
    return frozenset(found)


def _resolve(data: bytes, entities: frozenset[bytes]) -> bytes:
    def put(found: re.Match[bytes]) -> bytes:
        name = found[1]
        if name is None or name in _PREDEFINED:
            return found[0]
        if name in entities:
            raise CollatioError(
                Reason.XML_DTD_FORBIDDEN, "The text is made of entities that its DTD declares."
            )
        character = html5.get(name.decode("ascii", "replace") + ";")
        if character is None:
            return b"&amp;" + name + b";"
        return "".join(f"&#{ord(part)};" for part in character).encode()

    return _REFERENCE.sub(put, data)


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
