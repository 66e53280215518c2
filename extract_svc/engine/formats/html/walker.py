"""Walks an HTML tree and writes what a reader sees into a draft.

The walk is a loop, not a recursion, so depth cannot exhaust the stack. Inline text gathers in a buffer that
every block boundary flushes, into the draft or, inside a table, into the open cell. A nested table's text
stands in the cell around it, and it becomes a table of its own besides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from extract_svc.engine.grid import lay_out
from extract_svc.engine.model import BlockKind, Mark, OutlineEntry, TableCell

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft

_SKIPPED = frozenset((
    "script", "style", "template", "head", "noembed", "noframes", "datalist", "object", "applet", "iframe",
    "canvas", "audio", "video", "svg"
))  # fmt: skip
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_BLOCKS = frozenset((
    "html", "body", "p", "div", "section", "article", "header", "footer", "nav", "aside", "main", "address",
    "blockquote", "figure", "figcaption", "ul", "ol", "menu", "dir", "li", "dl", "dt", "dd", "h1", "h2",
    "h3", "h4", "h5", "h6", "pre", "listing", "table", "caption", "thead", "tbody", "tfoot", "tr", "td",
    "th", "form", "fieldset", "legend", "hr", "center", "details", "summary", "option", "optgroup",
    "select", "textarea", "title", "noscript", "dialog", "search", "frameset"
))  # fmt: skip
_LISTS = frozenset(("ul", "ol", "menu", "dir"))
_SPACE = re.compile(r"[ \t\n\r\f]+")
_AROUND_BREAK = re.compile(r" ?\x01 ?")
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BREAK = "\x01"


@dataclass(slots=True)
class _OpenTable:
    rows: list[list[TableCell]] = field(default_factory=list)
    spans: tuple[int, int, bool] | None = None
    cell: list[tuple[BlockKind, int, str]] = field(default_factory=list)
    content: list[tuple[BlockKind, int, str]] = field(default_factory=list)
    caption: str = ""
    inner: list[_OpenTable] = field(default_factory=list)
    layout: bool = False


class Walker:
    """Reads one tree into one draft."""

    def __init__(self, draft: Draft, page: int = 0) -> None:
        self._draft = draft
        self._page = page
        self._buffer: list[str] = []
        self._figures: list[str] = []
        self._tables: list[_OpenTable] = []
        self._lists = 0
        self._items = 0
        self._heading = 0
        self._preformatted = 0
        self._hidden: list[Any] = []
        self._links: list[tuple[str, int]] = []

    def run(self, root: Any) -> None:
        """Walk the tree under `root`."""
        skip = None
        from lxml import etree  # noqa: PLC0415 - only the worker loads parsers

        buffer = self._buffer
        for event, element in etree.iterwalk(root, events=("start", "end")):
            tag = element.tag
            if event == "start":
                if skip is not None:
                    continue
                if tag in _SKIPPED:
                    skip = element
                    continue
                self._start(tag, element)
                if element.text:
                    buffer.append(element.text)
            else:
                if skip is not None:
                    if skip is not element:
                        continue
                    skip = None
                else:
                    self._end(tag, element)
                if element.tail:
                    buffer.append(element.tail)
        self._flush()

    def _start(self, tag: str, element: Any) -> None:
        if tag in _BLOCKS:
            self._flush()
            self._count(tag, 1)
            if tag == "table":
                self._tables.append(_OpenTable(layout=element.get("role") in ("presentation", "none")))
            elif self._tables and tag in ("tr", "td", "th"):
                self._open_cell(tag, element)
        elif tag == "br":
            self._buffer.append(_BREAK)
        elif tag == "a":
            self._links.append((element.get("href") or "", len(self._buffer)))
        elif tag == "img" and element.get("alt"):
            self._figures.append(_SPACE.sub(" ", element.get("alt")).strip())
        elif tag == "input":
            self._input(element)
        if element.get("hidden") is not None or _HIDING.search(element.get("style") or ""):
            self._flush()
            self._hidden.append(element)

    def _count(self, tag: str, step: int) -> None:
        """Enter (1) or leave (-1) what makes the text inside a heading, an item or preformatted."""
        if tag in _HEADINGS:
            self._heading = _HEADINGS[tag] if step > 0 else 0
        elif tag in _LISTS:
            self._lists += step
        elif tag == "li":
            self._items += step
        elif tag in ("pre", "listing", "textarea"):
            self._preformatted += step

    def _input(self, element: Any) -> None:
        kind = (element.get("type") or "text").lower()
        if kind in ("checkbox", "radio"):
            self._buffer.append("[x] " if element.get("checked") is not None else "[ ] ")
        elif kind not in ("hidden", "password", "image", "file") and element.get("value"):
            self._buffer.append(f" {element.get('value')} ")

    def _open_cell(self, tag: str, element: Any) -> None:
        table = self._tables[-1]
        self._close_cell(table)
        if tag == "tr":
            table.rows.append([])
            return
        if not table.rows:
            table.rows.append([])
        table.spans = (_span(element, "rowspan"), _span(element, "colspan"), tag == "th")

    def _end(self, tag: str, element: Any) -> None:
        if tag in _BLOCKS:
            self._flush()
            self._count(tag, -1)
            if self._tables:
                self._end_in_table(tag)
        elif tag == "a" and self._links:
            target, since = self._links.pop()
            text = _plain("".join(self._buffer[since:]))
            self._draft.link(text, target, self._page)
        if self._hidden and self._hidden[-1] is element:
            self._flush()
            self._hidden.pop()

    def _end_in_table(self, tag: str) -> None:
        table = self._tables[-1]
        if tag == "caption":
            table.caption = "\n".join(text for _, _, text in table.cell)
            table.cell.clear()
        elif tag in ("td", "th", "tr"):
            self._close_cell(table)
        elif tag == "table":
            self._close_table()

    def _close_cell(self, table: _OpenTable) -> None:
        if table.spans is None:
            table.content += table.cell  # text between cells: a browser shows it before the table
            table.cell.clear()
            return
        rows, columns, header = table.spans
        text = "\n".join(text for _, _, text in table.cell)
        table.rows[-1].append(TableCell(text, rows if rows > 1 else 0, columns if columns > 1 else 0, header))
        table.content += table.cell
        table.cell.clear()
        table.spans = None

    def _close_table(self) -> None:
        table = self._tables.pop()
        self._close_cell(table)
        if not self._tables:
            self._emit_table(table)
            return
        around = self._tables[-1]
        around.inner.append(table)
        around.cell += table.content

    def _emit_table(self, table: _OpenTable, *, nested: bool = False) -> None:
        rows = [row for row in table.rows if row]
        single = len(rows) == 1 or max(map(len, rows), default=0) == 1
        if table.layout or (table.inner and single and not any(c.header for row in rows for c in row)):
            for kind, level, text in () if nested else table.content:
                self._emit(kind, level, text)
        else:
            if table.caption and not nested:
                self._emit(BlockKind.PARAGRAPH, 0, table.caption)
            marks = (Mark.HIDDEN,) if self._hidden else ()
            self._draft.table(
                lay_out(rows), page=self._page, caption=table.caption, marks=marks, nested=nested
            )
        for inner in table.inner:
            self._emit_table(inner, nested=True)

    def _flush(self) -> None:
        raw = "".join(self._buffer)
        self._buffer.clear()
        self._links = [(target, 0) for target, _ in self._links]
        text = raw.replace(_BREAK, "\n").strip("\n") if self._preformatted else _plain(raw)
        if text.strip():
            if self._heading:
                self._put(BlockKind.HEADING, self._heading, text)
            elif self._preformatted:
                self._put(BlockKind.CODE, 0, text)
            elif self._items:
                self._put(BlockKind.LIST_ITEM, max(self._lists, 1), text)
            else:
                self._put(BlockKind.PARAGRAPH, 0, text)
        for figure in self._figures:
            self._put(BlockKind.FIGURE, 0, figure)
        self._figures.clear()

    def _put(self, kind: BlockKind, level: int, text: str) -> None:
        if self._tables:
            self._tables[-1].cell.append((kind, level, text))
        else:
            self._emit(kind, level, text)

    def _emit(self, kind: BlockKind, level: int, text: str) -> None:
        if kind is BlockKind.HEADING:
            self._draft.outline.append(OutlineEntry(level, " ".join(text.split()), self._page))
        marks = (Mark.HIDDEN,) if self._hidden else ()
        self._draft.block(text, kind, level=level, page=self._page, marks=marks)


def _plain(raw: str) -> str:
    return _AROUND_BREAK.sub("\n", _SPACE.sub(" ", raw)).strip(" \n")


def _span(element: Any, name: str) -> int:
    digits = re.match(r"\s*\d{1,4}", element.get(name) or "")
    return int(digits[0]) if digits else 1
