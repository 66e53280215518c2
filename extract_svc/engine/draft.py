"""An extraction in the making, which the formats write into; it also holds the output limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from extract_svc.engine.deadline import NEVER, Deadline
from extract_svc.engine.metadata import as_utf8
from extract_svc.engine.model import (
    Block,
    BlockKind,
    Box,
    Extraction,
    Limits,
    Link,
    Mark,
    MemberFile,
    Metadata,
    OutlineEntry,
    Page,
    Picture,
    Table,
    TableCell,
    TableRow,
    Warning,  # noqa: A004 - the contract's word for it
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


T = TypeVar("T")
_ROWS_A_LOOK = 64  # the clock costs as much as a short row
_BLOCK_S, _CELL_S = 12e-6, 8e-6
"""What it takes to hand over a block and a cell once they are read; measured on 150,000 and 3,000,000 of them."""


class LimitReached(Exception):  # noqa: N818 - it ends reading early; what was read so far stands
    """The output has all the pages, characters, blocks or cells it may have."""


class TimeReached(LimitReached):
    """The clock struck: there is time left to hand over what was read, and none to read on."""


def _cell(cell: str | TableCell) -> TableCell:
    if isinstance(cell, str):
        text = cell.strip()
        return TableCell(text if text.isascii() else as_utf8(text))
    if cell.text.isascii():
        return cell
    return TableCell(as_utf8(cell.text), cell.row_span, cell.column_span, cell.header)


class Draft:
    """Collects blocks, tables and the rest in reading order; raises `LimitReached` where output must stop.

    The deadline is told once, after something was added or before a further page: a format that catches it
    writes down what it holds, and no more is asked. It comes the earlier the more there is to hand over.
    """

    def __init__(self, limits: Limits, deadline: Deadline = NEVER) -> None:
        self.limits = limits
        self._deadline = deadline
        self._ending: type[LimitReached] | None = None
        self._told = False
        self._cells = self._loose_cells = 0
        self.pages: list[Page] = []
        self.blocks: list[Block] = []
        self.tables: list[Table] = []
        self.links: list[Link] = []
        self.pictures: list[Picture] = []
        self.outline: list[OutlineEntry] = []
        self.members: list[MemberFile] = []
        self.metadata = Metadata()
        self.media_type = ""
        self.source_text = ""
        self._judged = self._weight = 0.0
        self._warnings: dict[tuple[str, int], Warning] = {}
        self._paths: dict[str, int] = {}
        self._characters = 0

    def block(
        self,
        text: str,
        kind: BlockKind = BlockKind.PARAGRAPH,
        *,
        level: int = 0,
        page: int = 0,
        box: Box | None = None,
        marks: tuple[Mark, ...] = (),
        confidence: float | None = None,
        table: int | None = None,
    ) -> None:
        """Add a block; one without text is left out."""
        text = as_utf8(text.strip("\n\r\t \x0b\x0c"))
        if not text:
            return
        self._characters += len(text)
        limits = self.limits
        if (limits.max_characters and self._characters > limits.max_characters) or len(
            self.blocks
        ) >= limits.max_blocks:
            raise LimitReached
        self.blocks.append(Block(kind, text, level, page, box, table, marks, confidence))
        if table is None:
            self._stop()

    def table(
        self,
        rows: Iterable[Sequence[str | TableCell]],
        *,
        page: int = 0,
        box: Box | None = None,
        caption: str = "",
        marks: tuple[Mark, ...] = (),
        text: str | None = None,
        nested: bool = False,
    ) -> None:
        """Add a table and its block, padding every row to the widest; one without rows is left out.

        `text` replaces the block's text where the source has a form of its own (a delimited file's lines). A
        nested table gets no block: its text stands in a cell of the table around it.
        """
        built = self._built(rows, page, box, caption)
        if built is not None and nested:
            self.tables.append(built)
        elif built is not None:
            self._table_block(built, marks, text)
        self._stop()

    def sheet(
        self,
        regions: Iterable[Sequence[Sequence[TableCell]]],
        *,
        page: int,
        caption: str,
        marks: tuple[Mark, ...],
    ) -> None:
        """Add the tables of a sheet; all of it that was read is written before an end is told."""
        for region in regions:
            built = self._built(region, page, None, caption)
            if built is not None:
                self._table_block(built, marks, None)
        self._stop()

    def _built(
        self, rows: Iterable[Sequence[str | TableCell]], page: int, box: Box | None, caption: str
    ) -> Table | None:
        self._loose_cells = 0
        cells = [[_cell(c) for c in row] for row in self.in_time(rows)]
        width = max((len(row) for row in cells), default=0)
        if not width:
            return None
        self._cells += self._loose_cells
        self._loose_cells = 0
        empty = TableCell()
        return Table(
            tuple(TableRow(tuple(row) + (empty,) * (width - len(row))) for row in cells), page, box, caption
        )

    def _table_block(self, built: Table, marks: tuple[Mark, ...], text: str | None) -> None:
        self.block(
            built.text if text is None else text,
            BlockKind.TABLE,
            page=built.page,
            box=built.box,
            marks=marks,
            table=len(self.tables),
        )
        if self.blocks and self.blocks[-1].table == len(self.tables):
            self.tables.append(built)

    def page(
        self, width_pt: float = 0.0, height_pt: float = 0.0, *, label: str = "", hidden: bool = False
    ) -> int:
        """Begin the next page and answer its number."""
        if self.limits.max_pages and len(self.pages) >= self.limits.max_pages:
            raise LimitReached
        if self.pages:
            self._stop()
        self.pages.append(Page(len(self.pages) + 1, width_pt, height_pt, as_utf8(label), hidden))
        return len(self.pages)

    def turn_page(self) -> None:
        """Say that the page just begun is read turned by a quarter: its sides change places."""
        last = self.pages[-1]
        self.pages[-1] = replace(last, width_pt=last.height_pt, height_pt=last.width_pt)

    def judge(self, confidence: float, *, weight: float) -> None:
        """Say how far the text of the page just begun can be trusted; the document's is the weighted mean."""
        self.pages[-1] = replace(self.pages[-1], confidence=round(confidence, 4))
        self._judged += confidence * weight
        self._weight += weight

    def link(self, text: str, uri: str, page: int = 0) -> None:
        """Add a link; one without a target is left out."""
        if uri:
            self.links.append(Link(as_utf8(" ".join(text.split())), as_utf8(uri), page))

    def picture(self, sha256: str, page: int = 0) -> None:
        """Add a picture that stands behind the latest block; one without a digest is left out."""
        if sha256:
            self.pictures.append(Picture(sha256, page, max(0, len(self.blocks) - 1)))

    def member(self, path: str, data: bytes, media_type: str = "") -> None:
        """Add a document found inside this one, under a path that is its own."""
        path = as_utf8(path)
        unique, count = path or "member", self._paths.get(path, 1)
        while unique in self._paths:
            count += 1
            stem, dot, suffix = (path or "member").rpartition(".")
            unique = f"{stem}-{count}.{suffix}" if dot and stem else f"{path or 'member'}-{count}"
        self._paths[path] = count
        self._paths.setdefault(unique, 1)
        self.members.append(MemberFile(unique, data, media_type))
        self._stop()

    def in_time(self, rows: Iterable[T], cells: Callable[[Any], int] = len) -> Iterator[T]:
        """Yield the rows of a table until the deadline or the limit of cells; they are written, and then it is told."""
        for number, row in enumerate(rows):
            if self._ending is None and number:
                if self._cells + self._loose_cells >= self.limits.max_cells:
                    self._ending = LimitReached
                    return
                if number % _ROWS_A_LOOK == 1 and self._late():
                    self._ending = TimeReached
                    return
            yield row
            self._loose_cells += cells(row)

    def _stop(self) -> None:
        """Raise what ended a table's rows, or TimeReached when the deadline has passed: once."""
        if not self._told and (self._ending is not None or self._late()):
            self._ending, self._told = self._ending or TimeReached, True
            raise self._ending

    def _late(self) -> bool:
        cells = self._cells + self._loose_cells
        return self._deadline.passed(len(self.blocks) * _BLOCK_S + cells * _CELL_S)

    def warn(self, code: str, message: str, page: int = 0) -> None:
        """Add a warning, once a code and page."""
        self._warnings.setdefault((code, page), Warning(code, message, page))

    @property
    def warnings(self) -> list[Warning]:
        """What was warned of so far."""
        return list(self._warnings.values())

    def finish(self, media_type: str) -> Extraction:
        """Close the draft; a format that found another media type inside has set that."""
        return Extraction(
            media_type=self.media_type or media_type,
            pages=tuple(self.pages),
            blocks=tuple(self.blocks),
            tables=tuple(self.tables),
            metadata=self.metadata,
            links=tuple(self.links),
            outline=tuple(OutlineEntry(e.level, as_utf8(e.title), e.page) for e in self.outline),
            warnings=tuple(self._warnings.values()),
            confidence=round(self._judged / self._weight, 4) if self._weight else None,
            members=tuple(self.members),
            pictures=tuple(self.pictures),
            source_text=as_utf8(self.source_text),
        )
