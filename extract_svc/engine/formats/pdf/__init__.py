"""PDF by pdfium: words with boxes, blocks in reading order, tables drawn and set, outline, links, files.

Pages are read one at a time and closed; what is kept of them are words and lines. pdfium never loads
anything from outside the bytes it is given. (pypdfium2 starts the library when it is imported.)
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import pypdfium2.raw as pdfium

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.draft import LimitReached
from extract_svc.engine.formats.pdf import extras
from extract_svc.engine.formats.pdf.aligned import find_aligned
from extract_svc.engine.formats.pdf.geometry import Frame, box_of
from extract_svc.engine.formats.pdf.lattice import find_lattices
from extract_svc.engine.formats.pdf.layout import Piece, pieces_of
from extract_svc.engine.formats.pdf.rulings import Rules, read_rules
from extract_svc.engine.formats.pdf.scans import Scans
from extract_svc.engine.formats.pdf.structure import classify
from extract_svc.engine.formats.pdf.turned import directions, set_back, turned_rules, upright
from extract_svc.engine.formats.pdf.words import read_words, segments_of
from extract_svc.engine.metadata import normalise
from extract_svc.engine.model import BlockKind, Mark, OutlineEntry
from extract_svc.engine.ocr import wish_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.formats.pdf.found import Found
    from extract_svc.engine.formats.pdf.geometry import Word
    from extract_svc.engine.model import Document, Options

_HOLLOW_SHARE = 0.3
_DOUBLED_SHARE = 0.2
_PageRead = tuple[float, list[Piece], list[extras.Note]]


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read a PDF, trying the given passwords on a locked one."""
    at = max(document.data.find(b"%PDF-", 0, 1024), 0)
    data = document.data[at:] if at else document.data
    handle = _open(data, options.passwords)
    try:
        count = pdfium.FPDF_GetPageCount(handle)
        extras.check_wrapper(handle, data)
        draft.metadata = normalise(extras.properties(handle), page_count=count, creator_is_author=False)
        pages: list[_PageRead] = []
        scans = Scans(wish_of(options.plugin_options))
        cut: LimitReached | MemoryError | None = None
        for index in range(count):
            try:
                pages.append(_page(handle, index, draft, scans))
            except (LimitReached, MemoryError) as limit:
                cut = limit.with_traceback(None)  # which would hold on to the page
                break
        classify([(height, pieces) for height, pieces, _ in pages])
        _write(pages, draft)
        if not draft.outline:
            draft.outline = [OutlineEntry(level, title, page) for level, title, page in _headings(pages)]
        extras.outline(handle, draft)
        extras.attachments(handle, draft)
        if cut is not None:
            raise cut
    finally:
        pdfium.FPDF_CloseDocument(handle)


def _open(data: bytes, passwords: tuple[str, ...]) -> Any:
    for password in ("", *passwords):
        handle = pdfium.FPDF_LoadMemDocument64(data, len(data), password.encode("utf-8") or None)
        if handle:
            return handle
        code = pdfium.FPDF_GetLastError()
        if code == pdfium.FPDF_ERR_SECURITY:
            raise CollatioError(Reason.ENCRYPTED, "The PDF is locked in a way that is not supported.")
        if code != pdfium.FPDF_ERR_PASSWORD:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The PDF's structure cannot be read.")
    raise CollatioError(Reason.ENCRYPTED, "The PDF is locked with a password.")


def _page(handle: Any, index: int, draft: Draft, scans: Scans) -> _PageRead:
    page = pdfium.FPDF_LoadPage(handle, index)
    if not page:
        number = draft.page()
        draft.warn("PAGE_UNREADABLE", "The page cannot be read.", number)
        return 0.0, [], []
    try:
        frame = _frame(page)
        number = draft.page(round(frame.width, 2), round(frame.height, 2), label=extras.label(handle, index))
        text_page = pdfium.FPDFText_LoadPage(page)
        if not text_page:
            draft.warn("PAGE_UNREADABLE", "The page's text cannot be read.", number)
            return frame.height, [], []
        try:
            pieces = _pieces(page, text_page, frame, number, draft)
            if not pieces:
                pieces = scans.pieces(page, frame, number, draft)
                if not pieces:
                    draft.warn("PAGE_WITHOUT_TEXT", "The page has no text; it may be a scan.", number)
        finally:
            pdfium.FPDFText_ClosePage(text_page)
        return frame.height, pieces, extras.notes_of(handle, page, frame, number, draft)
    finally:
        pdfium.FPDF_ClosePage(page)


