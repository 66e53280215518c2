"""Where a label's value stands: after it on the line, in the next cell, to the right of it, or below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from extract_svc.engine.model import BlockKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from extract_svc.engine.model import Block, Box, Extraction

_SEPARATORS = " \t:\uff1a#=.-\u2013\u2014_|*"
_NEAR_POINTS = 40.0
_MAX_VALUE = 500
_MAX_LATER = 50


class Place(NamedTuple):
    """The block a value stands in, with its page and box."""

    block: int
    page: int
    box: Box | None


def place_of(found: Extraction, block: int) -> Place:
    """Answer the place of a block."""
    return Place(block, found.blocks[block].page, found.blocks[block].box)


def beside_label(found: Extraction, expression: Any) -> Iterator[tuple[str, str, Place]]:
    """Yield (label, value, place) of every place where a label's expression matches, the surest first.

    The expression's group 1 is what stands after the label on its line.
    """
    later: list[tuple[str, str, Place]] = []
    for n, block in enumerate(found.blocks):
        if block.table is not None:
            yield from _in_table(found, n, block.table, expression)
            continue
        lines = block.text.split("\n")
        for at, line in enumerate(lines):
            match = expression.search(line)
            if match is None:
                continue
            label = line[: match.start(1)].strip()
            raw = match.group(1).strip(_SEPARATORS)
            if raw:
                sure = match.group(1).lstrip()[:1] in (":", "\uff1a", "#", "=") or "\t" in match.group(1)
                hit = (label, raw[:_MAX_VALUE], place_of(found, n))
                if sure:
                    yield hit
                else:
                    later.append(hit)
            elif at + 1 < len(lines):
                later.append((label, lines[at + 1].strip(), place_of(found, n)))
            elif len(later) < _MAX_LATER:
                later += (
                    (label, found.blocks[m].text.split("\n")[0], place_of(found, m)) for m in _near(found, n)
                )
    yield from later


def _in_table(found: Extraction, n: int, table: int, expression: Any) -> Iterator[tuple[str, str, Place]]:
    rows = found.tables[table].rows
    for at, row in enumerate(rows):
        for column, cell in enumerate(row.cells):
            match = expression.search(cell.text) if cell.text else None
            if match is None:
                continue
            label = cell.text[: match.start(1)].strip()
            own = match.group(1).strip(_SEPARATORS)
            right = next((c.text for c in row.cells[column + 1 :] if c.text), "")
            below = rows[at + 1].cells[column].text if at + 1 < len(rows) else ""
            for raw in (
                (own, below, right) if cell.header or (at == 0 and len(rows) > 1) else (own, right, below)
            ):
                if raw.strip():
                    yield label, raw.strip()[:_MAX_VALUE], place_of(found, n)


def _near(found: Extraction, n: int) -> Iterator[int]:
    """Yield the blocks right of a label and below it, by their boxes; without boxes the one that follows."""
    block = found.blocks[n]
    if block.box is None:
        if n + 1 < len(found.blocks) and found.blocks[n + 1].kind is not BlockKind.HEADING:
            yield n + 1
        return
    scored = []
    for m, other in enumerate(found.blocks):
        distance = _distance(block, other) if m != n and other.page == block.page else None
        if distance is not None:
            scored.append((distance, m))
    yield from (m for _, m in sorted(scored)[:3])


def _distance(label: Block, other: Block) -> float | None:
    a, b = label.box, other.box
    if a is None or b is None:
        return None
    height = a.y1 - a.y0
    level = min(a.y1, b.y1) - max(a.y0, b.y0) > 0.4 * height
    if level and b.x0 >= a.x1 - 1:
        return b.x0 - a.x1
    if b.y0 >= a.y1 - 2 and b.y0 - a.y1 < _NEAR_POINTS and min(a.x1, b.x1) > max(a.x0, b.x0):
        return 200.0 + b.y0 - a.y1
    return None
