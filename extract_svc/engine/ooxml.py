"""What DOCX, XLSX and PPTX share: parts, relationships, properties, charts, diagrams, embedded files.

Elements are told by local name, so the transitional, strict and 2003 namespaces read alike. Any DTD fails
(RELIABILITY section 5, rule 7) and an external relationship is kept as a link, never opened.
"""

from __future__ import annotations

import hashlib
import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import cfb, xml
from extract_svc.engine.archive import Package, resolve
from extract_svc.engine.embedded import unwrap
from extract_svc.engine.metadata import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Limits, Metadata
    from extract_svc.engine.parts import Parts

RELATION_ID = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}id",
)


_EMBEDDED = ("package", "oleObject", "aFChunk", "subDocument")


class Names(dict[Any, str]):
    """Local names by tag, remembered: asking is a dictionary look-up."""

    def __missing__(self, tag: Any) -> str:
        name = tag.rpartition("}")[2] if isinstance(tag, str) else ""
        self[tag] = name
        return name


@dataclass(frozen=True, slots=True)
class Relation:
    """A relationship of a part: its type's last word, the part it means or the URI outside."""

    kind: str
    target: str
    external: bool


class Office:
    """An office document's parts and how they refer to each other."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._relations: dict[str, dict[str, Relation]] = {}

    @classmethod
    def open(cls, data: bytes, limits: Limits) -> Office:
        """Open a zip package. Errors: CollatioError DOCUMENT_CORRUPT, ENCRYPTED, DECOMPRESSION_LIMIT."""
        if data.startswith(cfb.MAGIC):
            raise CollatioError(Reason.ENCRYPTED)
        return cls(Package(data, limits))

    def main(self, default: str) -> str:
        """Name the main part."""
        for relation in self.relations("").values():
            if relation.kind == "officeDocument" and relation.target in self.parts:
                return relation.target
        if default in self.parts:
            return default
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The package has no main part.")

    def xml(self, name: str) -> Any:
        """Parse a part; None where it is absent, empty or broken beyond mending."""
        data = self.parts.read(name) if name in self.parts else b""
        if not data.strip():
            return None
        try:
            return xml.parse(data)
        except CollatioError as error:
            if error.reason is Reason.DOCUMENT_CORRUPT:
                return None
            raise

    def relations(self, part: str) -> dict[str, Relation]:
        """Answer a part's relationships by id, in order; those of the package for ""."""
        known = self._relations.get(part)
        if known is not None:
            return known
        folder, name = posixpath.split(part)
        found: dict[str, Relation] = {}
        root = self.xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        for element in root if root is not None else ():
            target = element.get("Target") or ""
            external = element.get("TargetMode") == "External"
            kind = (element.get("Type") or "").rpartition("/")[2]
            where = target if external else resolve(part, target.replace("\\", "/"))
            found[element.get("Id") or ""] = Relation(kind, where, external)
        self._relations[part] = found
        return found

    def related(self, part: str, kind: str) -> list[str]:
        """Name the parts a part relates to by this kind, in order, each once."""
        targets = [r.target for r in self.relations(part).values() if r.kind == kind and not r.external]
        return list(dict.fromkeys(target for target in targets if target in self.parts))

    def metadata(self, page_count: int = 0) -> Metadata:
        """Read the core, extended and custom properties."""
        stated: dict[str, str] = {}
        for kind in ("core-properties", "extended-properties", "custom-properties"):
            for name in self.related("", kind):
                root = self.xml(name)
                if root is not None:
                    stated.update(_properties(root))
        return normalise(stated, page_count=page_count)

    def picture(self, part: str, key: str) -> str:
        """Digest the picture that a part means by an id; empty where there is none."""
        relation = self.relations(part).get(key)
        if relation is None:
            return ""
        if relation.external:
            return hashlib.sha256(relation.target.encode("utf-8", "surrogatepass")).hexdigest()
        data = self.parts.read(relation.target) if relation.target in self.parts else b""
        return hashlib.sha256(data).hexdigest() if data else ""

    def embedded(self, part: str, draft: Draft) -> None:
        """Hand over the files embedded in a part as members."""
        for relation in self.relations(part).values():
            if relation.external and relation.kind != "hyperlink":
                draft.link("", relation.target)  # a linked picture, template or document: told, never opened
            if relation.kind not in _EMBEDDED or relation.external:
                continue
            if relation.target in self.parts:
                name, data = unwrap(posixpath.basename(relation.target), self.parts.read(relation.target))
                if data:
                    draft.member(name, data)


def _properties(root: Any) -> Iterator[tuple[str, str]]:
    for element in root:
        name = xml.local(element.tag)
        if name == "property":
            yield element.get("name") or "", " ".join(xml.texts(element).split())
        elif len(element) == 0 and element.text:
            yield name, element.text


def relation_id(element: Any) -> str:
    """Answer an element's relationship id, "" if it has none."""
    return next((element.get(name) for name in RELATION_ID if element.get(name)), "")


def attribute(element: Any, name: str) -> str | None:
    """Answer an attribute by its local name, whatever its namespace."""
    value = element.get(name)
    if value is not None:
        return str(value)
    for key, value in element.attrib.items():
        if key.endswith("}" + name):
            return str(value)
    return None


def chart_text(root: Any) -> str:
    """Read a chart: titles and labels as lines, then its series with categories and values as rows."""
    lines: list[str] = []
    series: list[str] = []
    for element in root.iter():
        name = xml.local(element.tag)
        if name == "p":
            lines.append("".join(e.text or "" for e in element.iter() if xml.local(e.tag) == "t"))
        elif name == "ser":
            series += _series(element)
    return "\n".join(dict.fromkeys(line for line in lines + series if line.strip()))


def _series(element: Any) -> Iterator[str]:
    for child in element:
        if xml.local(child.tag) in ("tx", "cat", "val", "xVal", "yVal"):
            values = [v.text or "" for v in child.iter() if xml.local(v.tag) == "v"]
            yield "\t".join(values)


def diagram_text(root: Any) -> str:
    """Read a SmartArt diagram's data: a line a paragraph, in the order of its points."""
    lines = [
        "".join(e.text or "" for e in element.iter() if xml.local(e.tag) == "t")
        for element in root.iter()
        if xml.local(element.tag) == "p"
    ]
    return "\n".join(line for line in lines if line.strip())
