"""Word documents of Word 6 to 2003 (DOC, [MS-DOC]): the text by its piece table, story by story.

Tables are told by their cell marks: a mark after an empty cell ends a row ([MS-DOC] 2.4.3 keeps the sure sign
in paragraph properties, which are not read here).
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from collatio.runtime.errors import CollatioError, Reason
from extract_svc.engine import cfb, summary
from extract_svc.engine.embedded import unwrap_storage
from extract_svc.engine.locks import rc4
from extract_svc.engine.model import BlockKind, Mark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from extract_svc.engine.draft import Draft
    from extract_svc.engine.model import Document, Options

_MAGICS = (0xA5EC, 0xA5DC, 0xA59C, 0xA59B)
_ENCRYPTED, _TABLE_1, _OBFUSCATED, _WORD_97 = 0x0100, 0x0200, 0x8000, 0x00C1
_BLOCK, _CLEAR = 512, 68  # bytes a key serves, and those at the start that are never enciphered
_STORIES = (
    ("body", BlockKind.PARAGRAPH),
    ("footnotes", BlockKind.FOOTNOTE),
    ("headers", BlockKind.HEADER),
    ("macros", BlockKind.PARAGRAPH),
    ("comments", BlockKind.PARAGRAPH),
    ("endnotes", BlockKind.FOOTNOTE),
    ("boxes", BlockKind.PARAGRAPH),
    ("header boxes", BlockKind.HEADER),
)
_CONTROL = {
    0x0B: "\n", 0x1E: "\u2011", 0x1F: "\u00ad", 0xA0: "\u00a0", 0x01: "", 0x02: "", 0x03: "", 0x04: "", 0x05: "",
    0x08: "", 0x06: "", 0x28: "(",
}  # fmt: skip
_FIELD = re.compile("\x13([^\x13\x14\x15]*)(?:\x14([^\x13\x15]*))?\x15")
_LINK = re.compile(r"HYPERLINK\s+(?:\\l\s+)?\"([^\"]+)\"")
_SHOWN_FIELDS = ("EQ ", "FORMTEXT", "QUOTE")
_MAX_FIELD_DEPTH = 20


def read(document: Document, options: Options, draft: Draft) -> None:
    """Read a Word document."""
    compound = cfb.CompoundFile(document.data)
    stream = compound.stream("WordDocument")
    if len(stream) < 0x60:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The document's stream cannot be read.")
    magic, version, flags = struct.unpack_from("<HH6xH", stream)
    if magic not in _MAGICS:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "The document's stream cannot be read.")
    if "\x09DRMContent" in compound or compound.is_storage("\x06DataSpaces"):
        raise CollatioError(Reason.ENCRYPTED, "The document is locked by rights management.")
    if flags & _ENCRYPTED:
        stream = _unlock(compound, stream, flags, options.passwords)
    draft.metadata = summary.metadata(compound)
    text, lengths = _word_97(compound, stream, flags) if version >= _WORD_97 else _word_6(stream)
    at = 0
    for (name, kind), length in zip(_STORIES, lengths, strict=False):
        _story(text[at : at + length], kind, (Mark.COMMENT,) if name == "comments" else (), draft)
        at += length
    for path in compound.children("ObjectPool"):
        found = unwrap_storage(compound, path)
        if found:
            draft.member(*found)


def _unlock(compound: cfb.CompoundFile, stream: bytes, flags: int, passwords: Sequence[str]) -> bytes:
    """Open the document's and the table's stream with a password ([MS-DOC] 2.2.6); what says how stays as it is."""
    name = "1Table" if flags & _TABLE_1 else "0Table"
    table, size = compound.stream(name), int.from_bytes(stream[14:18], "little")
    key = None if flags & _OBFUSCATED or not passwords else rc4.key_of(table[:size], passwords)
    if key is None:
        raise CollatioError(Reason.ENCRYPTED, "The document is locked with a password.")
    compound.replace(name, table[:size] + key.decipher(table, _BLOCK)[size:])
    return stream[:_CLEAR] + key.decipher(stream, _BLOCK)[_CLEAR:]


def _word_97(compound: cfb.CompoundFile, stream: bytes, flags: int) -> tuple[str, list[int]]:
    """Join the pieces of the text ([MS-DOC] 2.4.1)."""
    table = compound.stream("1Table" if flags & _TABLE_1 else "0Table")
    lengths = list(struct.unpack_from("<8i", stream, 0x4C))
    start, size = struct.unpack_from("<II", stream, 0x1A2) if len(stream) > 0x1AA else (0, 0)
    pieces = _pieces(table[start : start + size], stream)
    if not pieces:
        first, last = struct.unpack_from("<II", stream, 0x18)
        return stream[first:last].decode("cp1252", "replace"), [last - first]
    return pieces, [max(n, 0) for n in lengths]


def _pieces(clx: bytes, stream: bytes) -> str:
    at = 0
    while at < len(clx) and clx[at] == 1:
        at += 3 + int.from_bytes(clx[at + 1 : at + 3], "little")
    if at + 5 > len(clx) or clx[at] != 2:
        return ""
    (size,) = struct.unpack_from("<I", clx, at + 1)
    plc = clx[at + 5 : at + 5 + size]
    count = (len(plc) - 4) // 12
    if count < 1:
        return ""
    places = struct.unpack_from(f"<{count + 1}I", plc)
    parts = []
    for n in range(count):
        (offset,) = struct.unpack_from("<I", plc, 4 * (count + 1) + 8 * n + 2)
        length = places[n + 1] - places[n]
        if length < 0 or length > len(stream):
            continue
        if offset & 0x40000000:
            begin = (offset & 0x3FFFFFFF) // 2
            parts.append(stream[begin : begin + length].decode("cp1252", "replace"))
        else:
            parts.append(stream[offset : offset + 2 * length].decode("utf-16-le", "surrogatepass"))
    return "".join(parts)


def _word_6(stream: bytes) -> tuple[str, list[int]]:
    """Word 6 and 95 keep the text in one piece of single bytes."""
    first, last = struct.unpack_from("<II", stream, 0x18)
    lengths = list(struct.unpack_from("<8i", stream, 0x34))
    return stream[first:last].decode("cp1252", "replace"), [max(n, 0) for n in lengths]


def _fields(text: str, draft: Draft) -> str:
    """Put fields' results in their places, the innermost first; links go to the draft."""

    def result(found: re.Match[str]) -> str:
        instruction, shown = found[1], found[2] or ""
        link = _LINK.search(instruction)
        if link:
            draft.link(shown, link[1])
        return shown or (instruction if instruction.strip().startswith(_SHOWN_FIELDS) else "")

    for _ in range(_MAX_FIELD_DEPTH):
        text, count = _FIELD.subn(result, text)
        if not count:
            break
    return re.sub("[\x13-\x15]", "", text)


