"""Tells page furniture from content: running heads and feet, page numbers.

An extractor that knows says so by the block's kind. Where it does not, a block at the top or the bottom of
its page is furniture if it is only a page number, or if the same text, digits aside, stands at the edge of at
least `REPEATS_MIN` pages.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from compare_svc.engine.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from compare_svc.engine.model import Block

REPEATS_MIN = 3
EDGE_BLOCKS = 2
LENGTH_MAX = 200
_NAMED = (BlockKind.HEADER, BlockKind.FOOTER)
_EDGE_KINDS = (BlockKind.PARAGRAPH, BlockKind.UNSPECIFIED, BlockKind.HEADING)
_DIGITS = re.compile(r"\d+")
_PAGE_NUMBER = re.compile(
    r"(?:(?:page|seite|p\.|página|pagina|pág\.|s\.)\s*)?[-\u2013\u2014\s]*\d{1,4}"
    r"(?:\s*(?:/|of|von|de|sur|di)\s*\d{1,4})?[-\u2013\u2014\s]*",
    re.IGNORECASE,
)


def find_furniture(blocks: Sequence[Block]) -> frozenset[int]:
    """Give the indexes of the blocks that are page furniture."""
    found = {at for at, block in enumerate(blocks) if block.kind in _NAMED}
    edges = _edge_blocks(blocks)
    repeated: defaultdict[str, set[int]] = defaultdict(set)
    for at in edges:
        repeated[_pattern(blocks[at].text)].add(blocks[at].page)
    for at in edges:
        text = blocks[at].text.strip()
        if _PAGE_NUMBER.fullmatch(text) or len(repeated[_pattern(text)]) >= REPEATS_MIN:
            found.add(at)
    return frozenset(found)


def _pattern(text: str) -> str:
    return _DIGITS.sub("#", " ".join(text.split()).casefold())


def _edge_blocks(blocks: Sequence[Block]) -> set[int]:
    """Give the first and last few short blocks of each page; a lone block on its page is content."""
    pages: defaultdict[int, list[int]] = defaultdict(list)
    for at, block in enumerate(blocks):
        if block.page and block.text and not block.text.isspace():
            pages[block.page].append(at)
    edges: set[int] = set()
    for on_page in pages.values():
        if len(on_page) > 1:
            edges.update(on_page[:EDGE_BLOCKS])
            edges.update(on_page[-EDGE_BLOCKS:])
    return {at for at in edges if len(blocks[at].text) <= LENGTH_MAX and blocks[at].kind in _EDGE_KINDS}
