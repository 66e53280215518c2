"""Presentations (PPTX): a page a slide, shapes in drawing order with boxes, tables, charts, notes, comments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from extract_svc.engine.formats.pptx.shapes import ShapeReader
from extract_svc.engine.model import BlockKind, Mark
from extract_svc.engine.ooxml import Names, Office, attribute, relation_id

if TYPE_CHECKING:
    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

EMU_PER_POINT = 12_700
_INHERITED = ("slideLayout", "slideMaster")


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read a presentation."""
    office = Office.open(document.data, options.limits)
    main = office.main("ppt/presentation.xml")
    root, names = office.xml(main), Names()
    width = height = 0.0
    slides: list[str] = []
    relations = office.relations(main)
    for element in root.iter() if root is not None else ():
        tag = names[element.tag]
        if tag == "sldSz":
            width, height = (int(element.get(k) or 0) / EMU_PER_POINT for k in ("cx", "cy"))
        elif tag == "sldId":
            relation = relations.get(relation_id(element))
            if relation and not relation.external:
                slides.append(relation.target)
    draft.metadata = office.metadata(page_count=len(slides))
    reader = ShapeReader(office, draft, names)
    shown: set[str] = set()
    for part in slides:
        content = office.xml(part)
        hidden = content is not None and attribute(content, "show") in ("0", "false")
        draft.page(round(width, 2), round(height, 2), hidden=hidden)
        _slide(office, part, reader, draft, shown)


def _slide(office: Office, part: str, reader: ShapeReader, draft: Draft, shown: set[str]) -> None:
    """Write a slide on the page just begun."""
    root, number, hidden = office.xml(part), len(draft.pages), draft.pages[-1].hidden
    marks = (Mark.HIDDEN,) if hidden else ()
    reader.read(part, root, number, marks)
    _inherited(office, part, reader, number, shown)
    for notes in office.related(part, "notesSlide"):
        reader.read(notes, office.xml(notes), number, (*marks, Mark.NOTE))
    for comments in office.related(part, "comments"):
        _comments(office.xml(comments), number, draft)
    office.embedded(part, draft)


def _inherited(office: Office, part: str, reader: ShapeReader, number: int, shown: set[str]) -> None:
    """Write what layout and master show on the slide beside its placeholders, once a document."""
    below = [part]
    for kind in _INHERITED:
        below = [target for one in below for target in office.related(one, kind)]
        for name in below:
            if name not in shown:
                shown.add(name)
                reader.read(name, office.xml(name), number, (), inherited=True)


def _comments(root: Any, number: int, draft: Draft) -> None:
    names = Names()
    for element in root.iter() if root is not None else ():
        if names[element.tag] in ("cm", "reply"):
            texts = [
                e.text or ""
                for e in element.iter()
                if names[e.tag] in ("text", "t") and e.text and e.text.strip()
            ]
            draft.block("\n".join(texts), BlockKind.PARAGRAPH, page=number, marks=(Mark.COMMENT,))
