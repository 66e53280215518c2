"""Inflates the output of Unix `compress` (.Z): LZW with codes of 9 to 16 bits, in groups of eight codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason

if TYPE_CHECKING:
    from extract_svc.engine.archive import Budget

_CLEAR = 256
_MOST_BITS = 16


def inflate(data: bytes, budget: Budget) -> bytes:
    """Inflate. Errors: CollatioError DECOMPRESSION_LIMIT, DOCUMENT_CORRUPT."""
    if len(data) < 3:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The compressed data is broken.")
    most, blocks = data[2] & 0x1F, bool(data[2] & 0x80)
    if not 9 <= most <= _MOST_BITS:
        raise CollatioError(Reason.DECOMPRESSION_LIMIT, "Inflating asks for too large a table.")
    bits, at, table = 9, 3 * 8, [bytes([n]) for n in range(256)] + [b""] * blocks
    out: list[bytes] = []
    last, group = b"", at
    end = len(data) * 8
    while at + bits <= end:
        word = int.from_bytes(data[at // 8 : at // 8 + 4], "little")
        code = word >> (at % 8) & ((1 << bits) - 1)
        at += bits
        if blocks and code == _CLEAR:
            at = group + -(-(at - group) // (bits * 8)) * bits * 8
            group, bits, last = at, 9, b""
            del table[257:]
            continue
        if code < len(table):
            entry = table[code]
        elif last and code == len(table):
            entry = last + last[:1]
        else:
            raise CollatioError(Reason.DOCUMENT_CORRUPT, "The compressed data is broken.")
        budget.spend(len(entry))
        out.append(entry)
        if last and len(table) < 1 << most:
            table.append(last + entry[:1])
        last = entry
        if len(table) + bool(last) > 1 << bits and bits < most:
            at = group + -(-(at - group) // (bits * 8)) * bits * 8
            group, bits = at, bits + 1
    return b"".join(out)
