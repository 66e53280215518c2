"""Words, segments and boxes on a page, in points from its top left corner."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from extract_svc.engine.model import Box


class Word(NamedTuple):
    """A word and its box; `line` counts the lines in the order of the page's content."""

    x0: float
    top: float
    x1: float
    bottom: float
    text: str
    line: int


class Rule(NamedTuple):
    """A drawn line: horizontal ones have `top` = `bottom`, vertical ones `x0` = `x1`, after snapping."""

    x0: float
    top: float
    x1: float
    bottom: float


@dataclass(slots=True)
class Segment:
    """Words on one line that stand together."""

    words: list[Word]
    x0: float = 0.0
    top: float = 0.0
    x1: float = 0.0
    bottom: float = 0.0
    bold: bool = False
    text: str = field(default="")

    def __post_init__(self) -> None:
        x0s, tops, x1s, bottoms, texts, _ = zip(*self.words, strict=True)
        self.x0, self.top, self.x1, self.bottom = min(x0s), min(tops), max(x1s), max(bottoms)
        self.text = " ".join(texts)

    @property
    def height(self) -> float:
        """The line's height in points."""
        return self.bottom - self.top


def box_of(x0: float, top: float, x1: float, bottom: float) -> Box:
    """Make a box, rounded to a hundredth of a point."""
    return Box(round(x0, 2), round(top, 2), round(x1, 2), round(bottom, 2))


@dataclass(frozen=True, slots=True)
class Frame:
    """A page's visible rectangle in user space and its rotation in quarter turns, to bring boxes upright."""

    left: float
    bottom: float
    right: float
    top: float
    turns: int

    @property
    def width(self) -> float:
        """The width as shown."""
        return self.top - self.bottom if self.turns % 2 else self.right - self.left

    @property
    def height(self) -> float:
        """The height as shown."""
        return self.right - self.left if self.turns % 2 else self.top - self.bottom

    def upright(self, x0: float, y0: float, x1: float, y1: float) -> tuple[float, float, float, float]:
        """Turn a rectangle of user space into (x0, top, x1, bottom) as shown."""
        if self.turns == 0:
            return x0 - self.left, self.top - y1, x1 - self.left, self.top - y0
        if self.turns == 1:
            return y0 - self.bottom, x0 - self.left, y1 - self.bottom, x1 - self.left
        if self.turns == 2:
            return self.right - x1, y0 - self.bottom, self.right - x0, y1 - self.bottom
        return self.top - y1, self.right - x1, self.top - y0, self.right - x0
