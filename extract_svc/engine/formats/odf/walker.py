"""Walks the body of an OpenDocument file and writes its blocks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from extract_svc.engine.formats.sheet.regions import split_regions
from extract_svc.engine.grid import lay_out
from extract_svc.engine.model import BlockKind, Mark, OutlineEntry, TableCell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.ooxml import Names

_MAX_REPEAT = 1_000
_MAX_COLUMNS = 16_384
_IGNORED = frozenset((
    "sequence-decls", "forms", "variable-decls", "user-field-decls", "tracked-changes", "bookmark",
    "bookmark-start", "bookmark-end", "annotation-end", "index-title-template", "table-of-content-source",
    "calculation-settings", "named-expressions", "database-ranges", "soft-page-break", "shapes-decls",
    "scripts", "event-listeners", "image-map"
))  # fmt: skip


_SIGNS = {"s": " ", "tab": "\t", "line-break": "\n"}
_DRAWN = frozenset(("frame", "custom-shape", "rect", "g", "line", "ellipse", "control", "object"))


@dataclass(slots=True)
class _Inline:
    text: list[str] = field(default_factory=list)
    beside: list[tuple[str, Any]] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)


class Walker:
    """Writes one document; `load` answers the content of an embedded object."""

    def __init__(self, draft: Draft, names: Names, load: Callable[[str], Any] | None) -> None:
        self.draft = draft
        self.names = names
        self._load = load
        self._kind = BlockKind.PARAGRAPH
        self._marks: tuple[Mark, ...] = ()
        self._page = 0
        self._lists = 0
        self._objects = 0
        self._sheets = False
        self._insertions: set[str] = set()
        self._open: set[str] = set()

    def body(self, body: Any, *, sheets: bool) -> None:
        """Write the body; tracked deletions come first, as the format keeps them apart from the text."""
        for element in body.iter():
            tag = self.names[element.tag]
            if tag == "deletion":
                self._with(BlockKind.PARAGRAPH, (Mark.DELETED,), element)
            elif tag == "changed-region" and any(self.names[child.tag] == "insertion" for child in element):
                self._insertions.add(self._attribute(element, "id"))
        self._sheets = sheets
        self._blocks(body)

    def story(self, element: Any, kind: BlockKind) -> None:
        """Write a header or footer."""
        self._with(kind, (), element)

    def master(self, element: Any) -> None:
        """Write what a master page of a presentation shows beside its placeholders."""
        for frame in element:
            if self.names[frame.tag] == "frame" and self._attribute(frame, "class") in (
                "",
                "footer",
                "header",
            ):
                self._with(BlockKind.FOOTER, (), frame)

    def _attribute(self, element: Any, name: str) -> str:
        for key, value in element.attrib.items():
            if self.names[key] == name:
                return str(value)
        return ""

    def _with(self, kind: BlockKind, marks: tuple[Mark, ...], element: Any) -> None:
        before = self._kind, self._marks
        self._kind, self._marks = kind, marks
        self._blocks(element)
        self._kind, self._marks = before

    def _blocks(self, root: Any) -> None:
        for element in root:
            tag = self.names[element.tag]
            if tag in ("p", "h"):
                self._paragraph(element, tag)
            elif tag == "table":
                self._table(element)
            elif tag == "list":
                self._lists += 1
                self._blocks(element)
                self._lists -= 1
            elif tag == "page":
                self._slide(element)
            elif tag == "section" and self._attribute(element, "display") == "none":
                self._with(self._kind, (*self._marks, Mark.HIDDEN), element)
            elif tag in ("notes", "annotation"):
                self._with(self._kind, (Mark.NOTE if tag == "notes" else Mark.COMMENT,), element)
            elif tag == "frame" or tag.endswith("-box") or tag in ("object", "image", "title", "desc"):
                self._drawn(element, tag)
            elif tag in ("creator", "date") or tag in _IGNORED:
                continue
            else:
                self._blocks(element)

    def _slide(self, element: Any) -> None:
        self._page = self.draft.page(label=self._attribute(element, "name"))
        self._blocks(element)

    def _drawn(self, element: Any, tag: str) -> None:
        if tag in ("title", "desc"):
            self.draft.block(element.text or "", BlockKind.FIGURE, page=self._page, marks=self._marks)
            return
        if tag == "object" and self._load is not None and self._objects < 100:
            href = self._attribute(element, "href")
            if href and not len(element):
                self._objects += 1
                content = self._load(href)
                if content is not None:
                    self._blocks(content)
        self._blocks(element)

    def _inserted(self, element: Any) -> bool:
        """Tell whether a paragraph holds a tracked insertion, which may have begun before it and end after it."""
        touched = bool(self._open)
        for child in element.iter():
            tag = self.names[child.tag]
            if tag in ("change-start", "change-end"):
                region = {self._attribute(child, "change-id")} & self._insertions
                touched = touched or bool(region)
                self._open = self._open | region if tag == "change-start" else self._open - region
        return touched

    def _paragraph(self, element: Any, tag: str) -> None:
        found = _Inline()
        self._inline(element, found)
        text = "".join(found.text)
        marks = (*self._marks, Mark.INSERTED) if self._insertions and self._inserted(element) else self._marks
        if tag == "h" and self._kind is BlockKind.PARAGRAPH:
            level = self._attribute(element, "outline-level")
            depth = min(int(level), 9) if level.isdigit() else 1
            if text.strip():
                self.draft.outline.append(OutlineEntry(depth, " ".join(text.split()), self._page))
            self.draft.block(text, BlockKind.HEADING, level=depth, page=self._page, marks=marks)
        elif self._lists and self._kind is BlockKind.PARAGRAPH:
            self.draft.block(text, BlockKind.LIST_ITEM, level=self._lists, page=self._page, marks=marks)
        else:
            self.draft.block(text, self._kind, page=self._page, marks=marks)
        self._beside(found)

    def _beside(self, found: _Inline) -> None:
        for text, target in found.links:
            self.draft.link(text, target, self._page)
        for kind, element in found.beside:
            if kind == "note":
                self._with(BlockKind.FOOTNOTE, self._marks, element)
            elif kind == "annotation":
                self._with(self._kind, (*self._marks, Mark.COMMENT), element)
            else:
                lists, self._lists = self._lists, 0
                self._drawn(element, self.names[element.tag])
                self._lists = lists

    def _inline(self, element: Any, found: _Inline) -> None:
        out, names = found.text, self.names
        if element.text:
            out.append(_plain(element.text))
        for child in element:
            tag = names[child.tag]
            if tag in _SIGNS:
                count = self._attribute(child, "c") if tag == "s" else ""
                out.append(_SIGNS[tag] * (min(int(count), 1_000) if count.isdigit() else 1))
            elif tag in ("note", "annotation"):
                body = next((e for e in child if names[e.tag] == "note-body"), child)
                found.beside.append((tag, body))
            elif tag in _DRAWN:
                found.beside.append(("drawn", child))
            elif tag == "ruby-text":
                out.append(f" ({''.join(child.itertext())})")
            elif tag not in _IGNORED:
                since = len(out)
                self._inline(child, found)
                if tag == "a":
                    found.links.append(("".join(out[since:]), self._attribute(child, "href")))
            if child.tail:
                out.append(_plain(child.tail))

    def _table(self, table: Any) -> None:
        name = self._attribute(table, "name")
        if self._sheets and self._kind is BlockKind.PARAGRAPH:
            self._page = self.draft.page(label=name)
            self.draft.block(name, BlockKind.HEADING, level=1, page=self._page, marks=self._marks)
        beside: list[_Inline] = []
        inner: list[Any] = []
        rows = self._rows(table, beside, inner)
        if self._page and self._sheets:
            self.draft.sheet(split_regions(rows), page=self._page, caption=name, marks=self._marks)
        else:
            self.draft.table(lay_out(rows), page=self._page, marks=self._marks)
        for at, nested in enumerate(inner):
            if at < 500:
                nested_rows = self._rows(nested, beside, inner)
                self.draft.table(lay_out(nested_rows), page=self._page, nested=True)
        for found in beside:
            self._beside(found)
        for element in table:
            if self.names[element.tag] == "shapes":
                self._blocks(element)

    def _rows(self, table: Any, beside: list[_Inline], inner: list[Any]) -> list[list[TableCell]]:
        rows: list[list[TableCell]] = []
        for element in self.draft.in_time(self._each_row(table)):
            cells = self._cells(element, beside, inner)
            count = self._repeat(element, "number-rows-repeated")
            has_text = any(cell.text for cell in cells)
            rows += [cells] * (min(count, _MAX_REPEAT) if has_text else min(count, 1))
        while rows and not any(cell.text for cell in rows[-1]) and self._sheets:
            rows.pop()
        return rows

    def _each_row(self, table: Any) -> Iterator[Any]:
        stack = list(reversed(table))
        while stack:
            element = stack.pop()
            tag = self.names[element.tag]
            if tag in ("table-rows", "table-header-rows", "table-row-group"):
                stack += reversed(element)
            elif tag == "table-row":
                yield element

    def _repeat(self, element: Any, name: str) -> int:
        value = self._attribute(element, name)
        return max(int(value), 1) if value.isdigit() else 1

    def _cells(self, row: Any, beside: list[_Inline], inner: list[Any]) -> list[TableCell]:
        cells: list[TableCell] = []
        for cell in row:
            tag = self.names[cell.tag]
            if tag not in ("table-cell", "covered-table-cell"):
                continue
            repeat = min(self._repeat(cell, "number-columns-repeated"), _MAX_COLUMNS)
            if tag == "covered-table-cell":
                if self._sheets:  # a sheet's cells stay in their columns
                    cells += [TableCell()] * min(repeat, _MAX_REPEAT)
                continue
            text = self._cell_text(cell, beside, inner)
            down, right = (
                self._repeat(cell, "number-rows-spanned"),
                self._repeat(cell, "number-columns-spanned"),
            )
            made = TableCell(text, down if down > 1 else 0, right if right > 1 else 0)
            if not text and repeat > _MAX_REPEAT:
                repeat = 1
            cells += [made] * repeat
        while cells and not cells[-1].text and self._sheets and not cells[-1].row_span:
            cells.pop()
        return cells

    def _cell_text(self, cell: Any, beside: list[_Inline], inner: list[Any]) -> str:
        lines: list[str] = []
        stack = list(reversed(cell))
        while stack:
            element = stack.pop()
            tag = self.names[element.tag]
            if tag in ("p", "h"):
                found = _Inline()
                self._inline(element, found)
                lines.append("".join(found.text))
                if found.beside or found.links:
                    beside.append(found)
            elif tag == "table":
                inner.append(element)
                lines += ["".join(p.itertext()) for p in element.iter() if self.names[p.tag] in ("p", "h")]
            elif tag == "annotation":
                beside.append(_Inline(beside=[("annotation", element)]))
            elif tag in ("frame", "custom-shape", "rect", "g"):
                beside.append(_Inline(beside=[("drawn", element)]))
            else:
                stack += reversed(element)
        return "\n".join(line for line in lines if line)


def _plain(text: str) -> str:
    """Fold white space as the format says (OpenDocument 1.3 part 3, 6.1.2)."""
    if text.isspace():
        return " "
    return text.replace("\n", " ").replace("\t", " ") if "\n" in text or "\t" in text else text
