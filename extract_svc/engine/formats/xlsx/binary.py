"""Reads the cells of binary workbooks (XLSB, [MS-XLSB] 2.1.4): records of a varying-length kind and size."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from extract_svc.engine.formats.sheet.numbers import BUILT_IN, shown
from extract_svc.engine.formats.xls.records import rk_number
from extract_svc.engine.model import TableCell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_ROW, _RK, _ERROR, _BOOL, _REAL, _TEXT, _SHARED, _F_TEXT, _F_NUMBER, _F_BOOL = 0, 2, 3, 4, 5, 6, 7, 8, 9, 10
_STRING_ITEM, _SHEET, _FORMAT, _XF, _XFS_BEGIN, _XFS_END = 19, 156, 44, 47, 617, 618
_MAX_COLUMNS = 16_384
_MAX_BLANK_ROWS = 1_000


def records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and body of each record."""
    at = 0
    while at < len(data):
        kind, at = _varying(data, at, 2)
        size, at = _varying(data, at, 4)
        yield kind, data[at : at + size]
        at += size


def _varying(data: bytes, at: int, most: int) -> tuple[int, int]:
    """Read a number of seven bits a byte; a kind keeps the bits as they are."""
    value = 0
    for n in range(most):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << (7 * n)
        if not byte & 0x80:
            break
    return value, at


def _wide(data: bytes, at: int) -> tuple[str, int]:
    if at + 4 > len(data):
        return "", len(data)
    (count,) = struct.unpack_from("<I", data, at)
    end = min(at + 4 + 2 * count, len(data))
    return data[at + 4 : end].decode("utf-16-le", "replace"), end


def sheets(data: bytes) -> list[tuple[str, str, bool]]:
    """Answer the sheets of `workbook.bin`: relationship id, name, whether it is hidden."""
    found = []
    for kind, body in records(data):
        if kind == _SHEET and len(body) > 8:
            key, at = _wide(body, 8)
            found.append((key, _wide(body, at)[0], int.from_bytes(body[:4], "little") != 0))
    return found


def shared_strings(data: bytes) -> list[str]:
    """Answer the strings of `sharedStrings.bin`."""
    return [_wide(body, 1)[0] for kind, body in records(data) if kind == _STRING_ITEM]


def formats(data: bytes) -> list[str]:
    """Answer the number format of each cell style of `styles.bin`."""
    codes, uses, inside = dict(BUILT_IN), [], False
    for kind, body in records(data):
        if kind == _FORMAT and len(body) > 6:
            codes[int.from_bytes(body[:2], "little")] = _wide(body, 2)[0]
        elif kind in (_XFS_BEGIN, _XFS_END):
            inside = kind == _XFS_BEGIN
        elif kind == _XF and inside:
            uses.append(int.from_bytes(body[2:4], "little"))
    return [codes.get(use, "") for use in uses]


def cells(data: bytes, strings: Sequence[str], forms: Sequence[str]) -> list[list[TableCell]]:
    """Answer the rows of a sheet's part from the first one in use."""
    rows: list[list[TableCell]] = []
    last = -1
    for kind, body in records(data):
        if kind == _ROW and len(body) >= 4:
            number = int.from_bytes(body[:4], "little")
            rows += [[] for _ in range(min(number - last, _MAX_BLANK_ROWS) if rows else 1)]
            last = number
        elif _RK <= kind <= _F_BOOL and len(body) >= 8 and rows:
            column, style = struct.unpack_from("<II", body)
            text = _value(kind, body[8:], style & 0xFFFFFF, strings, forms)
            if text and column < _MAX_COLUMNS:
                rows[-1] += [TableCell()] * (column - len(rows[-1]))
                rows[-1].append(TableCell(text))
    return rows


def _value(kind: int, body: bytes, style: int, strings: Sequence[str], forms: Sequence[str]) -> str:
    form = forms[style] if style < len(forms) else ""
    if kind == _RK:
        return shown(rk_number(int.from_bytes(body[:4], "little")), form)
    if kind in (_REAL, _F_NUMBER) and len(body) >= 8:
        return shown(struct.unpack_from("<d", body)[0], form)
    if kind in (_TEXT, _F_TEXT):
        return _wide(body, 0)[0]
    if kind == _SHARED:
        index = int.from_bytes(body[:4], "little")
        return strings[index] if index < len(strings) else ""
    return ("TRUE" if body[:1] == b"\1" else "FALSE") if kind in (_BOOL, _F_BOOL) else "#ERR"
