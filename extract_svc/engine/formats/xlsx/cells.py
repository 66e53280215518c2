"""Reads the cells of a sheet: shared strings, number formats, merged cells."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from extract_svc.engine.formats.sheet.numbers import BUILT_IN, shown
from extract_svc.engine.model import TableCell
from extract_svc.engine.ooxml import Names, Office, attribute

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_REFERENCE = re.compile(r"\$?([A-Za-z]{1,3})\$?(\d{1,7})")
_MAX_COLUMNS = 16_384
_MAX_CELLS = 3_000_000
_MAX_ROW_GAP = 1_000


@dataclass(frozen=True, slots=True)
class Book:
    """What cells refer to: strings, the format of each style, and the day that days count from."""

    strings: Sequence[str]
    formats: Sequence[str]
    from_1904: bool

    @classmethod
    def read(cls, office: Office, main: str, root: Any, names: Names) -> Book:
        """Read the workbook's shared parts."""
        strings: list[str] = []
        for part in office.related(main, "sharedStrings"):
            table = office.xml(part)
            strings = (
                [_string(item, names) for item in table if names[item.tag] == "si"]
                if table is not None
                else []
            )
        formats: list[str] = []
        for part in office.related(main, "styles"):
            styles = office.xml(part)
            formats = _formats(styles, names) if styles is not None else []
        properties = (
            next((e for e in root if names[e.tag] == "workbookPr"), None) if root is not None else None
        )
        dated = attribute(properties, "date1904") if properties is not None else None
        return cls(strings, formats, dated in ("1", "true"))


def _string(item: Any, names: Names) -> str:
    """Join a string's runs, phonetic guides left out."""
    parts: list[str] = []
    for child in item:
        tag = names[child.tag]
        if tag == "t":
            parts.append(child.text or "")
        elif tag == "r":
            parts += [t.text or "" for t in child if names[t.tag] == "t"]
    return "".join(parts)


def _formats(styles: Any, names: Names) -> list[str]:
    codes = dict(BUILT_IN)
    for element in styles.iter():
        if names[element.tag] == "numFmt":
            key = attribute(element, "numFmtId") or ""
            if key.isdigit():
                codes[int(key)] = attribute(element, "formatCode") or ""
    uses = next((e for e in styles if names[e.tag] == "cellXfs"), ())
    keys = [attribute(use, "numFmtId") or "0" for use in uses]
    return [codes.get(int(key), "") if key.isdigit() else "" for key in keys]


def read_cells(
    sheet: Any, book: Book, names: Names, in_time: Callable[[Iterable[Any]], Iterable[Any]]
) -> list[list[TableCell]]:
    """Answer the rows from the first one in use; merged cells span, blank rows between are kept few."""
    spans = _merged(sheet, names)
    rows: list[list[TableCell]] = []
    last, total = 0, 0
    data = next((e for e in sheet if names[e.tag] == "sheetData"), ())
    for row in in_time(data):
        if names[row.tag] != "row":
            continue
        stated = row.get("r") or ""
        number = int(stated) if stated.isdigit() else last + 1
        if rows and number > last + 1:
            rows += [[] for _ in range(min(number - last - 1, _MAX_ROW_GAP))]
        last = number
        cells: list[TableCell] = []
        for cell in row:
            if names[cell.tag] != "c":
                continue
            found = _REFERENCE.match(cell.get("r") or "")
            column = min(_column(found[1]), _MAX_COLUMNS) if found else len(cells)
            text = _value(cell, book, names)
            if not text:
                continue
            while len(cells) < column:
                cells.append(TableCell())
            down, right = spans.get((number, column), (0, 0))
            cells[column:] = [TableCell(text, down, right)]
        total += len(cells) + 1
        rows.append(cells)
        if total > _MAX_CELLS:
            break
    return rows


def _column(letters: str) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1


def _merged(sheet: Any, names: Names) -> dict[tuple[int, int], tuple[int, int]]:
    spans: dict[tuple[int, int], tuple[int, int]] = {}
    merges = next((e for e in sheet if names[e.tag] == "mergeCells"), ())
    for merge in merges:
        ends = [_REFERENCE.fullmatch(end) for end in (merge.get("ref") or "").split(":")]
        if len(ends) == 2 and ends[0] and ends[1]:
            top, bottom = int(ends[0][2]), int(ends[1][2])
            left, right = _column(ends[0][1]), _column(ends[1][1])
            tall, wide = bottom - top + 1, right - left + 1
            spans[top, left] = (tall if tall > 1 else 0, wide if wide > 1 else 0)
    return spans


def _value(cell: Any, book: Book, names: Names) -> str:
    kind = cell.get("t") or "n"
    if kind == "inlineStr":
        return "".join(_string(child, names) for child in cell if names[child.tag] == "is")
    raw = next((child.text or "" for child in cell if names[child.tag] == "v"), "")
    if kind == "s":
        return book.strings[int(raw)] if raw.isdigit() and int(raw) < len(book.strings) else ""
    if kind == "b" and raw:
        return "TRUE" if raw == "1" else "FALSE"
    return _number(raw, cell.get("s") or "0", book) if raw and kind == "n" else raw


def _number(raw: str, style: str, book: Book) -> str:
    form = book.formats[int(style)] if style.isdigit() and int(style) < len(book.formats) else ""
    if not form and len(raw) < 16 and raw.lstrip("-").isdigit():
        return raw
    try:
        return shown(float(raw), form, from_1904=book.from_1904)
    except (ValueError, OverflowError):
        return raw
