"""E-books: EPUB (the pages of its spine, in order, as HTML) and FictionBook (as XML)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import charset, xml
from extract_svc.engine.archive import Package, resolve
from extract_svc.engine.formats.html import read_fragment
from extract_svc.engine.metadata import normalise

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Metadata, Options

_DECLARED = re.compile(rb"encoding=[\"']([\w-]+)[\"']")
_SEVERAL = ("creator", "subject")


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read an EPUB."""
    package = Package(document.data, options.limits)
    if "META-INF/encryption.xml" in package and "META-INF/rights.xml" in package:
        raise CollatioError(Reason.ENCRYPTED, "The book is protected by rights management.")
    opf = _opf(package)
    root = xml.parse(package.read(opf), doctype_allowed=True)
    items: dict[str, tuple[str, str]] = {}
    spine: list[str] = []
    for element in root.iter():
        tag = xml.local(element.tag)
        if tag == "item":
            where = resolve(opf, unquote(element.get("href") or ""))
            items[element.get("id") or ""] = (where, element.get("media-type") or "")
        elif tag == "itemref":
            spine.append(element.get("idref") or "")
    draft.metadata = _metadata(root)
    for key in spine or list(items):
        name, kind = items.get(key, ("", ""))
        if name in package and ("html" in kind or "xml" in kind or not kind):
            data = package.read(name)
            declared = _DECLARED.search(data[:200])
            read_fragment(charset.decode(data, declared[1].decode() if declared else "")[0], draft)


def _opf(package: Package) -> str:
    container = package.read("META-INF/container.xml")
    if container:
        for element in xml.parse(container, doctype_allowed=True).iter():
            path = element.get("full-path") if xml.local(element.tag) == "rootfile" else None
            if path and path in package:
                return str(path)
    found = next((name for name in package.names() if name.endswith(".opf")), "")
    if not found:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The book has no package document.")
    return found


def _metadata(root: Any) -> Metadata:
    stated: dict[str, str] = {}
    for element in root.iter():
        if xml.local(element.tag) != "metadata":
            continue
        for child in element:
            name, value = xml.local(child.tag), "".join(child.itertext()).strip()
            if name == "meta":
                name, value = (
                    child.get("name") or child.get("property") or "meta",
                    child.get("content") or value,
                )
            stated[name] = f"{stated[name]}; {value}" if name in _SEVERAL and name in stated else value
    stated.pop("meta", None)
    if "subject" in stated:
        stated["keywords"] = stated["subject"]
    return normalise(stated)
