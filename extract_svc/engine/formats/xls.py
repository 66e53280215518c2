"""Workbooks of Excel 5 to 2003 (XLS): cells by calamine, what is beside them by the records of [MS-XLS].

calamine (MIT) reads values and dates; running heads, text boxes, comments and chart texts are read here.
"""

from __future__ import annotations

import re
import struct
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import cfb, summary
from extract_svc.engine.embedded import unwrap_storage
from extract_svc.engine.formats.xlsx.numbers import plain
from extract_svc.engine.formats.xlsx.regions import split_regions
from extract_svc.engine.model import BlockKind, Mark, TableCell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_FILEPASS, _HEADER, _FOOTER, _TXO, _CONTINUE, _BOF, _CHART_TEXT = 0x2F, 0x14, 0x15, 0x1B6, 0x3C, 0x809, 0x100D
_NOTE, _LABEL, _BOUNDSHEET, _HLINK = 0x1C, 0x204, 0x85, 0x1B8
_RUNNING = re.compile(r"&(?:\"[^\"]*\"|\d{1,3}|[BIUEXYSGPNDTFAZ])")
_HIDDEN = ("SheetVisibleEnum.Hidden", "SheetVisibleEnum.VeryHidden")


def read(document: Document, _options: Options, draft: Draft) -> None:
    """Read a workbook."""
    compound = cfb.CompoundFile(document.data)
    stream = compound.stream("Workbook") or compound.stream("Book")
    records = list(_records(stream))
    if any(kind == _FILEPASS for kind, _ in records[:200]):
        raise CollatioError(Reason.ENCRYPTED, "The workbook is locked with a password.")
    draft.metadata = summary.metadata(compound)
    read_with_calamine(document.data, draft)
    _beside(records, draft)
    for path in compound.children(""):
        if path.upper().startswith("MBD") and compound.is_storage(path):
            found = unwrap_storage(compound, path)
            if found:
                draft.member(*found)


def read_with_calamine(data: bytes, draft: Draft) -> None:
    """Write every sheet's cells, a page each."""
    from io import BytesIO  # noqa: PLC0415 - beside the parser it serves

    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - only the worker loads parsers

    try:
        book = CalamineWorkbook.from_filelike(BytesIO(data))
    except CalamineError as error:
        if "assword" in str(error) or "ncrypt" in str(error):
            raise CollatioError(Reason.ENCRYPTED, "The workbook is locked with a password.") from error
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The workbook cannot be read.") from error
    for meta in book.sheets_metadata:
        hidden = str(meta.visible) in _HIDDEN
        number = draft.page(label=meta.name, hidden=hidden)
        marks = (Mark.HIDDEN,) if hidden else ()
        draft.block(meta.name, BlockKind.HEADING, level=1, page=number, marks=marks)
        try:
            rows = book.get_sheet_by_name(meta.name).to_python()
        except (CalamineError, ValueError):
            draft.warn("SHEET_UNREADABLE", "A sheet's cells cannot be read.", number)
            continue
        cells = [[TableCell(_shown(value)) for value in row] for row in rows]
        for region in split_regions(cells):
            draft.table(region, page=number, caption=meta.name, marks=marks)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float | int):
        return plain(value)
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}" if value.time() != time() else f"{value:%Y-%m-%d}"
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value)


def _records(stream: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + size]
        at += 4 + size


def _beside(records: list[tuple[int, bytes]], draft: Draft) -> None:
    wide = not any(kind == _BOF and data[:2] == b"\0\5" for kind, data in records[:1])
    seen: set[str] = set()
    for at, (kind, data) in enumerate(records):
        if kind in (_HEADER, _FOOTER) and data:
            for section in re.split(r"&[LCR]", _text(data, wide=wide, size=2)):
                text = _RUNNING.sub("", section).strip()
                if text and (kind, text) not in seen:
                    seen.add((kind, text))  # type: ignore[arg-type]  # a set of mixed keys
                    draft.block(text, BlockKind.HEADER if kind == _HEADER else BlockKind.FOOTER)
        elif kind == _TXO and at + 1 < len(records) and records[at + 1][0] == _CONTINUE:
            body = records[at + 1][1]
            draft.block(_decoded(body[1:], wide=bool(body[:1] == b"\1")))
        elif kind == _CHART_TEXT and len(data) > 3:
            draft.block(_text(data[2:], wide=wide, size=1), BlockKind.FIGURE)


def _text(data: bytes, *, wide: bool, size: int) -> str:
    """Read a string: its length of one or two bytes, in Excel 97 a flag byte, then the characters."""
    count = int.from_bytes(data[:size], "little")
    if not wide:
        return data[1 : 1 + data[0]].decode("cp1252", "replace")
    flag, body = data[size] if len(data) > size else 0, data[size + 1 :]
    return _decoded(body[: count * 2] if flag & 1 else body[:count], wide=bool(flag & 1))


def _decoded(data: bytes, *, wide: bool) -> str:
    return data.decode("utf-16-le", "replace") if wide else data.decode("latin-1")