def _story(text: str, kind: BlockKind, marks: tuple[Mark, ...], draft: Draft) -> None:
    text = _fields(text, draft).translate(_CONTROL)
    seen: set[str] = set()
    for part in _split_tables(text):
        if isinstance(part, list):
            draft.table(part, marks=marks)
            continue
        for paragraph in re.split("[\r\x0c\x0e\x07]", part):
            if kind in (BlockKind.HEADER, BlockKind.FOOTER):
                if paragraph in seen:
                    continue
                seen.add(paragraph)
            draft.block(paragraph, kind, marks=marks)


def _split_tables(text: str) -> list[str | list[list[str]]]:
    """Cut the text where cells are: runs of cell marks become rows."""
    if "\x07" not in text:
        return [text]
    parts: list[str | list[list[str]]] = []
    at = 0
    for found in re.finditer("(?:[^\x07]*\x07)+", text):
        head, cells = _lead(found[0])
        parts.append(text[at : found.start()] + head)
        rows = _rows(cells)
        if rows:
            parts.append(rows)
        at = found.end()
    parts.append(text[at:])
    return parts


def _lead(run: str) -> tuple[str, list[str]]:
    """Answer the text before the first cell and the cells; paragraphs before a table are not in its first cell."""
    cells = run.split("\x07")[:-1]
    head, mark, first = cells[0].rpartition("\r")
    return head + mark, [first, *cells[1:]]


def _rows(cells: list[str]) -> list[list[str]]:
    """Gather cells into rows: an empty cell mark ends a row."""
    rows: list[list[str]] = []
    row: list[str] = []
    for cell in cells:
        if not cell and row:
            rows.append(row)
            row = []
        elif cell or row:
            row.append(cell.replace("\r", "\n").strip())
    if row:
        rows.append(row)
    return rows
