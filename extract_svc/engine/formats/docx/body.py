"""Writes the stories of a Word document (body, headers, notes, ...) into a draft, block by block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from extract_svc.engine.formats.docx.inline import Inline, InlineReader
from extract_svc.engine.grid import lay_out
from extract_svc.engine.model import BlockKind, Mark, OutlineEntry, TableCell
from extract_svc.engine.ooxml import Names, Office, attribute

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.formats.docx.numbering import Numbering
    from extract_svc.engine.formats.docx.styles import Styles

_NOTES = ("footnote", "endnote")
_SEPARATORS = ("separator", "continuationSeparator", "continuationNotice")
_FIELD_LINK = re.compile(r"\s*HYPERLINK\s+(?:\\l\s+)?\"([^\"]+)\"")
_WRAPPERS = frozenset((
    "body", "sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo", "sect", "sub-section", "hdr",
    "ftr", "footnote", "endnote", "comment", "content", "AlternateContent", "Choice", "document",
    "txbxContent", "footnotes", "endnotes", "Fallback"
))  # fmt: skip


class Body:
    """Writes stories; one instance a document, because lists count across them."""

    def __init__(
        self, office: Office, draft: Draft, names: Names, styles: Styles, numbering: Numbering
    ) -> None:
        self._office = office
        self._draft = draft
        self._names = names
        self._styles = styles
        self._numbering = numbering
        self._kind = BlockKind.PARAGRAPH
        self._marks: tuple[Mark, ...] = ()
        self._inline = InlineReader(office, names, "")

    def story(self, part: str, root: Any, kind: BlockKind, marks: tuple[Mark, ...] = ()) -> None:
        """Write the blocks under `root`; paragraphs get this kind unless they say better."""
        if root is None:
            return
        hides = next(root.iter("{*}vanish"), None) is not None
        self._inline = InlineReader(self._office, self._names, part, hides=hides)
        self._kind, self._marks = kind, marks
        self._blocks(root)

    def comments(self, part: str, root: Any) -> None:
        """Write comments, each a block with its author."""
        self._inline = InlineReader(self._office, self._names, part)
        for comment in root if root is not None else ():
            if self._names[comment.tag] != "comment":
                continue
            lines = ["".join(self._inline.read(p).text) for p in comment.iter() if self._names[p.tag] == "p"]
            author = attribute(comment, "author")
            text = "\n".join(lines)
            self._draft.block(f"{author}: {text}" if author else text, marks=(Mark.COMMENT,))

    def _blocks(self, root: Any) -> None:
        for element in root:
            tag = self._names[element.tag]
            if tag == "p":
                self._paragraph(element)
            elif tag == "tbl":
                self._table(element)
            elif tag == "del" or (tag in _NOTES and attribute(element, "type") in _SEPARATORS):
                continue
            elif tag == "AlternateContent":
                taken = next((c for c in element if len(c)), None)
                if taken is not None:
                    self._blocks(taken)
            elif tag in _WRAPPERS:
                self._blocks(element)
            elif tag in ("r", "oMathPara", "hyperlink"):
                self._loose(element)

    def _loose(self, element: Any) -> None:
        """Write a run outside a paragraph: seen in broken files and in text boxes of Word 2003."""
        self._beside(self._inline.read([element]))

    def _paragraph(self, element: Any) -> None:
        found = self._inline.read(element)
        text = "".join(found.text)
        style_id, list_id, list_level, outline = self._properties(element)
        style = self._styles.get(style_id)
        level = outline + 1 if 0 <= outline < 9 else style.level
        marks = (*self._marks, Mark.INSERTED) if found.inserted else self._marks
        if text.strip():
            list_id = list_id or style.list_id
            label = self._numbering.next(list_id, list_level or style.list_level) if list_id != "0" else ""
            spoken = f"{label} {text.strip()}" if label else text
            if level and self._kind is BlockKind.PARAGRAPH:
                self._draft.outline.append(OutlineEntry(level, " ".join(spoken.split())))
                self._draft.block(spoken, BlockKind.HEADING, level=level, marks=marks)
            elif list_id not in ("", "0") and self._kind is BlockKind.PARAGRAPH:
                self._draft.block(spoken, BlockKind.LIST_ITEM, level=list_level + 1, marks=marks)
            elif style.code and self._kind is BlockKind.PARAGRAPH:
                self._draft.block(text, BlockKind.CODE, marks=marks)
            else:
                self._draft.block(spoken, self._kind, marks=marks)
        self._beside(found, written=True)

    def _beside(self, found: Inline, *, written: bool = False) -> None:
        """Write what stands beside a paragraph's text: deletions, links, pictures, boxes."""
        if not written:
            self._draft.block("".join(found.text), self._kind, marks=self._marks)
        self._draft.block("".join(found.deleted), self._kind, marks=(*self._marks, Mark.DELETED))
        self._draft.block("".join(found.vanished), self._kind, marks=(*self._marks, Mark.HIDDEN))
        for text, target in found.links:
            self._draft.link(text, target)
        for target in _FIELD_LINK.findall("".join(found.instructions)):
            self._draft.link("", target)
        for figure in dict.fromkeys(found.figures):
            self._draft.block(figure, BlockKind.FIGURE)
        for digest in found.pictures:
            self._draft.picture(digest)
        for box in found.boxes:
            self._blocks(box)

    def _properties(self, element: Any) -> tuple[str, str, int, int]:
        """Answer a paragraph's style id, list id, list level and outline level (-1: none)."""
        names = self._names
        first = element[0] if len(element) else None
        if first is None or names[first.tag] != "pPr":
            return "", "", 0, -1
        style, list_id, list_level, outline = "", "", 0, -1
        for child in first:
            tag = names[child.tag]
            if tag == "pStyle":
                style = attribute(child, "val") or ""
            elif tag in ("numPr", "listPr"):
                for part in child:
                    value = attribute(part, "val") or ""
                    if names[part.tag] == "ilvl" and value.isdigit():
                        list_level = min(int(value), 8)
                    elif names[part.tag] in ("numId", "ilfo"):
                        list_id = value
            elif tag == "outlineLvl":
                value = attribute(child, "val") or ""
                outline = int(value) if value.isdigit() else -1
        return style, list_id, list_level, outline

    def _table(self, table: Any) -> None:
        nested: list[Any] = []
        rows, beside = self._rows(table, nested)
        self._draft.table(lay_out(rows), marks=self._marks)
        for found in beside:
            self._beside(found, written=True)
        for at, inner in enumerate(nested):
            if at > 500:
                break
            inner_rows, inner_beside = self._rows(inner, nested)
            self._draft.table(lay_out(inner_rows), nested=True)
            for found in inner_beside:
                self._beside(found, written=True)

    def _rows(self, table: Any, nested: list[Any]) -> tuple[list[list[TableCell]], list[Inline]]:
        names = self._names
        grid: list[list[TableCell]] = []
        beside: list[Inline] = []
        open_at: dict[int, tuple[int, int]] = {}
        for row in _under(table, "tr", names):
            cells: list[TableCell] = []
            column = _skipped(row, names)
            cells += [TableCell()] * column
            header = any(names[e.tag] == "tblHeader" for e in _properties_of(row, "trPr", names))
            for cell in _under(row, "tc", names):
                width, merge = _spans(cell, names)
                if merge == "continue" and column in open_at:
                    at, place = open_at[column]
                    top = grid[at][place]
                    height = max(top.row_span, 1) + 1
                    grid[at][place] = TableCell(top.text, height, top.column_span, top.header)
                else:
                    text = self._cell(cell, nested, beside)
                    if merge == "restart":
                        open_at[column] = (len(grid), len(cells))
                    else:
                        open_at.pop(column, None)
                    cells.append(TableCell(text, 0, width if width > 1 else 0, header))
                column += width
            grid.append(cells)
        return grid, beside

    def _cell(self, cell: Any, nested: list[Any], beside: list[Inline]) -> str:
        lines: list[str] = []
        for element in _flow(cell, self._names):
            if self._names[element.tag] == "tbl":
                nested.append(element)
                lines += self._nested_lines(element)
                continue
            found = self._inline.read(element)
            text = "".join(found.text).strip()
            _, list_id, level, _ = self._properties(element)
            label = self._numbering.next(list_id, level) if text and list_id not in ("", "0") else ""
            lines.append(f"{label} {text}" if label else text)
            if (
                found.deleted
                or found.boxes
                or found.figures
                or found.pictures
                or found.links
                or found.instructions
            ):
                beside.append(found)
        return "\n".join(line for line in lines if line)

    def _nested_lines(self, table: Any) -> list[str]:
        """Answer the text of a table inside a cell, a line a paragraph, without what stands beside it."""
        return ["".join(self._inline.read(p).text) for p in table.iter() if self._names[p.tag] == "p"]