def _frame(page: Any) -> Frame:
    rect = pdfium.FS_RECTF()
    if not pdfium.FPDF_GetPageBoundingBox(page, ctypes.byref(rect)):
        width, height = pdfium.FPDF_GetPageWidthF(page), pdfium.FPDF_GetPageHeightF(page)
        return Frame(0, 0, width, height, 0)
    turns = pdfium.FPDFPage_GetRotation(page) % 4
    return Frame(rect.left, rect.bottom, rect.right, rect.top, turns)


def _pieces(page: Any, text_page: Any, frame: Frame, number: int, draft: Draft) -> list[Piece]:
    words, starts = read_words(text_page, frame)
    if not words:
        return []
    _judge(words, number, draft)
    leanings = directions(text_page, starts, frame)
    if not any(leanings):
        return _read(words, text_page, starts, read_rules(page, frame))
    pieces: list[Piece] = []
    rules = read_rules(page, frame)
    for quarters in sorted(set(leanings)):
        leaning = [word for word in words if leanings[word.line] == quarters]
        if quarters:
            made, begun = upright(leaning, quarters, frame, starts)
            found = _read(made, text_page, begun, turned_rules(rules, quarters, frame))
            set_back(found, quarters, frame)
        else:
            found = _read(leaning, text_page, starts, rules)
        pieces += found
    return pieces


def _read(words: list[Word], text_page: Any, starts: list[int], rules: tuple[Rules, Rules]) -> list[Piece]:
    tables, taken = _tables(words, rules)
    free = [word for n, word in enumerate(words) if n not in taken]
    return pieces_of(segments_of(free, text_page, starts), sorted(tables, key=lambda t: t.top))


def _judge(words: list[Word], number: int, draft: Draft) -> None:
    """Say how far a page's words can be trusted: those without letters, and those set upon one another."""
    strange = sum(1 for word in words if "\ufffd" in word.text or "\ue000" <= word.text[0] <= "\uf8ff")
    doubled = len(words) - len({(word.text, round(word.x0), round(word.top)) for word in words})
    if strange > _HOLLOW_SHARE * len(words):
        draft.warn("FONT_WITHOUT_UNICODE", "Fonts on the page do not say which letters they show.", number)
    if doubled > _DOUBLED_SHARE * len(words):
        draft.warn("TEXT_OVER_TEXT", "Words on the page are set upon one another.", number)
    draft.judge(1 - max(strange, doubled) / len(words), weight=len(words))


def _tables(words: list[Word], drawn: tuple[Rules, Rules]) -> tuple[list[Found], set[int]]:
    """Find tables by hard lines, then by shading too, then by alignment; a word is in one at most."""
    hard, every = drawn
    tables: list[Found] = []
    taken: set[int] = set()
    for rules in (hard, every):
        for table in find_lattices(rules.horizontal, rules.vertical, words):
            lined = rules is hard or len(table.rows[0]) > 1  # shaded bands alone say nothing of columns
            if lined and not table.words & taken:
                tables.append(table)
                taken |= table.words
        if every is hard:
            break
    for table in find_aligned(words, taken, hard.horizontal):
        tables.append(table)
        taken |= table.words
    return tables, taken


def _write(pages: list[_PageRead], draft: Draft) -> None:
    for number, (_, pieces, notes) in enumerate(pages, 1):
        for piece in pieces:
            box = box_of(piece.x0, piece.top, piece.x1, piece.bottom)
            if piece.table is not None:
                draft.table(piece.table.rows, page=number, box=box)
                for inner in piece.table.within():
                    place = box_of(inner.x0, inner.top, inner.x1, inner.bottom)
                    draft.table(inner.rows, page=number, box=place, nested=True)
            else:
                marks = (Mark.OCR,) if piece.recognised else ()
                draft.block(piece.text, piece.kind, level=piece.level, page=number, box=box, marks=marks)
        for note in notes:
            draft.block(note.text, note.kind, page=number, box=note.box, marks=note.marks)


def _headings(pages: list[_PageRead]) -> Iterator[tuple[int, str, int]]:
    for number, (_, pieces, _notes) in enumerate(pages, 1):
        for piece in pieces:
            if piece.kind is BlockKind.HEADING:
                yield piece.level, " ".join(piece.text.split()), number
