"""XML of any kind: the text of its elements in order, tables where they are marked up as such.

An element with text of its own is a block, and what is inside it reads as part of its line; an element
without is a container. CALS and HTML tables and the spreadsheets of Excel 2003 become tables.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from extract_svc.engine import xml
from extract_svc.engine.grid import lay_out
from extract_svc.engine.metadata import normalise
from extract_svc.engine.model import BlockKind, OutlineEntry, TableCell
from extract_svc.engine.ooxml import Names

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_SPACE = re.compile(r"\s+")
_TITLES = frozenset(("title", "heading", "head", "article-title"))
_BLOCKS = frozenset((
    "p", "para", "paragraph", "list", "table", "table-wrap", "sec", "section", "fig", "disp-quote",
    "boxed-text", "title"
))  # fmt: skip
_ROWS, _CELLS = frozenset(("tr", "row")), frozenset(("td", "th", "entry", "cell"))
_ROW_GROUPS = frozenset(("thead", "tbody", "tfoot", "tgroup", "table"))
_SECTIONS = frozenset(("sec", "section", "chapter", "part", "appendix", "body"))
_ITEMS = frozenset(("li", "listitem", "list-item", "item"))


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read an XML document."""
    root = xml.parse(document.data, doctype_allowed=True)
    draft.metadata = normalise({"root": xml.local(root.tag)})
    _Reader(draft).blocks(root, 0, 0)
    if not draft.blocks:
        attributes = [v for e in root.iter() for v in getattr(e, "attrib", {}).values() if " " in v.strip()]
        draft.block("\n".join(attributes))


class _Reader:
    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._names = Names()

    def blocks(self, element: Any, depth: int, section: int) -> None:
        """Write an element's blocks."""
        tag = self._names[element.tag].lower()
        if tag == "table" and self._table(element):
            return
        if tag in _SECTIONS:
            section += 1
        if self._mixed(element):
            self._leaf(element, tag, depth, section)
            return
        for child in element:
            if isinstance(child.tag, str):
                self.blocks(child, depth + 1, section)
            elif child.text:
                self._draft.block(_fold(child.text))

    def _mixed(self, element: Any) -> bool:
        if element.text and not element.text.isspace():
            return True
        return any(child.tail and not child.tail.isspace() for child in element)

    def _leaf(self, element: Any, tag: str, depth: int, section: int) -> None:
        parts: list[str] = []
        inner: list[Any] = []
        self._gather(element, parts, inner)
        text = _fold("".join(parts))
        if tag in _TITLES:
            level = max(section, 1)
            if text:
                self._draft.outline.append(OutlineEntry(level, text))
            self._draft.block(text, BlockKind.HEADING, level=level)
        elif tag in _ITEMS:
            self._draft.block(text, BlockKind.LIST_ITEM, level=1)
        elif "\n" in (element.text or "") and tag in ("code", "programlisting", "screen", "pre", "script"):
            self._draft.block("".join(parts), BlockKind.CODE)
        else:
            self._draft.block(text)
        for child in inner:
            self.blocks(child, depth + 1, section)

    def _gather(self, element: Any, parts: list[str], inner: list[Any]) -> None:
        parts.append(element.text or "")
        for child in element:
            if isinstance(child.tag, str):
                if self._names[child.tag].lower() in _BLOCKS:
                    inner.append(child)
                else:
                    self._gather(child, parts, inner)
            parts.append(child.tail or "")

    def _table(self, table: Any) -> bool:
        rows: list[list[TableCell]] = []
        stack = list(reversed(table))
        while stack:
            element = stack.pop()
            tag = self._names[element.tag].lower()
            if tag in _ROWS:
                columns = _column_names(element)
                rows.append(self._row(element, columns))
            elif tag in _ROW_GROUPS:
                stack += reversed(element)
        if not any(cell.text for row in rows for cell in row):
            return False
        self._draft.table(lay_out(rows))
        return True

    def _row(self, row: Any, columns: list[str]) -> list[TableCell]:
        """Read a row's cells; in CALS a cell may name the column it stands in."""
        cells: list[TableCell] = []
        for cell in row:
            if self._names[cell.tag].lower() in _CELLS:
                named = cell.get("colname") or cell.get("namest")
                if named in columns:
                    cells += [TableCell()] * (
                        columns.index(named) - sum(max(c.column_span, 1) for c in cells)
                    )
                cells.append(self._cell(cell, columns))
        return cells

    def _cell(self, cell: Any, columns: list[str]) -> TableCell:
        parts: list[str] = []
        for element in cell.iter():
            if isinstance(element.tag, str):
                if self._names[element.tag].lower() in ("p", "para", "br", "break"):
                    parts.append("\n")
                parts.append(element.text or "")
            if element is not cell:
                parts.append(element.tail or "")
        lines = (_fold(line) for line in "".join(parts).split("\n"))
        text = "\n".join(line for line in lines if line)
        first, last = cell.get("namest"), cell.get("nameend")
        right = _whole(cell.get("colspan"))
        if first in columns and last in columns:
            right = columns.index(last) - columns.index(first) + 1
        down = _whole(cell.get("rowspan")) or (_whole(cell.get("morerows")) + 1)
        header = self._names[cell.tag].lower() == "th"
        return TableCell(text, down if down > 1 else 0, right if right > 1 else 0, header)


def _column_names(row: Any) -> list[str]:
    """Answer the column names of the CALS table group around a row."""
    group = next((a for a in row.iterancestors() if xml.local(a.tag).lower() == "tgroup"), None)
    return (
        [c.get("colname") or "" for c in group if xml.local(c.tag) == "colspec"] if group is not None else []
    )


def _fold(text: str) -> str:
    return _SPACE.sub(" ", text).strip()


def _whole(text: str | None) -> int:
    return int(text) if text and text.isdigit() and len(text) < 6 else 0
