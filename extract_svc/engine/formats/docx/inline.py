"""Reads what stands inside a Word paragraph: runs, links, fields, changes, boxes and pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from extract_svc.engine.formats.docx.formula import linear
from extract_svc.engine.ooxml import Names, attribute, chart_text, diagram_text, relation_id

if TYPE_CHECKING:
    from extract_svc.engine.ooxml import Office

_SYMBOL_FONT_BASE = 0xF000
_PLAIN = {
    "tab": "\t",
    "ptab": "\t",
    "br": "\n",
    "cr": "\n",
    "noBreakHyphen": "\u2011",
    "softHyphen": "\u00ad",
}
_SAYING = {"textpath": "string", "shape": "alt", "imagedata": "alt", "rect": "alt"}
_CHECKED = ("1", "true", "on", None)


@dataclass(slots=True)
class Inline:
    """What a paragraph holds: its text as it now reads, and what stands beside it."""

    text: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    inserted: bool = False
    hidden: int = 0
    boxes: list[Any] = field(default_factory=list)
    figures: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    instructions: list[str] = field(default_factory=list)


class InlineReader:
    """Reads inline content of one part."""

    def __init__(self, office: Office, names: Names, part: str, *, hides: bool = False) -> None:
        self._office = office
        self._names = names
        self._part = part
        self._hides = hides  # whether any run of the part is hidden: most are not looked at for it

    def read(self, element: Any) -> Inline:
        """Read a paragraph."""
        found = Inline()
        self._children(element, found, found.text)
        return found

    def _children(self, element: Any, found: Inline, out: list[str]) -> None:
        names = self._names
        for child in element:
            tag = names[child.tag]
            if tag == "r":
                self._run(child, found, out)
            elif tag in ("pPr", "rPr", "sdtPr", "proofErr", "bookmarkStart", "bookmarkEnd", "tblPr"):
                continue
            elif tag == "ins":
                found.inserted = True
                self._children(child, found, out)
            elif tag in ("del", "moveFrom"):
                self._children(child, found, found.deleted)
            elif tag in ("hyperlink", "hlink"):
                self._link(child, found, out)
            elif tag == "annotation":
                self._annotation(child, found, out)
            elif tag == "sdt":
                self._control(child, found, out)
            elif tag == "oMath":
                before = child.getprevious()
                follows = before is not None and names[before.tag] == "oMath"
                out.append((" " if follows else "") + linear(names, child))
            else:
                self._other(child, tag, found, out)

    def _vanishes(self, run: Any) -> bool:
        first = run[0] if len(run) else None
        if first is None or self._names[first.tag] != "rPr":
            return False
        return any(self._names[e.tag] == "vanish" and attribute(e, "val") in _CHECKED for e in first)

    def _run(self, run: Any, found: Inline, out: list[str]) -> None:
        names = self._names
        if self._hides and out is found.text and self._vanishes(run):
            out = found.vanished
        for child in run:
            tag = names[child.tag]
            if tag in ("t", "delText"):
                if child.text:
                    (found.deleted if tag == "delText" else out).append(child.text)
            elif tag in _PLAIN:
                out.append(_PLAIN[tag])
            elif tag == "instrText":
                found.instructions.append(child.text or "")
            elif tag in ("rPr", "lastRenderedPageBreak"):
                continue
            else:
                self._other(child, tag, found, out)

    def _other(self, child: Any, tag: str, found: Inline, out: list[str]) -> None:
        if tag == "AlternateContent":
            self._alternate(child, found, out)
        elif tag in ("drawing", "pict", "object"):
            self._drawing(child, found)
        elif tag == "sym":
            code = attribute(child, "char") or ""
            value = int(code, 16) if code and all(c in "0123456789abcdefABCDEF" for c in code) else 0
            out.append(
                chr(value - _SYMBOL_FONT_BASE if value >= _SYMBOL_FONT_BASE else value) if value > 31 else ""
            )
        elif tag == "ruby":
            self._ruby(child, found, out)
        elif tag == "checkBox":
            marked = [c for c in child if self._names[c.tag] in ("checked", "default")]
            out.append("☒" if marked and attribute(marked[-1], "val") in _CHECKED else "☐")
        elif tag == "ddList":
            self._dropdown(child, out)
        elif tag == "t":
            out.append(child.text or "")
        elif len(child) and tag != "txbxContent":
            self._children(child, found, out)

    def _annotation(self, child: Any, found: Inline, out: list[str]) -> None:
        """Word 2003: changes and comments are annotations with a type."""
        kind = attribute(child, "type") or ""
        target = found.deleted if kind.endswith("Deletion") else out
        for content in child:
            if self._names[content.tag] == "content" and not kind.endswith("Comment"):
                self._children(content, found, target)

    def _link(self, child: Any, found: Inline, out: list[str]) -> None:
        since = len(out)
        self._children(child, found, out)
        relation = self._office.relations(self._part).get(relation_id(child)) if self._part else None
        target = relation.target if relation and relation.external else attribute(child, "dest") or ""
        anchor = attribute(child, "anchor")
        if anchor:
            target += f"#{anchor}"
        if target:
            found.links.append(("".join(out[since:]), target))

    def _control(self, child: Any, found: Inline, out: list[str]) -> None:
        for part in child:
            if self._names[part.tag] == "sdtContent":
                self._children(part, found, out)

    def _ruby(self, child: Any, found: Inline, out: list[str]) -> None:
        for part in child:
            tag = self._names[part.tag]
            if tag == "rubyBase":
                self._children(part, found, out)
            elif tag == "rt":
                inner: list[str] = []
                self._children(part, found, inner)
                out.append(f" ({''.join(inner)})" if inner else "")

    def _dropdown(self, child: Any, out: list[str]) -> None:
        entries = [attribute(c, "val") or "" for c in child if self._names[c.tag] == "listEntry"]
        chosen = next((attribute(c, "val") or "0" for c in child if self._names[c.tag] == "result"), "0")
        if chosen.isdigit() and int(chosen) < len(entries):
            out.append(entries[int(chosen)])

    def _alternate(self, child: Any, found: Inline, out: list[str]) -> None:
        """Take the first choice, else the fallback: they say the same twice."""
        options = {self._names[c.tag]: c for c in reversed(child)}
        taken = options.get("Choice")
        if taken is None or not len(taken):
            taken = options.get("Fallback")
        if taken is not None:
            self._children(taken, found, out)

    def _drawing(self, element: Any, found: Inline) -> None:
        names = self._names
        skip: set[Any] = set()
        for inner in element.iter():
            tag = names[inner.tag]
            if tag == "Fallback" and any(
                names[s.tag] == "Choice" for s in inner.itersiblings(preceding=True)
            ):
                skip.update(inner.iter())
            if inner in skip:
                continue
            if tag == "txbxContent":
                found.boxes.append(inner)
                skip.update(inner.iter())
            elif tag == "docPr":
                said = attribute(inner, "descr") or attribute(inner, "title") or ""
                found.figures.append(said)
            elif tag == "blip":
                self._picture(attribute(inner, "embed") or attribute(inner, "link"), found)
            elif tag in _SAYING:
                found.figures.append(attribute(inner, _SAYING[tag]) or "")
                self._picture(relation_id(inner), found)
            elif tag == "chart":
                self._related(inner, "chart", found)
            elif tag == "relIds":
                self._related(inner, "diagram", found)

    def _picture(self, key: str | None, found: Inline) -> None:
        """Note a picture by what it is made of; a shape without one is none."""
        if key:
            found.pictures.append(self._office.picture(self._part, key))

    def _related(self, element: Any, what: str, found: Inline) -> None:
        key = attribute(element, "dm") if what == "diagram" else relation_id(element)
        relation = self._office.relations(self._part).get(key or "")
        root = self._office.xml(relation.target) if relation and not relation.external else None
        if root is not None:
            found.figures.append(chart_text(root) if what == "chart" else diagram_text(root))
