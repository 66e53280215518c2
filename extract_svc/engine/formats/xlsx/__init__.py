"""Workbooks (XLSX by zip and lxml, XLSB's cells by its records): a page a sheet, the tables on it, what is beside.

Cells read as their number format shows them. Comments, drawings, charts and running heads follow the cells.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from extract_svc.engine.formats.sheet.regions import split_regions
from extract_svc.engine.formats.xlsx import binary
from extract_svc.engine.formats.xlsx.cells import Book, read_cells
from extract_svc.engine.media_type import XLSB
from extract_svc.engine.model import BlockKind, Mark
from extract_svc.engine.ooxml import Names, Office, attribute, chart_text, diagram_text, relation_id

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_RUNNING = re.compile(r"&(?:[LCR]|\"[^\"]*\"|\d{1,3}|K[0-9A-F]{6}|K\d\d[+-]\d{3}|[BIUEXYSGPNDTFAZ])")
_HEADS = ("oddHeader", "evenHeader", "firstHeader")
_FEET = ("oddFooter", "evenFooter", "firstFooter")


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read a workbook."""
    office = Office.open(document.data, options.limits)
    main = office.main("xl/workbook.xml")
    names = Names()
    if document.media_type == XLSB:
        _read_binary(office, main, draft, names)
        return
    root = office.xml(main)
    book = Book.read(office, main, root, names)
    relations = office.relations(main)
    sheets = [e for e in root.iter() if names[e.tag] == "sheet"] if root is not None else []
    draft.metadata = office.metadata(page_count=len(sheets))
    for sheet in sheets:
        relation = relations.get(relation_id(sheet))
        hidden = attribute(sheet, "state") in ("hidden", "veryHidden")
        marks = (Mark.HIDDEN,) if hidden else ()
        title = attribute(sheet, "name") or ""
        number = draft.page(label=title, hidden=hidden)
        draft.block(title, BlockKind.HEADING, level=1, page=number, marks=marks)
        if relation is None or relation.external:
            continue
        part = office.xml(relation.target)
        if part is None:
            continue
        links = office.relations(relation.target)
        _running(part, names, draft, number, BlockKind.HEADER)
        regions = split_regions(read_cells(part, book, names, draft.in_time))
        draft.sheet(regions, page=number, caption=title, marks=marks)
        for element in part.iter():
            if names[element.tag] == "hyperlink":
                target = links.get(relation_id(element))
                if target and target.external:
                    draft.link(attribute(element, "display") or "", target.target, number)
        beside(office, relation.target, draft, names, number)
        _running(part, names, draft, number, BlockKind.FOOTER)


def _read_binary(office: Office, main: str, draft: Draft, names: Names) -> None:
    relations = office.relations(main)
    found = binary.sheets(office.parts.read(main))
    draft.metadata = office.metadata(page_count=len(found))
    strings = [
        s
        for part in office.related(main, "sharedStrings")
        for s in binary.shared_strings(office.parts.read(part))
    ]
    forms = [f for part in office.related(main, "styles") for f in binary.formats(office.parts.read(part))]
    for key, title, hidden in found:
        marks = (Mark.HIDDEN,) if hidden else ()
        number = draft.page(label=title, hidden=hidden)
        draft.block(title, BlockKind.HEADING, level=1, page=number, marks=marks)
        relation = relations.get(key)
        if relation is None or relation.external:
            continue
        regions = split_regions(binary.cells(office.parts.read(relation.target), strings, forms))
        draft.sheet(regions, page=number, caption=title, marks=marks)
        beside(office, relation.target, draft, names, number)


def _running(part: Any, names: Names, draft: Draft, number: int, kind: BlockKind) -> None:
    seen: set[str] = set()
    tags = _HEADS if kind is BlockKind.HEADER else _FEET
    for element in part.iter():
        if names[element.tag] in tags and element.text:
            for section in re.split(r"&[LCR]", element.text):
                text = _RUNNING.sub("", section).strip()
                if text and text not in seen:
                    seen.add(text)
                    draft.block(text, kind, page=number)


def beside(office: Office, part: str, draft: Draft, names: Names, number: int) -> None:
    """Write a sheet's comments, shapes, charts, diagrams and embedded files."""
    for kind in ("comments", "threadedComment"):
        for target in office.related(part, kind):
            root = office.xml(target)
            for element in root.iter() if root is not None else ():
                if names[element.tag] in ("comment", "threadedComment"):
                    text = "".join(e.text or "" for e in element.iter() if names[e.tag] in ("t", "text"))
                    draft.block(text, page=number, marks=(Mark.COMMENT,))
    for target in office.related(part, "drawing"):
        _drawing(office, target, draft, names, number)
    office.embedded(part, draft)


def _drawing(office: Office, part: str, draft: Draft, names: Names, number: int) -> None:
    root = office.xml(part)
    for element in root.iter() if root is not None else ():
        tag = names[element.tag]
        if tag == "txBody":
            lines = [
                "".join(t.text or "" for t in p.iter() if names[t.tag] == "t")
                for p in element
                if names[p.tag] == "p"
            ]
            draft.block("\n".join(lines), page=number)
        elif tag == "cNvPr":
            draft.block(attribute(element, "descr") or "", BlockKind.FIGURE, page=number)
        elif tag in ("chart", "relIds"):
            key = relation_id(element) if tag == "chart" else attribute(element, "dm")
            relation = office.relations(part).get(key or "")
            graph = office.xml(relation.target) if relation and not relation.external else None
            if graph is not None:
                text = chart_text(graph) if tag == "chart" else diagram_text(graph)
                draft.block(text, BlockKind.FIGURE, page=number)
