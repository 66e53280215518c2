"""What every extraction keeps to, whoever made it: indexes that lead somewhere, places on their pages, plain text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from collatio.plugins.extractors import Extraction

if TYPE_CHECKING:
    from collatio.plugins.extractors import Block, Box, Document, Field, Table

_CODE = re.compile(r"[A-Z][A-Z0-9_]*")
_SLACK_PT = 2.0


def check_extraction(found: Extraction, document: Document) -> None:
    """Check one extraction. Raises AssertionError that names the broken promise."""
    _expect(isinstance(found, Extraction), "extract answers an Extraction")
    _expect(found.media_type == document.media_type, "the media type is the document's")
    _check_blocks(found)
    _check_tables(found)
    _check_places(found)
    _check_metadata(found)
    _check_members(found)
    for warning in found.warnings:
        _expect(bool(_CODE.fullmatch(warning.code)), f"{warning.code!r} is an UPPER_SNAKE word")
        _expect(bool(warning.message), f"{warning.code} has a sentence for a person")
    for confidence in (
        found.confidence,
        *(p.confidence for p in found.pages),
        *(b.confidence for b in found.blocks),
    ):
        _expect(confidence is None or 0 <= confidence <= 1, "a confidence is from 0 to 1")


def _check_blocks(found: Extraction) -> None:
    for block in found.blocks:
        _expect(bool(block.text.strip()), "no block is without text")
        _expect(_is_plain(block.text), "text can be written in UTF-8 and holds no NUL")
        _expect(block.level >= 0, "a level is not negative")
        if block.table is not None:
            _expect(0 <= block.table < len(found.tables), "a block's table is an index into the tables")


def _check_tables(found: Extraction) -> None:
    for table in found.tables:
        _expect(bool(table.rows), "a table has rows")
        _expect(len({len(row.cells) for row in table.rows}) == 1, "every row of a table has every column")
        for row in table.rows:
            for cell in row.cells:
                _expect(cell.row_span >= 0 and cell.column_span >= 0, "a span is not negative")
                _expect(_is_plain(cell.text), "a cell's text can be written in UTF-8 and holds no NUL")


def _check_places(found: Extraction) -> None:
    _expect(
        [page.number for page in found.pages] == list(range(1, len(found.pages) + 1)), "pages count from 1"
    )
    placed: list[Block | Table | Field] = [*found.blocks, *found.tables, *found.fields]
    others: list[Any] = [*found.links, *found.outline, *found.warnings]
    for page in [*(one.page for one in placed), *(one.page for one in others)]:
        _expect(0 <= page <= len(found.pages), "a page is one of the pages, or 0")
    for one in placed:
        if one.box is not None:
            _expect(one.page > 0, "a box is on a page")
            sheet = found.pages[one.page - 1]
            _expect(
                _is_inside(one.box, sheet.width_pt, sheet.height_pt),
                "a box is on its page, its corners in order",
            )
    for field in found.fields:
        _expect(0 <= field.block < max(1, len(found.blocks)), "a field's block is an index into the blocks")


def _check_metadata(found: Extraction) -> None:
    stated = found.metadata
    for moment in (stated.create_time, stated.modify_time):
        _expect(moment is None or moment.utcoffset() is not None, "a stated time has a zone")
    _expect([entry.key for entry in stated.raw] == sorted(entry.key for entry in stated.raw), "raw is sorted")


def _check_members(found: Extraction) -> None:
    paths = [member.path for member in found.members]
    _expect(len(set(paths)) == len(paths), "no two members have one path")
    for path in paths:
        parts = path.split("/")
        _expect(bool(path) and not path.startswith("/") and ".." not in parts, "a member's path stays inside")


def _is_plain(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _is_inside(box: Box, width: float, height: float) -> bool:
    ordered = box.x0 <= box.x1 and box.y0 <= box.y1
    if not width or not height:
        return ordered
    return ordered and box.x1 <= width + _SLACK_PT and box.y1 <= height + _SLACK_PT


def _expect(holds: bool, promise: str) -> None:
    if not holds:
        raise AssertionError(f"An extraction's promise is broken: {promise}.")