def _under(element: Any, wanted: str, names: Names) -> list[Any]:
    """Children of a kind, seen through content controls and changes."""
    found: list[Any] = []
    stack = list(reversed(element))
    while stack:
        child = stack.pop()
        tag = names[child.tag]
        if tag == wanted:
            found.append(child)
        elif tag in ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo"):
            stack += reversed(child)
    return found


def _flow(cell: Any, names: Names) -> list[Any]:
    """Answer the paragraphs and tables of a cell, seen through content controls."""
    found: list[Any] = []
    stack = list(reversed(cell))
    while stack:
        child = stack.pop()
        tag = names[child.tag]
        if tag in ("p", "tbl"):
            found.append(child)
        elif tag in _WRAPPERS:
            stack += reversed(child)
    return found


def _properties_of(element: Any, name: str, names: Names) -> Any:
    return next((child for child in element if names[child.tag] == name), ())


def _skipped(row: Any, names: Names) -> int:
    """Grid columns a row leaves free before its first cell."""
    for child in _properties_of(row, "trPr", names):
        if names[child.tag] == "gridBefore":
            value = attribute(child, "val") or ""
            return min(int(value), 500) if value.isdigit() else 0
    return 0


def _spans(cell: Any, names: Names) -> tuple[int, str]:
    width, merge = 1, ""
    for child in _properties_of(cell, "tcPr", names):
        tag = names[child.tag]
        if tag == "gridSpan":
            value = attribute(child, "val") or ""
            width = min(max(int(value), 1), 500) if value.isdigit() else 1
        elif tag in ("vMerge", "vmerge"):
            merge = attribute(child, "val") or "continue"
    return width, merge
