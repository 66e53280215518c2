"""Locked workbooks of Excel 97 to 2003 ([MS-XLS] 2.2.10): records keep their heads in the clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine.formats.xls.records import Record
from extract_svc.engine.locks import rc4
from extract_svc.engine.locks.ooxml import EXCELS_OWN

if TYPE_CHECKING:
    from collections.abc import Sequence

_BOF, _EOF, _FILEPASS, _BOUNDSHEET = 0x809, 0x0A, 0x2F, 0x85
_CLEAR = frozenset((_BOF, _FILEPASS, 0xE1, 0x194, 0x195, 0x196, 0x138))
_BLOCK = 1024


def unlock(stream: bytes, records: list[Record], passwords: Sequence[str]) -> list[Record]:
    """Answer the records deciphered, if they are enciphered at all.

    Errors: CollatioError ENCRYPTED where no password fits, or for the older obfuscation.
    """
    lock = next((record for record in records[:64] if record.kind in (_FILEPASS, _EOF)), None)
    if lock is None or lock.kind == _EOF:
        return records
    enciphered = lock.data[:2] == b"\1\0" and len(lock.data) > 6
    key = rc4.key_of(lock.data[2:], (EXCELS_OWN, *passwords)) if enciphered else None
    if key is None:
        raise CollatioError(Reason.ENCRYPTED, "The workbook is locked with a password.")
    opened = key.decipher(stream, _BLOCK)
    return [_opened(record, opened) for record in records]


def _opened(record: Record, opened: bytes) -> Record:
    if record.kind in _CLEAR:
        return record
    begin = record.at + 4
    clear = record.data[:4] if record.kind == _BOUNDSHEET else b""  # where the sheet begins
    return Record(record.kind, clear + opened[begin + len(clear) : begin + len(record.data)], record.at)
