"""OpenDocument (text, spreadsheet, presentation; zipped or flat) by zip and lxml.

The order: headers, body, footers, macros. Tracked deletions, notes and comments stand after the paragraph
they belong to, in blocks of their own. Embedded objects are read in place.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import xml
from extract_svc.engine.archive import Package
from extract_svc.engine.formats.odf.walker import Walker
from extract_svc.engine.locks.odf import unlock
from extract_svc.engine.media_type import ODS
from extract_svc.engine.metadata import normalise
from extract_svc.engine.model import BlockKind, Mark, Metadata
from extract_svc.engine.ooxml import Names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options
    from extract_svc.engine.parts import Parts

_SEVERAL = {"keyword": "; ", "creator": "; "}
_RENAMED = {"date": "modified", "creation-date": "created", "initial-creator": "author"}


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read an OpenDocument file."""
    names = Names()
    if not document.data.startswith(b"PK"):
        root = xml.parse(document.data, doctype_allowed=True)
        _write(root, [root], root, document.media_type, Walker(draft, names, None))
        draft.metadata = _metadata(root, names)
        return
    package = _opened(Package(document.data, options.limits), options.passwords)
    content = _part(package, "content.xml")
    if content is None:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The package has no content.")
    styles = _part(package, "styles.xml")
    walker = Walker(draft, names, lambda name: _part(package, posixpath.join(name, "content.xml")))
    _write(content, [styles] if styles is not None else [], content, document.media_type, walker)
    for name in package.names():
        if name.startswith("Basic/") and name.endswith(".xml") and "-l" not in posixpath.basename(name)[-7:]:
            module = _part(package, name)
            if module is not None and xml.local(module.tag) == "module":
                draft.block(xml.texts(module), BlockKind.CODE, marks=(Mark.HIDDEN,))
        elif name.startswith("Object ") and "/" not in name:
            draft.member(name, package.read(name))
    meta = _part(package, "meta.xml")
    draft.metadata = _metadata(meta, names) if meta is not None else Metadata()


def _opened(package: Package, passwords: Sequence[str]) -> Parts:
    manifest = package.read("META-INF/manifest.xml")
    if b"encryption-data" not in manifest:
        return package
    opened = unlock(package, manifest, passwords, package.budget.spend)
    if opened is None:
        raise CollatioError(Reason.ENCRYPTED, "The document is locked with a password.")
    return opened


def _part(package: Parts, name: str) -> Any:
    name = posixpath.normpath(name)
    data = package.read(name) if name in package else b""
    return xml.parse(data, doctype_allowed=True) if data.strip() else None


def _write(content: Any, styles: list[Any], scripts: Any, media_type: str, walker: Walker) -> None:
    names = walker.names
    for root in styles:
        for element in root.iter():
            if names[element.tag] in ("header", "header-first", "header-left"):
                walker.story(element, BlockKind.HEADER)
    body = next((e for e in content.iter() if names[e.tag] == "body"), content)
    walker.body(body, sheets=media_type == ODS)
    for root in styles:
        for element in root.iter():
            tag = names[element.tag]
            if tag in ("footer", "footer-first", "footer-left"):
                walker.story(element, BlockKind.FOOTER)
            elif tag == "master-page":
                walker.master(element)
    for element in scripts.iter():
        if names[element.tag] == "source-code":
            walker.draft.block(element.text or "", BlockKind.CODE, marks=(Mark.HIDDEN,))


def _metadata(root: Any, names: Names) -> Metadata:
    meta = next((e for e in root.iter() if names[e.tag] == "meta" and len(e)), None)
    stated: dict[str, str] = {}
    for element in meta if meta is not None else ():
        tag = names[element.tag]
        if tag == "document-statistic":
            stated.update({names[key]: value for key, value in element.attrib.items()})
            continue
        if tag == "user-defined":
            key = next((v for k, v in element.attrib.items() if names[k] == "name"), "")
        else:
            key = _RENAMED.get(tag, tag)
        value = "".join(element.itertext()).strip()
        joint = _SEVERAL.get(tag)
        stated[key] = f"{stated[key]}{joint}{value}" if joint and stated.get(key) else value
    return normalise(stated)
