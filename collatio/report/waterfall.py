"""Draw a job's trace: a lane for each kind of span under each kind of parent, time from left to right.

A job of a thousand documents has tens of thousands of spans but few kinds of them. Spans of one name, of one
service, under parents of one lane, share a lane; its bars are one path.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from collatio.report.figures import duration
from collatio.report.markup import Markup, el
from collatio.report.names import cut_middle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collatio.report.spans import Bar

LANES_MAX = 120
_DEPTH_MAX = 64
_LABEL_PX, _BARS_PX, _SUM_PX, _LANE_PX = 330, 680, 110, 20
_STAGES = ("gateway", "fetch", "extract", "compare")


@dataclass(slots=True)
class _Lane:
    service: str
    name: str
    depth: int
    bars: list[Bar] = field(default_factory=list)
    below: dict[tuple[str, str], _Lane] = field(default_factory=dict)

    def walk(self) -> Iterator[_Lane]:
        """Yield this lane and those below it, in the order in which they began."""
        yield self
        for lane in sorted(self.below.values(), key=lambda each: (each.bars[0].start_ns, each.name)):
            yield from lane.walk()


def waterfall(bars: Sequence[Bar]) -> Markup | None:
    """Draw the trace; None without spans."""
    if not bars:
        return None
    begin = min(bar.start_ns for bar in bars)
    end = max(begin + 1, *(bar.end_ns for bar in bars))
    lanes = [lane for lane in _lanes(bars).walk() if lane.bars]
    drawn = lanes[:LANES_MAX]
    height = (len(drawn) + 1) * _LANE_PX + 8
    width = _LABEL_PX + _BARS_PX + _SUM_PX
    picture = el(
        "svg",
        _legend(),
        _axis(end - begin, height),
        (part for at, lane in enumerate(drawn) for part in _draw(lane, at, begin, end)),
        class_="fall",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        aria_label=f"The job's trace: {len(bars)} spans in {duration((end - begin) / 1e9)}",
    )
    return el("div", picture, class_="scroll")


def _lanes(bars: Sequence[Bar]) -> _Lane:
    root = _Lane("", "", -1)
    ids = {bar.id: bar for bar in bars}
    lane_of: dict[str, _Lane] = {}

    def lane(bar: Bar) -> _Lane:
        path: list[Bar] = []
        seen: set[str] = set()
        at: Bar | None = bar
        while at is not None and at.id not in lane_of and at.id not in seen and len(path) < _DEPTH_MAX:
            path.append(at)
            seen.add(at.id)
            at = ids.get(at.parent)
        above = lane_of[at.id] if at is not None and at.id in lane_of else root
        for each in reversed(path):
            key = (each.service, each.name)
            if key not in above.below:
                above.below[key] = _Lane(each.service, each.name, above.depth + 1)
            above = lane_of[each.id] = above.below[key]
        return above

    for bar in sorted(bars, key=lambda each: (each.start_ns, -each.end_ns, each.id)):
        lane(bar).bars.append(bar)
    return root


def _legend() -> Iterator[Markup]:
    x = 6
    for stage in _STAGES:
        yield el("rect", x=x, y=4, width=9, height=9, class_=f"bars f-{stage}")
        yield el("text", stage, x=x + 13, y=12, class_="tick")
        x += 72


def _axis(total_ns: int, height: int) -> Iterator[Markup]:
    step = _step(total_ns)
    at = 0
    while at <= total_ns:
        x = round(_LABEL_PX + _BARS_PX * at / total_ns, 1)
        yield el("line", x1=x, x2=x, y1=_LANE_PX - 2, y2=height, class_="rule")
        yield el("text", _tick(at), x=x, y=12, class_="tick t1")
        at += step


def _tick(at_ns: int) -> str:
    seconds = at_ns / 1e9
    return "0" if not at_ns else f"{seconds:g} s" if seconds < 600 else f"{seconds / 60:g} min"


def _step(total_ns: int) -> int:
    """Choose a round distance between marks, so that there are four to ten."""
    unit = 1_000_000
    while True:
        for factor in (1, 2, 5):
            if total_ns / (unit * factor) <= 9:
                return unit * factor
        unit *= 10


def _draw(lane: _Lane, at: int, begin: int, end: int) -> Iterator[Markup]:
    y = (at + 1) * _LANE_PX
    stage = next((each for each in _STAGES if each in lane.service), "other")
    count = len(lane.bars)
    times = f" \N{MULTIPLICATION SIGN} {count:,}" if count > 1 else ""
    total = sum(bar.end_ns - bar.start_ns for bar in lane.bars) / 1e9
    longest = max(bar.end_ns - bar.start_ns for bar in lane.bars) / 1e9
    label = cut_middle(lane.name.removeprefix("collatio.v1."), 44 - lane.depth) + times
    told = f"{lane.service}: {lane.name}{times}, {duration(total)} in all, the longest {duration(longest)}"
    yield el(
        "g",
        el("title", told),
        el("rect", x=0, y=y, width=_LABEL_PX + _BARS_PX + _SUM_PX, height=_LANE_PX, class_="lane"),
        el("text", label, x=6 + lane.depth * 11, y=y + 14, class_="label"),
        _path([bar for bar in lane.bars if not bar.failed], y, begin, end, f"bars f-{stage}"),
        _path([bar for bar in lane.bars if bar.failed], y, begin, end, "bars f-failed"),
        el(
            "text",
            duration(total) if total else "",
            x=_LABEL_PX + _BARS_PX + _SUM_PX - 6,
            y=y + 14,
            class_="tick t2",
        ),
    )


def _path(bars: Sequence[Bar], y: int, begin: int, end: int, name: str) -> Markup | None:
    if not bars:
        return None
    scale = _BARS_PX / (end - begin)
    parts = []
    for bar in bars:
        x = round(_LABEL_PX + (bar.start_ns - begin) * scale, 1)
        w = max(1.5, round((bar.end_ns - bar.start_ns) * scale, 1))
        parts.append(f"M{x} {y + 5}h{w}v10h-{w}z")
    return el("path", d="".join(parts), class_=name)
