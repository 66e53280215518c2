"""Write a pair's redline: side by side and inline, with an index of its changes to jump by.

Rules: unchanged blocks beyond the neighbours of a change are folded, and left out where the texts are large;
likely artefacts are there but out of sight until they are asked for; what is cut is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from collatio.report.align import align
from collatio.report.marks import marked, numbered
from collatio.report.markup import Markup, el, joined
from collatio.report.prose import Anchors, block_class, one_side, woven
from collatio.report.tables import Tables, one_side_table, plain_table, woven_table
from collatio.report.values import values_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collatio.report.align import Row
    from collatio.report.marks import Marked
    from collatio.report.model import Change, Pair, Paper

CONTEXT = 1
FOLD_MIN = 3
INDEX_MAX = 240


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a pair is written: `whole_max` code points of text for folds to keep their text; rows."""

    whole_max: int
    rows_max: int


ON_PAGE = Bounds(whole_max=60_000, rows_max=250)
IN_FILE = Bounds(whole_max=1_500_000, rows_max=5_000)


class Redline:
    """The redline of one pair, made once and written in two views."""

    def __init__(
        self,
        pair: Pair,
        papers: tuple[Paper, Paper],
        changes: Sequence[Change],
        titles: tuple[Markup, Markup],
        bounds: Bounds,
    ) -> None:
        self._pair = pair
        self._changes = changes
        self._numbers = numbered(changes)
        self._left = marked(papers[0], changes, self._numbers, left=True)
        self._right = marked(papers[1], changes, self._numbers, left=False)
        self._tables = Tables(papers[0], papers[1], changes, self._numbers)
        self._titles = titles
        self._rows = align(self._left, self._right, changes, self._tables.pairs())
        self._keeps_folds = len(papers[0].text) + len(papers[1].text) <= bounds.whole_max
        self._rows_max = bounds.rows_max

    def mark_up(self) -> Markup:
        """Write it."""
        key = f"p{self._pair.index}"
        side, inline = Anchors(f"{key}s", set()), Anchors(f"{key}i", set())
        side_view = joined(self._view(side, inline=False))
        inline_view = joined(self._view(inline, inline=True))
        artifacts = sum(change.artifact for change in self._changes)
        return el(
            "div",
            _switches(key, artifacts),
            el(
                "div",
                values_table(self._changes),
                self._notes(),
                el(
                    "div",
                    self._index(side),
                    el("div", el("div", self._titles[0]), el("div", self._titles[1]), class_="heads"),
                    side_view,
                    class_="side",
                ),
                el("div", self._index(inline), inline_view, class_="inline"),
                class_="views",
            ),
            class_="redline",
        )

    def _notes(self) -> Markup | None:
        if not self._pair.truncated:
            return None
        return el("p", "More changed than is listed: the list of changes reached its limit.", class_="note")

    def _index(self, anchors: Anchors) -> Markup | None:
        """List the changes that can be jumped to, in their order."""
        present = [n for n in self._numbers if n and f"{anchors.prefix}c{n}" in anchors.given]
        if not present:
            return None
        links = [
            el("li", el("a", str(n), href=f"#{anchors.prefix}c{n}", class_=f"k k-{self._kind(n)}"))
            for n in present[:INDEX_MAX]
        ]
        more = len(present) - INDEX_MAX
        if more > 0:
            links.append(el("li", f"and {more:,} more"))
        return el("nav", el("ol", links, class_="jumps"), aria_label="Changes")

    def _kind(self, number: int) -> str:
        change = self._changes[self._numbers.index(number)]
        return {"INSERTED": "in", "DELETED": "out", "MOVED": "mv"}.get(change.kind, "rp")

    def _view(self, anchors: Anchors, *, inline: bool) -> Iterator[Markup]:
        calm: list[Row] = []
        shown = 0
        for row in self._rows:
            if not self._is_changed(row):
                calm.append(row)
                continue
            if shown >= self._rows_max:
                break
            yield from self._folded(calm, anchors, inline=inline, first=shown == 0)
            calm = []
            yield self._row(row, anchors, inline=inline)
            shown += 1
        else:
            yield from self._folded(calm, anchors, inline=inline, first=shown == 0, last=True)
            return
        left = sum(map(self._is_changed, self._rows)) - shown
        yield el(
            "p", f"{left:,} more changed blocks are not shown; comparisons.jsonl has them.", class_="gap"
        )

    def _is_changed(self, row: Row) -> bool:
        return (
            any(mark.counts for at in row.left for mark in self._left.by_block[at])
            or any(mark.counts for at in row.right for mark in self._right.by_block[at])
            or self._table_of(row) is not None
        )

    def _table_of(self, row: Row) -> tuple[int | None, int | None] | None:
        """Name the tables of a row that changed."""
        left = next((t for at in row.left if (t := self._left.paper.blocks[at].table) is not None), None)
        right = next((t for at in row.right if (t := self._right.paper.blocks[at].table) is not None), None)
        return (left, right) if self._tables.merged(left, right) is not None else None

    def _folded(
        self, rows: Sequence[Row], anchors: Anchors, *, inline: bool, first: bool, last: bool = False
    ) -> Iterator[Markup]:
        """Write unchanged rows: the neighbours of a change as they are, those between folded."""
        before = 0 if first else CONTEXT
        after = 0 if last else CONTEXT
        if len(rows) < before + after + FOLD_MIN:
            yield from (self._row(row, anchors, inline=inline) for row in rows)
            return
        middle = rows[before : len(rows) - after]
        yield from (self._row(row, anchors, inline=inline) for row in rows[:before])
        what = "blocks unchanged or only renumbered" if self._renumbers(middle) else "unchanged blocks"
        words = f"{len(middle):,} {what}"
        if self._keeps_folds:
            inner = (self._row(row, anchors, inline=inline) for row in middle)
            yield el("details", el("summary", words), inner, class_="fold")
        else:
            yield el("p", f"{words} left out", class_="gap")
        yield from (self._row(row, anchors, inline=inline) for row in rows[len(rows) - after :] if after)

    def _renumbers(self, rows: Sequence[Row]) -> bool:
        return any(mark.quiet for row in rows for at in row.right for mark in self._right.by_block[at])

    def _row(self, row: Row, anchors: Anchors, *, inline: bool) -> Markup:
        name = "r chg" if self._is_changed(row) else "r"
        if not self._is_changed(row) and not (row.left and row.right):
            name = "r art"
        if inline:
            return el("div", self._inline_row(row, anchors), class_=name)
        return el(
            "div",
            el("div", self._blocks(row, anchors, left=True), class_="l"),
            el("div", self._blocks(row, anchors, left=False), class_="l"),
            class_=name,
        )

    def _blocks(self, row: Row, anchors: Anchors, *, left: bool) -> Iterator[Markup]:
        side = self._left if left else self._right
        for at in row.left if left else row.right:
            block = side.paper.blocks[at]
            page = _page_mark(side, at)
            if block.table is not None and block.table < len(side.paper.tables):
                ours = block.table
                merged = self._tables.merged(ours if left else None, None if left else ours)
                table = (
                    plain_table(side.paper.tables[ours])
                    if merged is None
                    else one_side_table(merged, anchors, left=left)
                )
                yield joined(page, table)
            else:
                text = side.paper.text[block.start : block.end]
                inner = one_side(side, at, self._changes, anchors, left=left)
                yield el("p", page, inner, class_=block_class(block, text), dir="auto")

    def _inline_row(self, row: Row, anchors: Anchors) -> Iterator[Markup]:
        tables = self._table_of(row)
        merged = self._tables.merged(*tables) if tables else None
        if merged is not None:
            yield woven_table(merged, anchors)
            return
        if not row.right:
            yield from self._blocks(row, anchors, left=True)
            return
        for block, inner in woven(self._left, self._right, (row.left, row.right), self._changes, anchors):
            if block.table is not None and block.table < len(self._right.paper.tables):
                yield plain_table(self._right.paper.tables[block.table])
            else:
                text = self._right.paper.text[block.start : block.end]
                yield el("p", inner, class_=block_class(block, text), dir="auto")


def _page_mark(side: Marked, at: int) -> Markup | None:
    """Say on which page a block stands, where it is the first of its page."""
    blocks = side.paper.blocks
    page = blocks[at].page
    if page == 0 or (at > 0 and blocks[at - 1].page == page):
        return None
    return el("span", f"p. {page}", class_="page")


def _switches(key: str, artifacts: int) -> Markup:
    """Write the switches between the views; they work by style alone, and stand before what they switch."""
    boxes = [
        el("input", type="radio", name=f"{key}v", id=f"{key}v1", class_="s-side", checked=True),
        el("label", "Side by side", for_=f"{key}v1"),
        el("input", type="radio", name=f"{key}v", id=f"{key}v2", class_="s-inline"),
        el("label", "Inline", for_=f"{key}v2"),
    ]
    if artifacts:
        boxes += [
            el("input", type="checkbox", id=f"{key}a", class_="s-art"),
            el("label", f"Likely artefacts ({artifacts:,})", for_=f"{key}a"),
        ]
    return joined(boxes)
