"""Reads the shapes of a slide, a layout, a master or a notes page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extract_svc.engine.grid import lay_out
from extract_svc.engine.model import BlockKind, Box, Mark, OutlineEntry, TableCell
from extract_svc.engine.ooxml import Names, Office, attribute, chart_text, diagram_text, relation_id

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft

_EMU = 12_700
_TITLES = {"title": 1, "ctrTitle": 1, "subTitle": 2}
_FURNITURE = {
    "ftr": BlockKind.FOOTER,
    "hdr": BlockKind.HEADER,
    "sldNum": BlockKind.FOOTER,
    "dt": BlockKind.FOOTER,
}
_MAX_DEPTH = 30


class ShapeReader:
    """Writes shapes into a draft."""

    def __init__(self, office: Office, draft: Draft, names: Names) -> None:
        self._office = office
        self._draft = draft
        self._names = names
        self._part = ""
        self._page = 0
        self._marks: tuple[Mark, ...] = ()
        self._inherited = False

    def read(
        self, part: str, root: Any, page: int, marks: tuple[Mark, ...], *, inherited: bool = False
    ) -> None:
        """Read a part's shape tree; of an inherited one only what is no placeholder for the slide's own text."""
        self._part, self._page, self._marks, self._inherited = part, page, marks, inherited
        tree = (
            next((e for e in root.iter() if self._names[e.tag] == "spTree"), None)
            if root is not None
            else None
        )
        if tree is not None:
            self._shapes(tree, 0)

    def _shapes(self, tree: Any, depth: int) -> None:
        for shape in tree:
            tag = self._names[shape.tag]
            if tag in ("sp", "cxnSp"):
                self._shape(shape)
            elif tag == "grpSp" and depth < _MAX_DEPTH:
                self._shapes(shape, depth + 1)
            elif tag == "graphicFrame":
                self._frame(shape)
            elif tag == "pic":
                self._picture(shape)
            elif tag == "AlternateContent" and len(shape):
                self._shapes(shape[0], depth + 1)

    def _shape(self, shape: Any) -> None:
        holder = next((e for e in shape.iter() if self._names[e.tag] == "ph"), None)
        role = (attribute(holder, "type") or "body") if holder is not None else ""
        notes = Mark.NOTE in self._marks
        if (self._inherited and role not in ("", "ftr", "hdr")) or (
            notes and role in ("sldImg", "sldNum", "dt")
        ):
            return
        body = next((e for e in shape if self._names[e.tag] == "txBody"), None)
        if body is None:
            return
        box = self._box(shape)
        for paragraph in body:
            if self._names[paragraph.tag] == "p":
                self._paragraph(paragraph, role, box)

    def _paragraph(self, paragraph: Any, role: str, box: Box | None) -> None:
        text, level, bullet = self._text(paragraph)
        if not text.strip():
            return
        kind, depth = BlockKind.PARAGRAPH, 0
        if role in _TITLES:
            kind, depth = BlockKind.HEADING, _TITLES[role]
            self._draft.outline.append(OutlineEntry(depth, " ".join(text.split()), self._page))
        elif role in _FURNITURE:
            kind = _FURNITURE[role]
        elif bullet or level:
            kind, depth = BlockKind.LIST_ITEM, level + 1
        self._draft.block(text, kind, level=depth, page=self._page, box=box, marks=self._marks)

    def _text(self, paragraph: Any) -> tuple[str, int, bool]:
        """Answer a paragraph's text, its level and whether it has a bullet."""
        names = self._names
        parts: list[str] = []
        level, bullet = 0, False
        for element in paragraph.iter():
            tag = names[element.tag]
            if tag == "t":
                parts.append(element.text or "")
            elif tag == "br":
                parts.append("\n")
            elif tag == "pPr":
                value = attribute(element, "lvl") or "0"
                level = min(int(value), 8) if value.isdigit() else 0
            elif tag in ("buChar", "buAutoNum"):
                bullet = True
            elif tag in ("hlinkClick", "hlinkMouseOver"):
                relation = self._office.relations(self._part).get(relation_id(element))
                if relation and relation.external:
                    self._draft.link("".join(parts), relation.target, self._page)
        return "".join(parts), level, bullet

    def _frame(self, frame: Any) -> None:
        box = self._box(frame)
        for element in frame.iter():
            tag = self._names[element.tag]
            if tag == "tbl":
                self._table(element, box)
            elif tag in ("chart", "relIds"):
                key = relation_id(element) if tag == "chart" else attribute(element, "dm")
                relation = self._office.relations(self._part).get(key or "")
                root = self._office.xml(relation.target) if relation and not relation.external else None
                if root is not None:
                    text = chart_text(root) if tag == "chart" else diagram_text(root)
                    self._draft.block(text, BlockKind.FIGURE, page=self._page, box=box, marks=self._marks)
                    self._office.embedded(relation.target if relation else "", self._draft)

    def _table(self, table: Any, box: Box | None) -> None:
        rows: list[list[TableCell]] = []
        for row in table:
            if self._names[row.tag] != "tr":
                continue
            cells = []
            for cell in row:
                if self._names[cell.tag] != "tc" or {attribute(cell, "hMerge"), attribute(cell, "vMerge")} & {
                    "1",
                    "true",
                }:
                    continue
                lines = [self._text(p)[0] for p in cell.iter() if self._names[p.tag] == "p"]
                spans = [attribute(cell, key) or "0" for key in ("rowSpan", "gridSpan")]
                down, right = (int(s) if s.isdigit() else 0 for s in spans)
                cells.append(TableCell("\n".join(lines).strip(), down, right))
            rows.append(cells)
        self._draft.table(lay_out(rows), page=self._page, box=box, marks=self._marks)

    def _picture(self, picture: Any) -> None:
        if self._inherited:
            return
        said = False
        for element in picture.iter():
            tag = self._names[element.tag]
            if tag == "cNvPr" and not said:
                said = True
                text = attribute(element, "descr") or attribute(element, "title") or ""
                self._draft.block(
                    text, BlockKind.FIGURE, page=self._page, box=self._box(picture), marks=self._marks
                )
            elif tag == "blip":
                key = attribute(element, "embed") or attribute(element, "link") or ""
                self._draft.picture(self._office.picture(self._part, key), self._page)

    def _box(self, shape: Any) -> Box | None:
        """Answer a shape's box on the slide; None for one inside a group or placed by its layout."""
        names = self._names
        for holder in shape:
            if names[holder.tag] in ("spPr", "xfrm"):
                place = (
                    holder
                    if names[holder.tag] == "xfrm"
                    else next((e for e in holder if names[e.tag] == "xfrm"), None)
                )
                if place is None or names[shape.getparent().tag] != "spTree":
                    return None
                values = {names[e.tag]: e for e in place}
                if "off" in values and "ext" in values:
                    x, y = (int(values["off"].get(k) or 0) / _EMU for k in "xy")
                    w, h = (int(values["ext"].get(k) or 0) / _EMU for k in ("cx", "cy"))
                    return Box(round(x, 2), round(y, 2), round(x + w, 2), round(y + h, 2))
        return None
