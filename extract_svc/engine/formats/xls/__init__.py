"""Workbooks of Excel 5 to 2003 (XLS), record by record: a page a sheet, its cells and what is beside them.

Read here and not by a library: calamine answers values without their formats, none of what lies beside the
cells, and ends the process' thread in a panic on some files (DECISIONS.md has the figures).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import cfb, summary
from extract_svc.engine.embedded import unwrap_storage
from extract_svc.engine.formats.sheet.numbers import BUILT_IN, shown
from extract_svc.engine.formats.sheet.regions import split_regions
from extract_svc.engine.formats.xls.locked import unlock
from extract_svc.engine.formats.xls.records import (
    CONTINUE,
    Record,
    characters,
    code_page,
    read_records,
    rk_number,
    shared_strings,
    short_string,
)
from extract_svc.engine.model import BlockKind, Mark, TableCell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_BOF, _EOF, _CODEPAGE, _DATEMODE, _BOUNDSHEET = 0x809, 0x0A, 0x42, 0x22, 0x85
_SST, _FORMAT, _FORMAT_5, _XF = 0xFC, 0x41E, 0x1E, 0xE0
_LABELSST, _LABEL, _RSTRING, _NUMBER, _RK, _MULRK, _BOOLERR = 0xFD, 0x204, 0xD6, 0x203, 0x27E, 0xBD, 0x205
_FORMULA, _STRING, _MERGED, _HEADER, _FOOTER, _TXO, _CHART_TEXT = 0x06, 0x207, 0xE5, 0x14, 0x15, 0x1B6, 0x100D
_SINGLE = frozenset((_LABELSST, _LABEL, _RSTRING, _NUMBER, _RK, _BOOLERR))
_ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_RUNNING = re.compile(r"&(?:\"[^\"]*\"|\d{1,3}|[BIUEXYSGPNDTFAZ])")
_MAX_BLANK_ROWS = 1_000


@dataclass(slots=True)
class _Book:
    wide: bool = True
    encoding: str = "cp1252"
    from_1904: bool = False
    strings: list[str] = field(default_factory=list)
    formats: dict[int, str] = field(default_factory=lambda: dict(BUILT_IN))
    uses: list[int] = field(default_factory=list)
    sheets: list[tuple[int, int, str]] = field(default_factory=list)

    def number(self, value: float, style: int) -> str:
        form = self.formats.get(self.uses[style], "") if style < len(self.uses) else ""
        return shown(value, form, from_1904=self.from_1904)


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read a workbook."""
    compound = cfb.CompoundFile(document.data)
    stream = compound.stream("Workbook") or compound.stream("Book")
    records = unlock(stream, list(read_records(stream)), options.passwords)
    if not records or records[0].kind != _BOF:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The workbook's stream cannot be read.")
    book = _globals(records)
    draft.metadata = summary.metadata(compound, page_count=len(book.sheets))
    starts = {record.at: index for index, record in enumerate(records) if record.kind == _BOF}
    for offset, state, name in book.sheets:
        number = draft.page(label=name, hidden=state != 0)
        marks = (Mark.HIDDEN,) if state else ()
        draft.block(name, BlockKind.HEADING, level=1, page=number, marks=marks)
        if offset in starts:
            _sheet(records, starts[offset], book, draft)
    for path in compound.children(""):
        if path.upper().startswith("MBD") and compound.is_storage(path):
            found = unwrap_storage(compound, path)
            if found:
                draft.member(*found)


def _globals(records: list[Record]) -> _Book:
    book = _Book(wide=records[0].data[:2] != b"\0\5")
    for index, (kind, data, _) in enumerate(records):
        if kind == _EOF:
            break
        if kind == _SST:
            after = takewhile(lambda record: record.kind == CONTINUE, islice(records, index + 1, None))
            book.strings = shared_strings([data, *(record.data for record in after)])
        elif len(data) >= 2:
            _global(kind, data, book)
    return book


def _global(kind: int, data: bytes, book: _Book) -> None:
    if kind == _CODEPAGE:
        book.encoding = code_page(data)
    elif kind == _DATEMODE:
        book.from_1904 = data[:1] == b"\1"
    elif kind == _BOUNDSHEET and len(data) > 7:
        offset, state = struct.unpack_from("<IB", data)
        name = short_string(data[6:], wide=book.wide, size=1, encoding=book.encoding)
        book.sheets.append((offset, state & 3, name))
    elif kind in (_FORMAT, _FORMAT_5) and len(data) > 3:
        size = 2 if book.wide else 1
        key = struct.unpack_from("<H", data)[0]
        book.formats[key] = short_string(data[2:], wide=book.wide, size=size, encoding=book.encoding)
    elif kind == _XF and len(data) >= 4:
        book.uses.append(struct.unpack_from("<H", data, 2)[0])


def _own(records: list[Record], start: int) -> Iterator[tuple[int, Record, bool]]:
    """Yield a sheet's records and whether they belong to a chart inside it."""
    depth = 0
    for index in range(start, len(records)):
        record = records[index]
        if record.kind == _BOF:
            depth += 1
        yield index, record, depth > 1
        if record.kind == _EOF:
            depth -= 1
            if depth == 0:
                return


