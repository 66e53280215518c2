"""The records of Excel's binary workbooks ([MS-XLS] 2.1.4) and the strings in them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from extract_svc.engine.charset import known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONTINUE = 0x3C
_MAX_STRINGS = 2_000_000


class Record(NamedTuple):
    """A record: its kind, its body, and where it begins in the stream."""

    kind: int
    data: bytes
    at: int


def read_records(stream: bytes) -> Iterator[Record]:
    """Yield the records in order; a last one that is cut short is left out."""
    at = 0
    while at + 4 <= len(stream):
        kind, size = struct.unpack_from("<HH", stream, at)
        if at + 4 + size > len(stream):
            return
        yield Record(kind, stream[at + 4 : at + 4 + size], at)
        at += 4 + size


def short_string(data: bytes, *, wide: bool, size: int, encoding: str) -> str:
    """Read a string that begins with its length in `size` bytes; Excel 97 puts a flag byte after it."""
    count = int.from_bytes(data[:size], "little")
    if not wide:
        return data[size : size + count].decode(encoding, "replace")
    if len(data) <= size:
        return ""
    return characters(data[size + 1 :], count, two_bytes=bool(data[size] & 1))


def characters(data: bytes, count: int, *, two_bytes: bool) -> str:
    """Decode characters of one or two bytes."""
    if two_bytes:
        return data[: 2 * count].decode("utf-16-le", "replace")
    return data[:count].decode("latin-1")


def code_page(data: bytes) -> str:
    """Answer the encoding a CODEPAGE record names."""
    number = int.from_bytes(data[:2], "little")
    return (
        {0x8000: "mac-roman", 0x8001: "cp1252", 367: "cp1252"}.get(number) or known(f"cp{number}") or "cp1252"
    )


def rk_number(value: int) -> float:
    """Decode an RK number ([MS-XLS] 2.5.218)."""
    if value & 2:
        number = float(value >> 2 if value < 0x80000000 else (value >> 2) - (1 << 30))
    else:
        (number,) = struct.unpack("<d", struct.pack("<Q", (value & 0xFFFFFFFC) << 32))
    return number / 100 if value & 1 else number


class _Pieces:
    """The bodies of a record and its continuations, read across their borders."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._piece = self._at = 0

    @property
    def done(self) -> bool:
        return self._piece >= len(self._pieces)

    def _next(self) -> None:
        self._piece, self._at = self._piece + 1, 0

    def raw(self, count: int) -> bytes:
        parts = []
        while count > 0 and not self.done:
            part = self._pieces[self._piece][self._at : self._at + count]
            parts.append(part)
            count -= len(part)
            self._at += len(part)
            if self._at >= len(self._pieces[self._piece]):
                self._next()
        return b"".join(parts)

    def text(self, count: int, *, two_bytes: bool) -> str:
        """Read characters; a continuation begins with a flag byte of its own."""
        parts = []
        while count > 0 and not self.done:
            piece = self._pieces[self._piece]
            width = 2 if two_bytes else 1
            here = min(count, (len(piece) - self._at) // width)
            parts.append(characters(piece[self._at :], here, two_bytes=two_bytes))
            count -= here
            self._at += here * width
            if self._at >= len(piece) or (count and here == 0):
                self._next()
                if count and not self.done:
                    two_bytes = bool(self._pieces[self._piece][:1] == b"\1")
                    self._at = 1
        return "".join(parts)


def shared_strings(pieces: Sequence[bytes]) -> list[str]:
    """Read the table of shared strings from an SST record and its continuations ([MS-XLS] 2.4.265)."""
    reader = _Pieces(pieces)
    head = reader.raw(8)
    if len(head) < 8:
        return []
    strings: list[str] = []
    for _ in range(min(int.from_bytes(head[4:8], "little"), _MAX_STRINGS)):
        start = reader.raw(3)
        if len(start) < 3:
            break
        count, flags = int.from_bytes(start[:2], "little"), start[2]
        runs = int.from_bytes(reader.raw(2), "little") if flags & 8 else 0
        extra = int.from_bytes(reader.raw(4), "little") if flags & 4 else 0
        strings.append(reader.text(count, two_bytes=bool(flags & 1)))
        reader.raw(4 * runs + extra)
    return strings
