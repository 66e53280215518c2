"""Draw how alike the documents are: a triangle of squares, the names along its diagonal.

A document's row runs to the left of its name and its column down from it, so that no name is written twice.
Squares of one shade are one path, so that a hundred documents stay quick. At most `DOCUMENTS_MAX` are drawn.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from collatio.report.figures import percent
from collatio.report.markup import Markup, el, joined
from collatio.report.names import cut_middle
from collatio.report.order import alike_together, worth_showing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collatio.report.model import Account, Pair
    from collatio.report.names import Names

DOCUMENTS_MAX = 100
DENSITY_MIN = 0.5
_MAPPED = frozenset({"all_pairs", "near_duplicates"})
_TITLED_MAX = 24
_LEVELS = 10
_LABEL_PX = 300


def heatmap(account: Account, names: Names, linked: set[int]) -> Markup | None:
    """Draw the map; None where too few pairs were compared for one. `linked` are the pairs with a redline here."""
    compared = [pair for pair in account.pairs if pair.compared]
    everyone = sorted({at for pair in account.pairs for at in (pair.left, pair.right)})
    shown = worth_showing(everyone, compared, account.conclusion.clusters, DOCUMENTS_MAX)
    if len(shown) < 3:
        return None
    inside = set(shown)
    pairs = [pair for pair in account.pairs if pair.left in inside and pair.right in inside]
    filled = sum(pair.compared for pair in pairs)
    if account.job.plan not in _MAPPED and filled < DENSITY_MIN * len(shown) * (len(shown) - 1) / 2:
        return None
    order = alike_together(shown, pairs)
    drawing = _Drawing(order, pairs, names, linked)
    left_out = len(everyone) - len(shown)
    note = (
        f"The {len(shown)} documents with the closest others; {left_out:,} more are not drawn."
        if left_out
        else None
    )
    return joined(el("p", note, class_="note") if note else None, drawing.mark_up())


class _Drawing:
    def __init__(self, order: Sequence[int], pairs: Sequence[Pair], names: Names, linked: set[int]) -> None:
        self._order = order
        self._names = names
        self._linked = linked
        place = {document: at for at, document in enumerate(order)}
        self._cells: dict[tuple[int, int], Pair] = {}
        for pair in pairs:
            low, high = sorted((place[pair.left], place[pair.right]))
            self._cells[high, low] = pair
        self._px = 34 if len(order) <= 16 else 22 if len(order) <= 32 else 14 if len(order) <= 60 else 10

    def mark_up(self) -> Markup:
        """Write the figure: the picture, its legend, and what a pointer or the keyboard reads from it."""
        count, px = len(self._order), self._px
        width, height = count * px + _LABEL_PX, count * px + 2
        picture = el(
            "svg",
            self._squares(),
            self._numbers() if px >= 30 else None,
            self._labels(),
            self._hits() if count <= _TITLED_MAX else None,
            el("rect", class_="cursor", width=px, height=px, x=-999, y=-999),
            class_="heat",
            id="heat",
            viewBox=f"0 0 {width} {height}",
            width=width,
            height=height,
            role="img",
            tabindex=0,
            aria_label=f"How alike {count} documents are; the table of pairs has the same figures",
            data_px=px,
        )
        aside = el(
            "div", _legend(), el("p", id="heat-says", class_="says", role="status"), class_="heat-aside"
        )
        data = Markup(json.dumps(self._values(), separators=(",", ":")))  # digits alone
        return el(
            "figure",
            el("div", picture, class_="scroll"),
            aside,
            el("script", data, type="application/json", id="heat-data"),
            class_="heat-figure",
        )

    def _values(self) -> list[int]:
        """List the triangle row by row: thousandths, -1 where nothing was compared."""
        return [
            round(pair.overall * 1000) if pair is not None and pair.compared else -1
            for row in range(len(self._order))
            for column in range(row)
            for pair in (self._cells.get((row, column)),)
        ]

    def _squares(self) -> Iterator[Markup]:
        px, by_level = self._px, dict[str, list[str]]()
        gap = 1 if px > 12 else 0.5
        for (row, column), pair in sorted(self._cells.items()):
            level = f"h{_level(pair.overall)}" if pair.compared else "hx"
            side = px - gap
            by_level.setdefault(level, []).append(f"M{column * px} {row * px}h{side}v{side}h-{side}z")
        for level in sorted(by_level):
            yield el("path", class_=level, d="".join(by_level[level]))

    def _numbers(self) -> Iterator[Markup]:
        px = self._px
        for (row, column), pair in sorted(self._cells.items()):
            if pair.compared:
                yield el(
                    "text",
                    str(round(pair.overall * 100)),
                    x=column * px + (px - 1) / 2,
                    y=row * px + px / 2 + 4,
                    class_=f"n n{_level(pair.overall)}",
                )

    def _labels(self) -> Iterator[Markup]:
        px = self._px
        size = "l" if px >= 22 else "l m" if px >= 14 else "l s"
        for at, document in enumerate(self._order):
            yield el(
                "text",
                el("title", self._names.path(document)),
                cut_middle(self._names.short(document), 42),
                x=at * px + 6,
                y=at * px + px / 2 + (4 if px >= 14 else 3),
                class_=size,
            )

    def _hits(self) -> Iterator[Markup]:
        px = self._px
        for (row, column), pair in sorted(self._cells.items()):
            a, b = self._names.short(self._order[column]), self._names.short(self._order[row])
            told = percent(pair.overall) if pair.compared else pair.status.lower().replace("_", " ")
            square = el(
                "rect",
                el("title", f"{a} and {b}: {told}"),
                x=column * px,
                y=row * px,
                width=px - 1,
                height=px - 1,
                class_="hit",
            )
            linked = pair.index in self._linked
            yield el("a", square, href=f"#pair-{pair.index}", tabindex=-1) if linked else square


def _level(similarity: float) -> int:
    return min(_LEVELS, max(0, round(similarity * _LEVELS)))


def _legend() -> Markup:
    steps = [el("rect", x=at * 18, y=0, width=17, height=10, class_=f"h{at}") for at in range(_LEVELS + 1)]
    marks = [
        el("text", text, x=x, y=24, class_=f"tick {where}")
        for text, x, where in (("0", 0, "t0"), ("50%", 99, "t1"), ("100% alike", 197, "t2"))
    ]
    return el(
        "svg", steps, marks, class_="legend", viewBox="0 0 198 28", width=198, height=28, aria_hidden="true"
    )