@dataclass(slots=True)
class _Sheet:
    """What is found in one sheet's records."""

    cells: dict[tuple[int, int], str] = field(default_factory=dict)
    spans: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    beside: list[tuple[str, BlockKind]] = field(default_factory=list)
    pending: tuple[int, int] | None = None

    def take(self, kind: int, data: bytes, book: _Book) -> None:
        """Take a record that holds cells."""
        if kind == _STRING and self.pending is not None:
            self.cells[self.pending] = short_string(data, wide=book.wide, size=2, encoding=book.encoding)
            self.pending = None
        elif kind == _FORMULA and len(data) >= 14:
            self.pending = _formula(data, book, self.cells)
        elif kind == _MULRK and len(data) >= 12:
            row, column = struct.unpack_from("<HH", data)
            for n in range((len(data) - 6) // 6):
                style, raw = struct.unpack_from("<HI", data, 4 + 6 * n)
                self.cells[row, column + n] = book.number(rk_number(raw), style)
        elif kind == _MERGED:
            for n in range(min(int.from_bytes(data[:2], "little"), (len(data) - 2) // 8)):
                top, bottom, left, right = struct.unpack_from("<HHHH", data, 2 + 8 * n)
                self.spans[top, left] = (bottom - top + 1, right - left + 1)
        elif kind in _SINGLE and len(data) >= 8:
            row, column, style = struct.unpack_from("<HHH", data)
            self.cells[row, column] = _cell(kind, data[6:], style, book)


def _sheet(records: list[Record], start: int, book: _Book, draft: Draft) -> None:
    """Write a sheet on the page just begun."""
    page = draft.pages[-1]
    marks = (Mark.HIDDEN,) if page.hidden else ()
    sheet = _Sheet()
    for index, (kind, data, _), charted in draft.in_time(_own(records, start), lambda _: 1):
        if kind in (_HEADER, _FOOTER, _TXO, _CHART_TEXT):
            after = records[index + 1] if index + 1 < len(records) else Record(0, b"", 0)
            sheet.beside += _aside(kind, data, after, book)
        elif not charted:  # a chart keeps a copy of the numbers it shows
            sheet.take(kind, data, book)
    for text, kind_of in sheet.beside:
        if kind_of is BlockKind.HEADER:
            draft.block(text, kind_of, page=page.number)
    regions = split_regions(_rows(sheet.cells, sheet.spans))
    draft.sheet(regions, page=page.number, caption=page.label, marks=marks)
    for text, kind_of in sheet.beside:
        if kind_of is not BlockKind.HEADER:
            draft.block(text, kind_of, page=page.number)


def _cell(kind: int, body: bytes, style: int, book: _Book) -> str:
    if kind == _LABELSST:
        index = int.from_bytes(body[:4], "little")
        return book.strings[index] if index < len(book.strings) else ""
    if kind == _NUMBER and len(body) >= 8:
        return book.number(struct.unpack_from("<d", body)[0], style)
    if kind == _RK:
        return book.number(rk_number(int.from_bytes(body[:4], "little")), style)
    if kind == _BOOLERR:
        return _ERRORS.get(body[0], "#ERR") if body[1] else ("TRUE" if body[0] else "FALSE")
    return short_string(body, wide=book.wide, size=2, encoding=book.encoding)


def _formula(data: bytes, book: _Book, cells: dict[tuple[int, int], str]) -> tuple[int, int] | None:
    """Write a formula's cached value; a string's comes in the record after, whose place is answered."""
    row, column, style = struct.unpack_from("<HHH", data)
    if data[12:14] != b"\xff\xff":
        cells[row, column] = book.number(struct.unpack_from("<d", data, 6)[0], style)
        return None
    if data[6] == 0:
        return row, column
    if data[6] == 1:
        cells[row, column] = "TRUE" if data[8] else "FALSE"
    elif data[6] == 2:
        cells[row, column] = _ERRORS.get(data[8], "#ERR")
    return None


def _aside(kind: int, data: bytes, after: Record, book: _Book) -> list[tuple[str, BlockKind]]:
    if kind == _TXO:
        if after.kind != CONTINUE or len(data) < 12:
            return []
        count = struct.unpack_from("<H", data, 10)[0]
        return [(characters(after.data[1:], count, two_bytes=after.data[:1] == b"\1"), BlockKind.PARAGRAPH)]
    if kind == _CHART_TEXT:
        return [(short_string(data[2:], wide=book.wide, size=1, encoding=book.encoding), BlockKind.FIGURE)]
    if not data:
        return []
    text = short_string(data, wide=book.wide, size=2 if book.wide else 1, encoding=book.encoding)
    where = BlockKind.HEADER if kind == _HEADER else BlockKind.FOOTER
    sections = (_RUNNING.sub("", section).strip() for section in re.split(r"&[LCR]", text))
    return [(section, where) for section in sections if section]


def _rows(
    cells: dict[tuple[int, int], str], spans: dict[tuple[int, int], tuple[int, int]]
) -> list[list[TableCell]]:
    rows: list[list[TableCell]] = []
    last = -1
    for row, column in sorted(place for place, text in cells.items() if text):
        if row != last:
            rows += [[] for _ in range(min(row - last, _MAX_BLANK_ROWS) if rows else 1)]
            last = row
        line = rows[-1]
        line += [TableCell()] * (column - len(line))
        down, right = spans.get((row, column), (0, 0))
        line.append(TableCell(cells[row, column], down if down > 1 else 0, right if right > 1 else 0))
    return rows
