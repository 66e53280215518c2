"""Finds label-value pairs nobody asked for: lines of the form "Label: value" and two-column rows like them."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from extract_svc.engine.fields.places import place_of
from extract_svc.engine.fields.values import guess
from extract_svc.engine.model import BlockKind, Field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extract_svc.engine.model import Extraction

_LINE = re.compile(r"([^\W\d_][^:\uff1a\n\t]{0,48}?)\s*[:\uff1a][ \t\u00a0]+(\S[^\n\t]{0,119})")
_WORDS_MAX = 6
_FIELDS_MAX = 500
_SKIPPED = (BlockKind.CODE, BlockKind.TABLE)


def find_labelled(found: Extraction) -> Iterator[Field]:
    """Yield the pairs in reading order, at most five hundred."""
    for label, raw, n in islice(_pairs(found), _FIELDS_MAX):
        kind, value = guess(raw, found.metadata.language)
        place = place_of(found, n)
        yield Field(label, label, raw, value, kind, False, place.page, n, place.box)


def _pairs(found: Extraction) -> Iterator[tuple[str, str, int]]:
    for n, block in enumerate(found.blocks):
        if block.table is not None:
            for row in found.tables[block.table].rows:
                cells = [cell.text for cell in row.cells if cell.text]
                if len(cells) == 2 and cells[0].rstrip().endswith((":", "\uff1a")) and "\n" not in cells[1]:
                    yield cells[0].rstrip(" :\uff1a"), cells[1], n
        if block.kind in _SKIPPED or (":" not in block.text and "\uff1a" not in block.text):
            continue
        for line in block.text.split("\n"):
            match = _LINE.fullmatch(line.strip())
            if match and len(match[1].split()) <= _WORDS_MAX and not _sentence(match[2]):
                yield match[1], match[2], n


def _sentence(value: str) -> bool:
    """Whether a value reads as prose: many words with a stop at the end."""
    return len(value.split()) > 8 and value.rstrip()[-1:] in ".!?;,"
