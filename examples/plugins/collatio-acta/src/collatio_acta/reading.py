"""Reads Acta: a first line with the version, properties, a blank line, then the minutes.

    %ACTA 1
    title: Weekly meeting
    date: 2026-03-02

    # Decisions
    - Paint the fence.
    | Item  | Cost    |
    | Paint | 120 EUR |
    Anna reports.

Lines that begin with "#" are headings (one "#" a level), with "-" list items, with "|" the rows of a table whose
first row heads its columns. Everything else is a paragraph of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import groupby

from collatio.plugins.extractors import (
    Block,
    BlockKind,
    CollatioError,
    Document,
    Extraction,
    Metadata,
    MetadataEntry,
    Options,
    OutlineEntry,
    Reason,
    Table,
    TableCell,
    TableRow,
    Warning,  # noqa: A004 - the contract's word for it
)


def read(document: Document, options: Options) -> Extraction:
    """Read one document. Errors: DOCUMENT_CORRUPT, FORMAT_UNSUPPORTED."""
    try:
        lines = document.data.decode("utf-8").replace("\0", "\ufffd").splitlines()
    except UnicodeDecodeError as error:
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "Acta is UTF-8.") from error
    if not lines or not lines[0].startswith("%ACTA "):
        raise CollatioError(Reason.DOCUMENT_CORRUPT, "Acta begins with %ACTA and its version.")
    if lines[0].split()[1:] != ["1"]:
        raise CollatioError(Reason.FORMAT_UNSUPPORTED, "Only version 1 of Acta is read.")
    end = next((n for n, line in enumerate(lines) if not line.strip()), len(lines))
    stated = dict(_properties(lines[1:end]))
    body = [line.strip() for line in lines[end:] if line.strip()]
    return _Minutes(document.media_type, stated, options.limits.max_blocks).extraction(body)


def _properties(lines: list[str]) -> list[tuple[str, str]]:
    parted = (line.partition(":") for line in lines)
    return [(key.strip().lower(), value.strip()) for key, colon, value in parted if colon and value.strip()]


class _Minutes:
    def __init__(self, media_type: str, stated: dict[str, str], blocks_max: int) -> None:
        self._media_type, self._stated, self._blocks_max = media_type, stated, blocks_max
        self._blocks: list[Block] = []
        self._tables: list[Table] = []
        self._outline: list[OutlineEntry] = []
        self._warnings: list[Warning] = []

    def extraction(self, body: list[str]) -> Extraction:
        for is_table, run in groupby(body, key=lambda line: line.startswith("|")):
            lines = list(run)
            for block in [self._table(lines)] if is_table else map(self._line, lines):
                if block.text and len(self._blocks) < self._blocks_max:
                    self._blocks.append(block)
                elif block.text:
                    self._warnings = [Warning("PARTIAL", "There are more blocks than may be read.")]
        return Extraction(
            self._media_type,
            blocks=tuple(self._blocks),
            tables=tuple(self._tables),
            metadata=self._metadata(),
            outline=tuple(self._outline),
            warnings=tuple(self._warnings),
        )

    def _line(self, line: str) -> Block:
        if line.startswith("#"):
            text = line.lstrip("#").strip()
            level = len(line) - len(line.lstrip("#"))
            if text:
                self._outline.append(OutlineEntry(level, text))
            return Block(BlockKind.HEADING, text, level=level)
        if line.startswith("-"):
            return Block(BlockKind.LIST_ITEM, line.removeprefix("-").strip(), level=1)
        return Block(BlockKind.PARAGRAPH, line)

    def _table(self, lines: list[str]) -> Block:
        cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        width = max(len(row) for row in cells)
        rows = tuple(
            TableRow(tuple(TableCell(text, header=n == 0) for text in row + [""] * (width - len(row))))
            for n, row in enumerate(cells)
        )
        table = Table(rows)
        if not table.text.strip():
            return Block(BlockKind.TABLE, "")
        self._tables.append(table)
        return Block(BlockKind.TABLE, table.text, table=len(self._tables) - 1)

    def _metadata(self) -> Metadata:
        return Metadata(
            title=self._stated.get("title", ""),
            author=self._stated.get("author", ""),
            create_time=_day(self._stated.get("date", "")),
            raw=tuple(MetadataEntry(key, value) for key, value in sorted(self._stated.items())),
        )


def _day(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
